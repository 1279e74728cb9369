"""A disk that is full at any moment ends in one line, and never in a crash of HDF5."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from pde_data.formats import _hdf5

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "settings",
    [
        # Many small snapshots: an index of chunks larger than the fields.
        ("gzip", "8", "4", "400"),
        # Many trajectories: records larger than the fields.
        pytest.param(("none", "4", "1200", "2"), marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_a_limit_of_any_size_ends_in_success_or_in_one_line(settings, tmp_path):
    script = Path(__file__).with_name("full_disk.py")
    run = subprocess.run(
        [sys.executable, script, tmp_path, *settings],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    *lines, done = run.stdout.splitlines()
    assert done == "done"
    outcomes = [line.split(" ", 3)[1:] for line in lines]
    codes = [int(code) for code, *_ in outcomes]
    assert set(codes) == {0, 2}
    for code, exists, said in outcomes:
        assert exists == str(code == "0")
        assert code == "0" or ("the disk is full" in said and "', '" not in said)


@pytest.mark.parametrize(
    "shape",
    [
        (4, 2000, 8),
        (1, 2, 2),
        (50, 3, 4, 4, 4, 3),
        (2, 33, 16, 16, 2),
        (3, 7, 64, 65),
        (300, 2, 2),
    ],
)
@pytest.mark.slow
def test_what_is_claimed_is_no_less_than_a_compressed_file_needs(
    shape, tmp_path, monkeypatch, random
):
    claimed = []
    reserve = _hdf5.reserve

    def note(descriptor, path, size):
        claimed.append(size)
        reserve(descriptor, path, size)

    path = tmp_path / "flow.hdf5"
    values = random.integers(0, 2**32, shape, np.uint32).view(np.float32)
    with h5py.File(path, "w") as file:
        for name in ("a", "b", "c"):
            file[name] = values
    monkeypatch.setattr(_hdf5, "reserve", note)
    monkeypatch.setattr(_hdf5, "_METADATA", 2**14)
    _hdf5.compress(path)
    assert path.stat().st_size <= min(claimed)
    with h5py.File(path, "r") as file:
        node = file["b"]
        assert isinstance(node, h5py.Dataset)
        assert node.compression == "gzip"
        assert node[()].tobytes() == values.tobytes()
