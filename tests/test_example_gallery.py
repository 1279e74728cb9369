"""The gallery draws every family, in a process of its own."""

import pytest

import pde_data

from .pages import ROOT, run_python


@pytest.mark.slow
def test_the_gallery_shows_every_family(tmp_path):
    picture = tmp_path / "gallery.png"
    command = [str(ROOT / "examples" / "gallery.py"), "--quick", "--cells", "16"]
    said = run_python(*command, "--out", str(picture), cwd=tmp_path)
    assert picture.stat().st_size > 20_000
    for name in pde_data.FAMILIES:
        assert name in said
