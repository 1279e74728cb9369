"""The page on layers of one's own is executed: its blocks run, in order."""

from .pages import blocks_of, run_python

BLOCKS = blocks_of("own_layers.md")


def test_every_block_runs_in_order(tmp_path):
    assert len(BLOCKS) >= 5
    out = run_python("-c", "\n".join(BLOCKS), cwd=tmp_path)
    assert "Soften commutes with hyperoctahedral(2), 8 elements" in out
    assert "Leaking does not commute with hyperoctahedral(2)" in out
