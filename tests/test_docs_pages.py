"""The first page of the site and that of other libraries' names are executed."""

import pytest

from .pages import run_page


@pytest.mark.parametrize("page", ["index.md", "migration.md"])
def test_every_block_runs_in_order(page, tmp_path):
    run_page(page, tmp_path)
