"""The pages on concepts are executed: the blocks of each run, in order."""

from .pages import pages_in, run_pages


def test_every_page_runs(tmp_path):
    run_pages(pages_in("concepts"), tmp_path)
