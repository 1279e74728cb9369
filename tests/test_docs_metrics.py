"""The page on metrics is executed: its blocks run, in order."""

import pytest

from .pages import blocks_of, run_python

BLOCKS = blocks_of("metrics.md")


@pytest.mark.slow
def test_every_block_runs_in_order(tmp_path):
    assert len(BLOCKS) >= 5
    run_python("-c", "\n".join(BLOCKS), cwd=tmp_path)
