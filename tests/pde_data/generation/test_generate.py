import dataclasses
from typing import Any

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pde_data
from pde_data.checking._check_file import check_file
from pde_data.generation import _generate, _sample

FAMILY = pde_data.FAMILIES["random_fourier"]
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


def test_the_batch_changes_no_number(whole, tmp_path):
    config = dataclasses.replace(CONFIG, batch=3)
    path = pde_data.generate(config, tmp_path / "batched.hdf5")
    with pde_data.load(whole) as one, pde_data.load(path) as other:
        for field in one.fields:
            np.testing.assert_array_equal(one[field.name][:], other[field.name][:])


@pytest.fixture
def half_broken(monkeypatch):
    """A family of which half the draws have a cell without pressure."""

    def draw(solver, key, *, mach):
        start = pde_data.initial.random_fourier(solver, key, mach=mach)
        if jax.random.bits(key) % 2:
            return start
        pressure = start.pressure.at[3, 4].set(-1)
        return dataclasses.replace(start, pressure=pressure)

    monkeypatch.setitem(
        pde_data.FAMILIES, "random_fourier", dataclasses.replace(FAMILY, draw=draw)
    )


@pytest.mark.slow
def test_what_breaks_down_is_drawn_anew_recorded_and_never_stored(
    half_broken, tmp_path
):
    config = dataclasses.replace(CONFIG, trajectories=6)
    path = pde_data.generate(config, tmp_path / "flow.hdf5")
    assert check_file(path).passed
    with pde_data.load(path) as flow:
        draws = flow.records["draw"]
        assert 0 < np.count_nonzero(draws) == flow.redrawn < 6
        assert np.all(np.asarray(flow["pressure"]) > 0)
        # In one vectorised call the same ones fail, and the others keep their bits.
        for attempt, run in _sample.simulate_together(config, range(6), 3):
            i = attempt.index
            assert bool(run.failed) == (draws[i] > 0)
            sample = _sample._survivor(config, i, (attempt, run))
            assert sample.draw == draws[i]
            np.testing.assert_array_equal(sample.density, flow["density"][i])


def _spoilt(riemann):
    return {**pde_data.SCHEMES["muscl"], "riemann": riemann}


@pytest.mark.slow
def test_a_scheme_that_gives_nan_is_replaced_by_the_safe_one(monkeypatch, tmp_path):
    def broken(*arguments):
        return jax.tree.map(lambda f: f * jnp.nan, pde_data.hllc(*arguments))

    monkeypatch.setitem(pde_data.SCHEMES, "muscl", _spoilt(broken))
    path = pde_data.generate(
        dataclasses.replace(CONFIG, trajectories=2), tmp_path / "flow.hdf5"
    )
    with pde_data.load(path) as flow:
        np.testing.assert_array_equal(flow.records["safe_scheme"], [1, 1])
        np.testing.assert_array_equal(flow.certificates["courant_number"], [0.3, 0.3])
    report = check_file(path)
    assert report.passed
    assert "safe scheme" in {finding.name for finding in report.findings}


@pytest.mark.slow
def test_a_scheme_that_prefers_a_side_fails_the_check(monkeypatch, tmp_path):
    def one_sided(left, right, axis, gas):
        return gas.flux(left, axis)

    monkeypatch.setitem(pde_data.SCHEMES, "muscl", _spoilt(one_sided))
    config = dataclasses.replace(CONFIG, trajectories=1, final_time=0.01)
    path = pde_data.generate(config, tmp_path / "flow.hdf5")
    failed = [f.name for f in check_file(path).findings if f.passed is False]
    assert "symmetry (commutation error)" in failed


def test_parts_hold_the_bits_of_the_whole(whole, tmp_path):
    paths = [
        pde_data.generate(
            dataclasses.replace(CONFIG, shard=(part, 3)), tmp_path / "flow.hdf5"
        )
        for part in (3, 1, 2)
    ]
    assert sorted(path.name for path in paths) == [
        f"flow-{part}-of-3.hdf5" for part in (1, 2, 3)
    ]
    with (
        pde_data.load(whole) as one,
        pde_data.load(tmp_path / "flow-*-of-3.hdf5") as parts,
    ):
        assert parts.config == one.config == CONFIG
        for field in one.fields:
            np.testing.assert_array_equal(one[field.name], parts[field.name])
        for name, values in one.certificates.items():
            np.testing.assert_array_equal(values, parts.certificates[name])
        np.testing.assert_array_equal(parts.records["index"], range(4))
    for path in paths:
        assert check_file(path).passed
    many = dataclasses.replace(CONFIG, trajectories=20, shard=(2, 12))
    assert _generate.part_path(many, "a/flow.hdf5").name == "flow-02-of-12.hdf5"


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


@pytest.mark.parametrize("layout", ["pdebench", "well"])
def test_compression_changes_the_size_and_no_value(layout, whole, tmp_path):
    config = dataclasses.replace(CONFIG, compression="gzip", format=layout)
    path = pde_data.generate(config, tmp_path / "small.hdf5")
    with pde_data.load(whole) as plain, pde_data.load(path) as packed:
        for field in plain.fields:
            np.testing.assert_array_equal(plain[field.name][:], packed[field.name][:])
        assert packed.config == config
        if layout == "well":
            with _open(path) as file:
                assert file["t2_fields"].attrs["field_names"].shape == (0,)


def _open(*arguments: Any, **options: Any) -> Any:
    """An HDF5 file, whose nodes the type checker need not tell apart."""
    return h5py.File(*arguments, **options)
