import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pde_data
from pde_data import _generate, _trajectory
from pde_data.formats import _rows

CONFIG = pde_data.GenerateConfig(
    grid=(16, 16), trajectories=4, snapshots=3, final_time=0.05, mach=0.3, seed=7
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return pde_data.generate(CONFIG, tmp_path_factory.mktemp("flow") / "flow.hdf5")


def test_the_file_has_the_layout_of_pdebench(whole):
    with _open(whole) as file:
        for name in ("density", "pressure", "Vx", "Vy"):
            assert file[name].shape == (4, 3, 16, 16)
            assert file[name].dtype == np.float32
        np.testing.assert_allclose(file["x-coordinate"], (np.arange(16) + 0.5) / 16)
        np.testing.assert_allclose(file["t-coordinate"], [0, 0.025, 0.05])
        assert (file.attrs["eta"], file.attrs["zeta"], file.attrs["M"]) == (
            0.01,
            0.01,
            0.3,
        )
        assert np.all(file["generation/stored"][()] == 1)
        assert np.all(file["certificate/commutation_error"][()] == 0)
        assert np.all(file["certificate/mass_drift"][()] < 1e-6)
    assert not whole.with_name("flow.hdf5.partial").exists()


def test_what_is_loaded_is_what_was_simulated(whole):
    sample = pde_data.simulate_trajectory(CONFIG, 2)
    with pde_data.load(whole) as flow:
        assert flow.config == CONFIG
        np.testing.assert_array_equal(flow["density"][2], sample.density)
        np.testing.assert_array_equal(flow["velocity"][2], sample.velocity)
        np.testing.assert_array_equal(flow["pressure"][2], sample.pressure)


def test_a_finished_file_is_reused_and_not_written_again(whole, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("simulated again")

    monkeypatch.setattr(_generate, "simulate_trajectories", refuse)
    stamp = whole.stat().st_mtime_ns
    assert pde_data.generate(CONFIG, whole) == whole
    assert whole.stat().st_mtime_ns == stamp


def test_an_interrupted_run_resumes_to_the_same_bytes(whole, tmp_path, monkeypatch):
    path = tmp_path / "flow.hdf5"
    write = _rows.RowWriter.write

    def write_two(self, index, rows):
        if index == 2:
            raise KeyboardInterrupt
        write(self, index, rows)

    monkeypatch.setattr(_rows.RowWriter, "write", write_two)
    with pytest.raises(KeyboardInterrupt):
        pde_data.generate(CONFIG, path)
    assert not path.exists()
    with pytest.raises(FileNotFoundError, match="generate"):
        pde_data.load(path)

    simulated = []

    def count(config, indices):
        simulated.extend(indices)
        return _trajectory.simulate_trajectories(config, indices)

    monkeypatch.setattr(_rows.RowWriter, "write", write)
    monkeypatch.setattr(_generate, "simulate_trajectories", count)
    pde_data.generate(CONFIG, path)
    assert simulated == [2, 3]
    assert path.read_bytes() == whole.read_bytes()


def test_the_batch_changes_no_number(whole, tmp_path):
    config = dataclasses.replace(CONFIG, batch=3)
    path = pde_data.generate(config, tmp_path / "batched.hdf5")
    with pde_data.load(whole) as one, pde_data.load(path) as other:
        for field in one.fields:
            np.testing.assert_array_equal(one[field.name][:], other[field.name][:])


@pytest.mark.slow
def test_one_vectorised_call_gives_the_bits_of_single_ones():
    with jax.enable_x64(False):
        runs = _trajectory.simulate_together(CONFIG, [0, 3])
    for run, index in zip(runs, (0, 3), strict=True):
        sample = pde_data.simulate_trajectory(CONFIG, index)
        np.testing.assert_array_equal(run.density, sample.density)
        np.testing.assert_array_equal(run.velocity, sample.velocity)


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


def test_two_writers_of_one_file_are_kept_apart(tmp_path):
    path = tmp_path / "flow.hdf5"
    _generate._create(path.with_name("flow.hdf5.partial"), CONFIG)
    writer = _rows.RowWriter(path.with_name("flow.hdf5.partial"))
    with writer, pytest.raises(FileExistsError, match="another process"):
        pde_data.generate(CONFIG, path)


def test_a_full_disk_is_reported_before_anything_is_lost(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"disk is full: .* MiB are needed"):
        pde_data.generate(CONFIG, tmp_path / "flow.hdf5")


def test_a_breakdown_is_retried_then_redrawn_and_recorded(monkeypatch):
    calls = []
    simulate = _trajectory.simulate

    def fragile(solver, start, times, throw):
        calls.append(solver.courant_number)
        run = simulate(solver, start, times, throw=throw)
        failed = len(calls) < 3
        return dataclasses.replace(run, failed=jnp.asarray(failed))

    monkeypatch.setattr(_trajectory, "simulate", fragile)
    sample = pde_data.simulate_trajectory(CONFIG, 0)
    assert calls == [0.5, 0.3, 0.5]
    assert (sample.draw, sample.safe_scheme) == (1, 0)


def test_a_trajectory_that_never_survives_stops_the_run(monkeypatch):
    simulate = _trajectory.simulate

    def broken(*arguments, **options):
        run = simulate(*arguments, **options)
        return dataclasses.replace(run, failed=jnp.asarray(True))

    monkeypatch.setattr(_trajectory, "simulate", broken)
    with pytest.raises(pde_data.SimulationError, match="lower `mach`"):
        pde_data.simulate_trajectory(CONFIG, 0)


def test_averages_of_a_finer_run_conserve_everything(random):
    density = random.uniform(1, 2, (2, 8, 8))
    velocity = random.normal(size=(2, 8, 8, 2))
    pressure = random.uniform(1, 2, (2, 8, 8))
    coarse = _trajectory.coarsened(density, velocity, pressure, 1.4, 2)

    def totals(rho, u, p):
        energy = p / 0.4 + 0.5 * rho * np.sum(u**2, axis=-1)
        return rho.mean(), (rho[..., None] * u).mean(), energy.mean()

    np.testing.assert_allclose(totals(*coarse), totals(density, velocity, pressure))
    assert coarse[1].shape == (2, 4, 4, 2)


def test_the_wells_layout_has_every_attribute_that_its_checker_wants(tmp_path):
    config = dataclasses.replace(CONFIG, format="well", trajectories=1)
    path = pde_data.generate(config, tmp_path / "flow.hdf5")
    with _open(path) as file:
        assert file.attrs["grid_type"] == "cartesian"
        assert (file.attrs["n_spatial_dims"], file.attrs["n_trajectories"]) == (2, 1)
        for name in file.attrs["simulation_parameters"]:
            assert name in file.attrs
            assert name in file["scalars"].attrs["field_names"]
        assert bool(file["dimensions/time"].attrs["time_varying"])
        assert not bool(file["dimensions/x"].attrs["time_varying"])
        assert file["t1_fields/velocity"].shape == (1, 3, 16, 16, 2)
        assert list(file["t2_fields"].attrs["field_names"]) == []
        periodic = file["boundary_conditions/y_periodic"]
        assert periodic.attrs["bc_type"] == "PERIODIC"
        assert periodic["mask"][()].sum() == 2
        for group in ("t0_fields", "t1_fields"):
            for node in file[group].values():
                assert list(node.attrs["dim_varying"]) == [True, True]
                assert bool(node.attrs["sample_varying"])
                assert bool(node.attrs["time_varying"])
    sample = pde_data.simulate_trajectory(config, 0)
    with pde_data.load(path) as flow:
        assert flow.fields == pde_data.formats.FIELDS
        np.testing.assert_array_equal(flow["velocity"][0], sample.velocity)


def test_the_wells_own_package_opens_our_file(tmp_path):
    data = pytest.importorskip("the_well.data")
    folder = tmp_path / "name" / "data" / "train"
    folder.mkdir(parents=True)
    config = dataclasses.replace(CONFIG, format="well", trajectories=1)
    pde_data.generate(config, folder / "flow.hdf5")
    well = data.WellDataset(path=str(folder), n_steps_input=1, n_steps_output=1)
    assert len(well) > 0
    assert well[0]["input_fields"].shape == (1, 16, 16, 4)


@pytest.mark.parametrize("layout", ["pdebench", "well"])
def test_compression_changes_the_size_and_no_value(layout, whole, tmp_path):
    config = dataclasses.replace(CONFIG, compression="gzip", format=layout)
    path = pde_data.generate(config, tmp_path / "small.hdf5")
    with pde_data.load(whole) as plain, pde_data.load(path) as packed:
        for field in plain.fields:
            np.testing.assert_array_equal(plain[field.name][:], packed[field.name][:])
        assert packed.config == config
        if layout == "well":
            assert packed._files[0]["t2_fields"].attrs["field_names"].shape == (0,)


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_bytes(whole, tmp_path):
    path = tmp_path / "flow.hdf5"
    script = (
        "import pde_data, dataclasses, sys;"
        f"config = pde_data.GenerateConfig.from_json({CONFIG.to_json()!r});"
        f"pde_data.generate(config, {str(path)!r})"
    )
    partial = path.with_name("flow.hdf5.partial")
    root = str(Path(__file__).parents[2])
    child = subprocess.Popen(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": root}
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
    # The writer holds the lock: read the marks around it.
    try:
        with _open(path, "r", locking=False) as file:
            return int(file["generation/stored"][()].sum())
    except OSError:
        return 0


def _open(*arguments: Any, **options: Any) -> Any:
    """An HDF5 file, whose nodes the type checker need not tell apart."""
    return h5py.File(*arguments, **options)
