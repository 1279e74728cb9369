"""The tutorials are executed: the blocks of each run, in order."""

import pytest

from .pages import pages_in, run_page

# Too long for each run of the tests.
LONG = {"tutorials/first_unet.md", "tutorials/train.md"}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.slow] if page in LONG else [])
        for page in pages_in("tutorials")
    ],
)
def test_every_block_runs_in_order(page, tmp_path):
    run_page(page, tmp_path, MPLBACKEND="Agg")
