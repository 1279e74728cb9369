"""The pages on concepts are executed: the blocks of each run, in order."""

import pytest

from .pages import pages_in, run_page


@pytest.mark.parametrize("page", pages_in("concepts"))
def test_every_block_runs_in_order(page, tmp_path):
    run_page(page, tmp_path)
