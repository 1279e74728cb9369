"""The page on training is executed: its blocks run, in order."""

from .pages import run_page


def test_every_block_runs_in_order(tmp_path):
    run_page("training.md", tmp_path, least=5)
