"""A format is one value: a third one is written here, and everything works with it."""

import dataclasses

import h5py
import numpy as np
import pytest

import pde_data
from pde_data import _cli
from pde_data.formats import (
    FIELDS,
    FORMATS,
    FileContents,
    FileFormat,
    FilePlan,
    create_rows,
)
from pde_data.formats._registry import format_of, read_contents, structural_faults

CONFIG = pde_data.GenerateConfig(
    grid=(16, 12), trajectories=2, snapshots=3, final_time=0.05, mach=(0.1, 0.5), seed=7
)


def _create(file, plan: FilePlan):
    """Everything in the group `gas`, the cells' centres as attributes."""
    d = plan.box.num_spatial_dims
    for name in ("rho", "p", "u"):
        tail = (d,) if name == "u" else ()
        create_rows(file, f"gas/{name}", (*plan.field_shape, *tail), plan.dtype)
    for axis in range(d):
        file["gas"].attrs[f"axis{axis}"] = plan.box.coordinates(axis)
    file["gas"].attrs["times"] = plan.times
    file["gas"].attrs["boundaries"] = list(plan.boundaries)
    for name in plan.parameters:
        create_rows(file, f"numbers/{name}", (plan.num_trajectories,), np.float64)


def _read(file):
    gas = file["gas"]
    d = gas["rho"].ndim - 2
    return FileContents(
        "plain",
        FIELDS,
        {"density": gas["rho"], "pressure": gas["p"], "velocity": gas["u"]},
        np.asarray(gas.attrs["times"]),
        tuple(np.asarray(gas.attrs[f"axis{axis}"]) for axis in range(d)),
        {name: node[()] for name, node in file["numbers"].items()},
        tuple(gas.attrs["boundaries"]),
    )


def _faults(file):
    for name in ("rho", "p", "u"):
        if name not in file["gas"]:
            yield f"no gas/{name}"


PLAIN = FileFormat(
    name="plain",
    signs="plain numbers (gas, numbers)",
    recognises=lambda file: "gas" in file,
    read=_read,
    create=_create,
    rows=lambda density, velocity, pressure: {
        "gas/rho": density,
        "gas/u": velocity,
        "gas/p": pressure,
    },
    parameters="numbers",
    faults=_faults,
)


@pytest.fixture
def plain(monkeypatch):
    monkeypatch.setitem(FORMATS, "plain", PLAIN)
    return dataclasses.replace(CONFIG, format="plain")


def test_a_third_format_is_generated_loaded_and_checked(plain, tmp_path, capsys):
    path = pde_data.generate(plain, tmp_path / "flow.hdf5")
    sample = pde_data.simulate_trajectory(CONFIG, 1)
    with pde_data.load(path) as flow:
        assert (flow.layout, flow.grid, flow.config) == ("plain", (16, 12), plain)
        assert flow.boundaries == ("periodic", "periodic")
        np.testing.assert_array_equal(flow["density"][1], sample.density)
        np.testing.assert_array_equal(flow["velocity"][1], sample.velocity)
        np.testing.assert_array_equal(flow["pressure"][1], sample.pressure)
        assert flow.parameters["mach"][1] == sample.parameters["mach"]
    report = pde_data.check_file(path, regenerate=1)
    assert report.passed, [str(finding) for finding in report.findings]
    assert report.layout == "plain"
    assert _cli.main(["check", str(path)]) == 0
    assert "plain layout" in capsys.readouterr().out
    with h5py.File(path, "r+") as file:
        del file["gas/p"]
        assert structural_faults(file) == ["no gas/p"]


def test_a_third_format_is_compressed_to_the_same_numbers(plain, tmp_path):
    paths = [
        pde_data.generate(
            dataclasses.replace(plain, compression=compression),
            tmp_path / f"{compression}.hdf5",
        )
        for compression in (None, "gzip")
    ]
    with pde_data.load(paths[0]) as one, pde_data.load(paths[1]) as other:
        for field in one.fields:
            np.testing.assert_array_equal(one[field.name], other[field.name])


def test_a_format_that_is_not_registered_is_refused_by_name():
    with pytest.raises(ValueError, match=r"`format` must be one of 'pdebench', 'well'"):
        dataclasses.replace(CONFIG, format="plain")


def test_a_file_of_no_format_says_what_it_holds(tmp_path):
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["gas/rho"], file["time"] = np.ones(3), np.ones(2)
        known = ", ".join(sorted(FORMATS))
        assert structural_faults(file) == [f"the layout of no known format ({known})"]
        with pytest.raises(
            ValueError, match=r"has not the layout of .*holds gas, time"
        ):
            read_contents(file)
    nothing = pytest.raises(ValueError, match=r"; it holds nothing\.")
    with h5py.File(tmp_path / "empty.hdf5", "w") as file, nothing:
        read_contents(file)


def test_damage_that_ends_the_search_for_faults_is_one_of_them(plain, tmp_path):
    """What was found before stays, and what stood in the way is told."""

    def faults(file):
        yield "no gas/rho"
        raise ValueError("gas/u can't be read")

    def recognises(file):
        raise KeyError("unable to open the group")

    with h5py.File(tmp_path / "flow.hdf5", "w") as file:
        file["gas/p"] = np.ones(3)
        FORMATS["plain"] = dataclasses.replace(PLAIN, faults=faults)
        assert structural_faults(file) == ["no gas/rho", "gas/u can't be read"]
        FORMATS["plain"] = dataclasses.replace(PLAIN, recognises=recognises)
        (fault,) = structural_faults(file)
        assert "the list of what it holds can't be read; the file may be dam" in fault


def test_every_format_has_a_sign_of_its_own(tmp_path):
    for name in FORMATS:
        config = dataclasses.replace(CONFIG, format=name, trajectories=1, grid=(8, 8))
        path = pde_data.generate(config, tmp_path / f"{name}.hdf5")
        with h5py.File(path, "r") as file:
            assert [f.name for f in FORMATS.values() if f.recognises(file)] == [name]
            assert format_of(file) is FORMATS[name]
