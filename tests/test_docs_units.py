"""The page on units is executed: its blocks run, in order."""

from .pages import blocks_of, run_python

BLOCKS = blocks_of("units.md")


def test_every_block_runs_in_order(tmp_path):
    assert len(BLOCKS) >= 4
    out = run_python("-c", "\n".join(BLOCKS), cwd=tmp_path)
    assert "('time_step', 'shear_viscosity')" in out
    assert "('time_step', 'resistivity')" in out
