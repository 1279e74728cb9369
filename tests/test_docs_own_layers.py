"""The page on layers of one's own is executed: its blocks run, in order."""

from .pages import run_page


def test_every_block_runs_in_order(tmp_path):
    out = run_page("own_layers.md", tmp_path, least=5)
    assert "Soften commutes with hyperoctahedral(2), 8 elements" in out
    assert "Leaking does not commute with hyperoctahedral(2)" in out
