"""The gallery draws every family, in a process of its own."""

import subprocess
import sys

import pytest

import pde_data

from .pages import ROOT, as_a_user


@pytest.mark.slow
def test_the_gallery_shows_every_family(tmp_path):
    picture = tmp_path / "gallery.png"
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / "gallery.py")]
    done = subprocess.run(
        [*command, "--quick", "--cells", "16", "--out", str(picture)],
        capture_output=True,
        text=True,
        env=as_a_user(),
    )
    assert done.returncode == 0, done.stderr
    assert picture.stat().st_size > 20_000
    for name in pde_data.FAMILIES:
        assert name in done.stdout
