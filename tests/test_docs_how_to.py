"""The pages on how to do something are executed: the blocks of each run, in order."""

import pytest

from .pages import pages_in, run_page

# Too long for each run of the tests.
LONG = {"how_to/files.md", "how_to/three_dimensions.md", "how_to/walls.md"}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.slow] if page in LONG else [])
        for page in pages_in("how_to")
    ],
)
def test_every_block_runs_in_order(page, tmp_path):
    run_page(page, tmp_path)
