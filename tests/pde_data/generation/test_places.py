"""A file does not depend on the devices that its flows were simulated on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FLAGS = "--xla_force_host_platform_device_count=4 --xla_backend_optimization_level=0"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What `made_on_a_mesh.py` has found, with four devices on this CPU."""
    run = subprocess.run(
        [sys.executable, "-W", "error", Path(__file__).with_name("made_on_a_mesh.py")],
        capture_output=True,
        text=True,
        cwd=tmp_path_factory.mktemp("meshes"),
        env={**os.environ, "PYTHONPATH": str(ROOT), "XLA_FLAGS": FLAGS},
    )
    assert run.returncode == 0, run.stderr
    names = ("equal", "used", "broken", "refusals", "needed")
    found = dict(zip(names, json.loads(run.stdout.splitlines()[-1]), strict=True))
    return {**found, "said": run.stderr}


def test_files_have_the_same_bytes_on_any_mesh_and_after_an_interruption(found):
    names = {"batch", "batch and x", "walls", "interrupted", "slots", "command"}
    assert set(found["equal"]) == names
    assert all(found["equal"].values()), found["equal"]


def test_every_device_of_a_mesh_simulates(found):
    assert found["used"] == {"batch": [[0], [1]], "batch and x": [[0, 1], [2, 3]]}


def test_a_breakdown_on_one_device_ends_the_run_and_keeps_what_is_finished(found):
    assert found["broken"] == ["Trajectory 3 broke down", True]


def test_a_mesh_that_does_not_fit_is_refused_before_there_is_a_file(found):
    expected = {
        "kind": "TypeError: `mesh` must be a `jax.sharding.Mesh`, such as "
        "`jax.make_mesh((4,), ('batch',))`, got 'all'.",
        "names": "ValueError: `mesh` has the axes ('samples',), of which ['samples'] "
        "are none of ('batch', 'x', 'y', 'z')",
        "division": "ValueError: `mesh` shares the axis 'y' out over 3 devices, which "
        "do not divide the 32 cells of the grid (16, 32): give it 2 devices",
        "axis": "ValueError: `mesh` has the axis 'y', but the grid (24,) has none",
        "halo": "ValueError: `mesh` leaves 1 of the 4 cells along 'x'",
        "processes": "ValueError: `mesh` has devices of the processes [0], and this is "
        "process 1: make it of `jax.local_devices()`, and give each process",
    }
    assert found["refusals"].pop("command") == 2
    assert "`--devices` is 5, and JAX sees 4 of the kind 'cpu'" in found["said"]
    assert set(found["refusals"]) == set(expected)
    for name, text in expected.items():
        assert found["refusals"][name].startswith(text), found["refusals"][name]


def test_memory_is_counted_for_all_places_of_a_host_and_for_each_accelerator(found):
    on_host, together, shared = found["needed"]
    assert on_host == 4
    # Five trajectories: all in one loop, two on each of four, or one on two devices.
    assert together == [5, 2, 1]
    # Two trajectories on a device, over half of one.
    assert shared == pytest.approx(4)


@pytest.mark.slow
def test_ctrl_c_ends_all_threads_and_the_run_goes_on_to_the_same_bytes(tmp_path):
    command = [sys.executable, "-m", "pde_data", "generate", "--quiet", "--grid", "64"]
    command += ["--trajectories", "40", "--snapshots", "3", "--seed", "7", "--out"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "XLA_FLAGS": FLAGS}
    subprocess.run([*command, "one.hdf5"], cwd=tmp_path, check=True, env=env)
    many = [*command, "many.hdf5", "--devices", "4"]
    child = subprocess.Popen(many, cwd=tmp_path, stderr=subprocess.PIPE, env=env)
    partial = tmp_path / "many.hdf5.partial"
    deadline = time.monotonic() + 120
    while not partial.exists() and child.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(3)
    child.send_signal(signal.SIGINT)
    said = child.communicate(timeout=120)[1].decode()
    assert child.returncode == 130, said
    assert "the same command goes on from there" in said
    assert partial.exists()
    subprocess.run(many, cwd=tmp_path, check=True, env=env)
    assert (tmp_path / "many.hdf5").read_bytes() == (tmp_path / "one.hdf5").read_bytes()
