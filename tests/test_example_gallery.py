"""The gallery draws every family, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pde_data

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_gallery_shows_every_family(tmp_path):
    picture = tmp_path / "gallery.png"
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / "gallery.py")]
    done = subprocess.run(
        [*command, "--quick", "--cells", "16", "--out", str(picture)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stderr
    assert picture.stat().st_size > 20_000
    for name in pde_data.FAMILIES:
        assert name in done.stdout
