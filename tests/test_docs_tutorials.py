"""The tutorials are executed: the blocks of each run, in order."""

import pytest

from .pages import pages_in, run_page, run_pages

# Too long for each run of the tests.
LONG = {"tutorials/first_unet.md", "tutorials/train.md"}


def test_every_short_page_runs(tmp_path):
    short = [page for page in pages_in("tutorials") if page not in LONG]
    run_pages(short, tmp_path, MPLBACKEND="Agg")


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted(LONG))
def test_every_long_page_runs(page, tmp_path):
    run_page(page, tmp_path, MPLBACKEND="Agg")
