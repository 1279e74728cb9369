"""Nothing that stops a writer costs a byte: kills, a second writer, a full disk."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import jax
import numpy as np
import pytest

import pde_data
from pde_data.formats import _row_writer
from pde_data.formats._writer_lock import only_writer
from pde_data.generation import _generate, _provenance, _sample

ROOT = Path(__file__).parents[3]
CONFIG = pde_data.GenerateConfig(
    grid=(16, 16), trajectories=4, snapshots=3, final_time=0.05, mach=0.3, seed=7
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return pde_data.generate(CONFIG, tmp_path_factory.mktemp("flow") / "flow.hdf5")


def test_an_interrupted_run_resumes_to_the_same_bytes(whole, tmp_path, monkeypatch):
    path = tmp_path / "flow.hdf5"
    write = _row_writer.RowWriter.write

    def write_two(self, index, rows):
        if index == 2:
            raise KeyboardInterrupt
        write(self, index, rows)

    monkeypatch.setattr(_row_writer.RowWriter, "write", write_two)
    with pytest.raises(KeyboardInterrupt):
        pde_data.generate(CONFIG, path)
    assert os.listdir(tmp_path) == ["flow.hdf5.partial"]
    with pytest.raises(FileNotFoundError, match="generate"):
        pde_data.load(path)

    simulated = []

    def count(config, indices, places):
        simulated.extend(indices)
        return _sample.simulate_trajectories(config, indices, places)

    monkeypatch.setattr(_row_writer.RowWriter, "write", write)
    monkeypatch.setattr(_generate, "simulate_trajectories", count)
    pde_data.generate(CONFIG, path)
    assert simulated == [2, 3]
    assert path.read_bytes() == whole.read_bytes()
    assert os.listdir(tmp_path) == ["flow.hdf5"]


def test_a_finished_file_is_reused_and_not_written_again(whole, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("simulated again")

    monkeypatch.setattr(_generate, "simulate_trajectories", refuse)
    stamp = whole.stat().st_mtime_ns
    assert pde_data.generate(CONFIG, whole) == whole
    assert whole.stat().st_mtime_ns == stamp


def test_a_file_of_another_configuration_or_kind_is_never_overwritten(whole, tmp_path):
    other = dataclasses.replace(CONFIG, seed=8)
    with pytest.raises(FileExistsError, match="seed is 7 there and 8 here"):
        pde_data.generate(other, whole)
    foreign = tmp_path / "notes.txt"
    foreign.write_text("not HDF5")
    with pytest.raises(FileExistsError, match="choose another path"):
        pde_data.generate(CONFIG, foreign)
    assert foreign.read_text() == "not HDF5"
    with pytest.raises(FileNotFoundError, match="folder"):
        pde_data.generate(CONFIG, tmp_path / "missing" / "flow.hdf5")


def test_trajectories_of_two_versions_are_never_mixed(tmp_path, monkeypatch):
    path = tmp_path / "flow.hdf5"
    _generate._create(path.with_name("flow.hdf5.partial"), CONFIG)
    monkeypatch.setattr(_provenance, "source_hash", lambda: "changed")
    with pytest.raises(FileExistsError, match=r"source .* then, changed now"):
        pde_data.generate(CONFIG, path)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("jax_threefry_partitionable", False, "threefry_partitionable"),
        ("jax_default_prng_impl", "rbg", "prng_impl threefry2x32 then, rbg now"),
    ],
)
def test_trajectories_of_two_settings_of_random_numbers_are_never_mixed(
    setting, value, words, tmp_path
):
    path = tmp_path / "flow.hdf5"
    _generate._create(path.with_name("flow.hdf5.partial"), CONFIG)
    before = getattr(jax.config, setting)
    jax.config.update(setting, value)
    try:
        with pytest.raises(FileExistsError, match=words):
            pde_data.generate(CONFIG, path)
    finally:
        jax.config.update(setting, before)


def test_two_writers_of_one_file_are_kept_apart(tmp_path):
    path = tmp_path / "flow.hdf5"
    with (
        only_writer(path),
        pytest.raises(FileExistsError, match="another process"),
    ):
        pde_data.generate(CONFIG, path)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_reported_before_anything_is_lost(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"disk is full: .* MiB are needed"):
        pde_data.generate(CONFIG, tmp_path / "flow.hdf5")
    assert os.listdir(tmp_path) == []


def test_what_is_finished_survives_a_disk_that_fills_up(whole, tmp_path, monkeypatch):
    path, pwrite, count = tmp_path / "flow.hdf5", os.pwrite, 0

    def fill(descriptor, data, position):
        nonlocal count
        count += 1
        if count > 40:
            raise OSError(28, "No space left on device")
        return pwrite(descriptor, data, position)

    monkeypatch.setattr(os, "pwrite", fill)
    with pytest.raises(OSError, match=r"disk is full; free some space"):
        pde_data.generate(CONFIG, path)
    monkeypatch.setattr(os, "pwrite", pwrite)
    with h5py.File(tmp_path / "flow.hdf5.partial", "r") as file:
        stored: np.ndarray = file["generation/stored"][()]  # type: ignore[index]
    assert 1 <= stored.sum() < 4
    pde_data.generate(CONFIG, path)
    assert path.read_bytes() == whole.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1, 100])
def test_a_limit_on_the_size_of_files_ends_with_one_clear_line(limit, whole, tmp_path):
    path = tmp_path / "flow.hdf5"
    arguments = "--grid 16 16 --trajectories 4 --snapshots 3 --final-time 0.05 --quiet"
    command = (
        f"ulimit -f {limit}; exec {sys.executable} -m pde_data generate "
        f"{arguments} --mach 0.3 --seed 7 --out {path}"
    )
    run = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "the disk is full: 0.2 MiB are needed" in run.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layout", "compression"), [("pdebench", "none"), ("well", "gzip")]
)
def test_a_kill_at_any_point_costs_no_byte(layout, compression, tmp_path):
    """Killed at each touch of the disk and 40 times at random, then resumed."""
    script = Path(__file__).with_name("crash_points.py")
    run = subprocess.run(
        [sys.executable, script, tmp_path, layout, compression, "40"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout.split()[0]) > 100
    assert "40 random kills" in run.stdout


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_bytes(whole, tmp_path):
    """The same with trajectories that are really simulated."""
    path = tmp_path / "flow.hdf5"
    script = (
        "import pde_data;"
        f"config = pde_data.GenerateConfig.from_json({CONFIG.to_json()!r});"
        f"pde_data.generate(config, {str(path)!r})"
    )
    partial = path.with_name("flow.hdf5.partial")
    child = subprocess.Popen(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and child.poll() is None:
        if partial.exists() and _stored(partial) >= 1:
            break
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    pde_data.generate(CONFIG, path)
    assert path.read_bytes() == whole.read_bytes()


def _stored(path):
    try:
        with h5py.File(path, "r", locking=False) as file:
            return int(file["generation/stored"][()].sum())  # type: ignore[index]
    except (OSError, KeyError):
        return 0
