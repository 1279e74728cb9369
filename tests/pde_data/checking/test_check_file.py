"""`check` passes sound files of either layout and names what is wrong with others."""

import dataclasses

import h5py
import numpy as np
import pytest

import pde_data
from pde_data.checking._check_file import _check_commutation, check_file

GAMMA = 1.4
GRID, TIMES = (24, 16), np.linspace(0, 0.25, 6)


def advected(grid=GRID, trajectories=3, times=TIMES):
    """An exact flow: density carried along by a uniform velocity at uniform pressure.

    `(density, velocity, pressure)`, each with axes `(trajectory, time, *grid)`.
    """
    d = len(grid)
    x = np.meshgrid(*[(np.arange(n) + 0.5) / n for n in grid], indexing="ij")
    speeds = np.array([0.9, -0.4, 0.2])[:d]
    density = np.empty((trajectories, len(times), *grid))
    for i in range(trajectories):
        for k, t in enumerate(times):
            waves = [
                np.sin(2 * np.pi * (j + 1) * (a - u * t) + i)
                for j, (a, u) in enumerate(zip(x, speeds, strict=True))
            ]
            density[i, k] = 1 + 0.2 * np.prod(waves, axis=0) + 0.1 * waves[0]
    velocity = np.broadcast_to(speeds, (*density.shape, d)).copy()
    return density, velocity, np.full_like(density, 1.0)


def pdebench_file(path, grid=GRID, **changed):
    """As PDEBench writes it: contiguous float32, one time more than snapshots."""
    density, velocity, pressure = advected(grid)
    arrays: dict[str, np.ndarray] = {"density": density, "pressure": pressure}
    arrays |= {f"V{a}": velocity[..., i] for i, a in enumerate("xyz"[: len(grid)])}
    for axis, n in zip("xyz", grid, strict=False):
        arrays[f"{axis}-coordinate"] = (np.arange(n) + 0.5) / n
    arrays["t-coordinate"] = np.append(TIMES, 0.3)
    with h5py.File(path, "w") as file:
        for name, value in (arrays | changed).items():
            if value is not None:
                file[name] = np.asarray(value, np.float32)
        file.attrs["eta"], file.attrs["zeta"], file.attrs["M"] = 1e-8, 1e-8, 0.1
    return path


def well_file(path, dtype=np.float64):
    """As The Well's Euler sets: momentum and energy, gamma among the scalars."""
    density, velocity, pressure = advected()
    energy = pressure / (GAMMA - 1) + 0.5 * density * np.sum(velocity**2, axis=-1)
    text = h5py.string_dtype()
    fields = [
        {"density": density, "energy": energy, "pressure": pressure},
        {"momentum": density[..., None] * velocity},
        {},
    ]
    with h5py.File(path, "w") as file:
        file.attrs["dataset_name"] = "euler_multi_quadrants_periodicBC"
        file.attrs["grid_type"] = "cartesian"
        file.attrs["n_spatial_dims"], file.attrs["n_trajectories"] = 2, 3
        file.attrs.create("simulation_parameters", ["gamma"], dtype=text)
        file.attrs["gamma"] = GAMMA
        dimensions = file.create_group("dimensions")
        dimensions.attrs.create("spatial_dims", ["x", "y"], dtype=text)
        lines = {"time": TIMES, **dict(zip("xy", map(_centers, GRID), strict=True))}
        for name, line in lines.items():
            dimensions[name] = line
            _flags(dimensions[name], False, name == "time")
        for axis, n in zip("xy", GRID, strict=True):
            edge = file.create_group(f"boundary_conditions/{axis}_periodic")
            edge.attrs.create("associated_dims", [axis], dtype=text)
            edge.attrs.create("associated_fields", [], shape=(0,), dtype=text)
            edge.attrs["bc_type"] = "PERIODIC"
            _flags(edge, False, False)
            edge["mask"] = np.isin(np.arange(n), (0, n - 1))
        scalars = file.create_group("scalars")
        scalars.attrs.create("field_names", ["gamma"], dtype=text)
        scalars["gamma"] = GAMMA
        _flags(scalars["gamma"], False, False)
        for order, named in enumerate(fields):
            group = file.create_group(f"t{order}_fields")
            names = list(named)
            group.attrs.create("field_names", names, shape=(len(names),), dtype=text)
            for name, value in named.items():
                group[name] = value.astype(dtype)
                _flags(group[name], True, True)
                group[name].attrs["dim_varying"] = np.ones(2, bool)
    return path


def _centers(n):
    return (np.arange(n) + 0.5) / n


def _flags(node, sample, time):
    node.attrs["sample_varying"], node.attrs["time_varying"] = sample, time


def failures(path):
    return {f.name: f.detail for f in check_file(path).findings if f.passed is False}


@pytest.mark.parametrize("grid", [(48,), GRID, (16, 12, 8)])
def test_a_sound_file_of_pdebench_passes(grid, tmp_path):
    report = check_file(pdebench_file(tmp_path / "2D_CFD.hdf5", grid))
    assert report.passed, [str(f) for f in report.findings]
    notes = {f.name for f in report.findings if f.passed is None}
    assert "symmetry" in notes  # Nobody can see it in snapshots.
    assert {"momentum drift", "energy drift"} <= notes


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sound_file_of_the_well_passes(dtype, tmp_path):
    report = check_file(well_file(tmp_path / "euler.hdf5", dtype))
    assert report.passed, [str(f) for f in report.findings]
    assert "equation of state" in {f.name for f in report.findings}


def _negative(d, u, p):
    d[1, 2, 3, 4] = -0.1


def _nan(d, u, p):
    u[0, 3, 1, 1, 0] = np.nan


def _zero_rest(d, u, p):
    for values in (d, u, p):
        values[2, 3:] = 0  # What PDEBench's generator leaves after a breakdown.


def _frozen(d, u, p):
    for values in (d, u, p):
        values[1, 4] = values[1, 3]


def _twin(d, u, p):
    for values in (d, u, p):
        values[2] = values[0]


def _gains_mass(d, u, p):
    d *= np.linspace(1, 1.01, len(TIMES))[:, None, None]


def _exchanged(d, u, p):
    u[...] = u[..., ::-1]


def _reversed(d, u, p):
    u *= -1


def _shuffled(d, u, p):
    d[...] = d[:, [0, 3, 1, 5, 2, 4]]


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (_negative, "positive"),
        (_nan, "finite velocity"),
        (_zero_rest, "abandoned runs"),
        (_frozen, "duplicate snapshots"),
        (_twin, "duplicate trajectories"),
        (_gains_mass, "mass drift"),
        (_exchanged, "continuity between snapshots"),
        (_reversed, "continuity between snapshots"),
        (_shuffled, "continuity between snapshots"),
    ],
)
def test_a_flow_that_is_none_fails(spoil, name, tmp_path):
    density, velocity, pressure = advected()
    spoil(density, velocity, pressure)
    path = pdebench_file(
        tmp_path / "flow.hdf5",
        density=density,
        pressure=pressure,
        Vx=velocity[..., 0],
        Vy=velocity[..., 1],
    )
    assert name in failures(path)


@pytest.mark.parametrize(
    ("changed", "name", "words"),
    [
        ({"Vy": None}, "layout", "no Vy"),
        ({"Vx": np.ones((3, 6, 16, 24))}, "layout", "Vx has shape"),
        ({"y-coordinate": _centers(24)}, "layout", "y-coordinate has shape"),
        ({"x-coordinate": _centers(24)[::-1]}, "layout", "does not increase"),
        ({"x-coordinate": _centers(24) ** 2}, "layout", "not evenly spaced"),
        ({"t-coordinate": TIMES[:4]}, "layout", "t-coordinate has shape"),
        ({"t-coordinate": TIMES * 0}, "layout", "does not increase"),
        ({"x-coordinate": _centers(24) * 2}, "continuity between snapshots", ""),
        ({"t-coordinate": np.append(TIMES, 1) * 2}, "continuity between snapshots", ""),
    ],
)
def test_a_broken_layout_of_pdebench_fails(changed, name, words, tmp_path):
    path = pdebench_file(tmp_path / "flow.hdf5", **changed)
    assert words in failures(path)[name]


def _without(name):
    return lambda file: file.__delitem__(name)


def _without_attribute(where, name):
    return lambda file: file[where].attrs.__delitem__(name)


def _replaced(name, value):
    def spoil(file):
        attributes = dict(file[name].attrs)
        del file[name]
        file[name] = value
        file[name].attrs.update(attributes)

    return spoil


def _set(where, name, value):
    def spoil(file):
        file[where].attrs.pop(name, None)
        file[where].attrs[name] = value

    return spoil


def _named(group, *names):
    """Other names in `field_names`; `table` is there, and a group."""

    def spoil(file):
        file.create_group(f"{group}/table")
        _set(group, "field_names", list(names))(file)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_without("t2_fields"), "no group t2_fields"),
        (_without("boundary_conditions"), "no group boundary_conditions"),
        (_without("scalars"), "no group scalars"),
        (_without("dimensions/y"), "no dimensions/y"),
        (_without("boundary_conditions/y_periodic"), "along y"),
        (_without("boundary_conditions/x_periodic/mask"), "no mask"),
        (_without("t0_fields/energy"), "t0_fields/energy is named"),
        (_without_attribute("/", "dataset_name"), "no root attribute dataset_name"),
        (_without_attribute("/", "gamma"), "simulation parameter gamma"),
        (_without_attribute("t0_fields", "field_names"), "no attribute field_names"),
        (_without_attribute("t0_fields/density", "dim_varying"), "dim_varying"),
        (_without_attribute("scalars/gamma", "sample_varying"), "sample_varying"),
        (_replaced("scalars/gamma", np.ones(5)), "scalars/gamma has shape"),
        (_replaced("t1_fields/momentum", np.ones((3, 6, 24, 16, 3))), "has shape"),
        (_replaced("t0_fields/density", np.ones((3, 24, 16, 6))), "has shape"),
        (_replaced("dimensions/x", _centers(23)), "has shape"),
        (_without("dimensions"), "no attribute spatial_dims of dimensions"),
        (_set("/", "n_spatial_dims", 3), "n_spatial_dims is not the number of"),
        (_named("scalars", "gamma", "nu"), "scalars/nu is named in field_names but"),
        (_named("scalars", "gamma", "table"), "scalars/table is no data set"),
        (
            _set("boundary_conditions/x_periodic", "associated_dims", ["z"]),
            "associated_dims ['z'] are no spatial_dims",
        ),
        (
            _replaced("boundary_conditions/x_periodic/mask", np.zeros(24, bool)),
            "x_periodic: mask is nowhere true",
        ),
        (
            _set("boundary_conditions/x_periodic", "bc_type", "SOFT"),
            "x_periodic: bc_type is none of periodic, wall, open",
        ),
    ],
)
def test_a_broken_layout_of_the_well_fails(spoil, words, tmp_path):
    path = well_file(tmp_path / "euler.hdf5")
    with h5py.File(path, "r+") as file:
        spoil(file)
    assert words in failures(path)["layout"]


def test_an_energy_that_does_not_fit_the_pressure_fails(tmp_path):
    path = well_file(tmp_path / "euler.hdf5")
    with h5py.File(path, "r+") as file:
        file["t0_fields/energy"][1] *= 1.1  # type: ignore[index]
    assert "equation of state" in failures(path)


def test_a_file_of_the_well_without_a_gas_is_checked_for_finiteness(tmp_path):
    path = well_file(tmp_path / "other.hdf5")
    with h5py.File(path, "r+") as file:
        del file["t0_fields/density"]
        names = ["energy", "pressure"]
        file["t0_fields"].attrs.create("field_names", names, dtype=h5py.string_dtype())
    report = check_file(path)
    assert report.passed
    assert any("does not hold density" in f.detail for f in report.findings)


@pytest.mark.slow
def test_continuity_is_judged_between_walls_but_not_under_weight(tmp_path):
    def finding(path):
        found = check_file(path).findings
        return next(f for f in found if f.name == "continuity between snapshots")

    config = pde_data.GenerateConfig(
        family="implosion", grid=(24, 24), snapshots=11, final_time=0.3, mach=0.5
    )
    path = pde_data.generate(config, tmp_path / "closed.hdf5")
    assert finding(path).passed
    with h5py.File(path, "r+") as file:
        for name in ("Vx", "Vy"):
            file[name][...] *= -1  # type: ignore[index, operator]
    assert finding(path).passed is False

    heavy = dataclasses.replace(config, family="rayleigh_taylor", mach=0.3)
    assert finding(pde_data.generate(heavy, tmp_path / "heavy.hdf5")).passed is None


def test_regenerated_trajectories_are_compared_bit_for_bit(tmp_path):
    config = pde_data.GenerateConfig(
        grid=(16, 16), trajectories=2, snapshots=3, final_time=0.05, mach=0.3, seed=3
    )
    path = pde_data.generate(config, tmp_path / "flow.hdf5")
    assert check_file(path, regenerate=2).passed
    with h5py.File(path, "r+") as file:
        del file["generation/digest"]  # It would be found without.
        file["Vx"][1, 1, 3, 4] *= 1 + 1e-6  # type: ignore[index]
    failed = [f for f in check_file(path, regenerate=2).findings if f.passed is False]
    assert [f.name for f in failed] == ["regenerated"]
    assert "trajectories 1 (made on" in failed[0].detail


@pytest.mark.parametrize("place", [0, 1])
def test_a_scheme_that_breaks_down_in_the_probe_does_not_pass(place):
    """NaN is no proof of symmetry, but where only the identity keeps box and force."""
    errors, elements = np.zeros(2), np.full(2, 8.0)
    recorded = {"commutation_error": errors, "commuting_elements": elements}
    assert _check_commutation(recorded).passed
    errors[place] = np.nan
    finding = _check_commutation(recorded)
    assert finding.passed is False
    assert finding.detail == f"trajectories {place}"
    elements[place] = 1
    assert _check_commutation(recorded).passed
