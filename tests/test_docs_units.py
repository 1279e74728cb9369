"""The page on units is executed: its blocks run, in order."""

from .pages import run_page


def test_every_block_runs_in_order(tmp_path):
    out = run_page("units.md", tmp_path, least=4)
    assert "('time_step', 'shear_viscosity')" in out
    assert "('time_step', 'resistivity')" in out
