"""The page on training is executed: its blocks run, in order."""

import pytest

from .pages import run_page


@pytest.mark.slow
def test_every_block_runs_in_order(tmp_path):
    run_page("training.md", tmp_path, least=5)
