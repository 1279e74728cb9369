"""The page on one's own data is executed: its blocks run, in order."""

import importlib.util

import pytest

from .pages import blocks_of, run_python

BLOCKS = blocks_of("your_data.md")


@pytest.mark.slow
def test_every_block_runs_in_order(tmp_path):
    assert len(BLOCKS) >= 9
    has_xarray = importlib.util.find_spec("xarray") is not None
    run = [block for block in BLOCKS if has_xarray or "xarray" not in block]
    out = run_python("-c", "\n".join(run), cwd=tmp_path, MPLBACKEND="Agg")
    assert "FieldData('dye:0+', 10 trajectories, 13 times, grid (64, 48))" in out
    assert "('time_step', 'viscosity')" in out
    assert (tmp_path / "flow.gif").read_bytes()[:3] == b"GIF"
