"""What `check` says of our files with altered records, and of foreign ones."""

import json

import h5py
import numpy as np
import pytest

import pde_data
from pde_data.checking._check_file import _check_commutation, check_file
from pde_data.formats._own_records import record_faults

from .test_check_file import well_file

CONFIG = pde_data.GenerateConfig(
    grid=(16, 16), trajectories=2, snapshots=3, final_time=0.05, mach=0.3, seed=3
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return pde_data.generate(CONFIG, tmp_path_factory.mktemp("made") / "flow.hdf5")


@pytest.fixture
def altered(made, tmp_path):
    """A copy, altered, without digests: those would find each alteration."""

    def alter(change):
        path = tmp_path / "flow.hdf5"
        path.write_bytes(made.read_bytes())
        with h5py.File(path, "r+") as file:
            del file["generation/digest"]
            change(file)
        return path

    return alter


def findings(path, regenerate=0):
    return {f.name: f for f in check_file(path, regenerate=regenerate).findings}


def test_runs_that_were_drawn_anew_or_made_safely_are_told(altered):
    def change(file):
        for name in ("draw", "safe_scheme"):
            file[f"generation/{name}"][...] = [0, 1]

    found = findings(altered(change))
    for name in ("redrawn", "safe scheme"):
        assert found[name].passed is None
        assert found[name].detail == "1 trajectories"
    assert found["certificates"].passed
    assert {"redrawn", "safe scheme"}.isdisjoint(findings(altered(lambda file: None)))


def test_a_file_of_ours_has_all_certificates(altered):
    def change(file):
        del file["certificate/mass_drift"]

    found = findings(altered(change))["certificates"]
    assert found.passed is False
    assert found.detail == "no mass_drift recorded, which a file of ours has"


def test_certificates_are_those_of_the_numbers(altered):
    def change(file):
        file["certificate/mass_drift"][1] += 1e-3

    found = findings(altered(change))["certificates"]
    assert found.passed is False
    assert "trajectories 1" in found.detail


@pytest.mark.parametrize(
    "setting", [{"grid": [16, 24]}, {"snapshots": 4}], ids=["grid", "snapshots"]
)
def test_a_configuration_of_another_file_regenerates_nothing(setting, altered):
    def change(file):
        config = json.loads(file.attrs["pde_data_config"]) | setting
        file.attrs["pde_data_config"] = json.dumps(config)

    found = findings(altered(change), regenerate=1)["regenerated"]
    assert found.passed is False
    assert found.detail.startswith("the recorded configuration is of a grid (16, ")


def test_digests_that_can_not_be_read_are_no_digests(altered):
    def change(file):
        file["generation/digest"] = h5py.SoftLink("/generation/digest")

    found = findings(altered(change))["digests"]
    assert found.passed is False
    assert "generation/digest can't be read; the file may be damaged" in found.detail


def test_a_foreign_file_is_not_made_again(tmp_path):
    path = well_file(tmp_path / "euler.hdf5")
    found = findings(path, regenerate=1)["regenerated"]
    assert found.passed is None
    assert found.detail == "not a file of ours: its making is unknown"
    assert "regenerated" not in findings(path)


def test_continuity_is_not_judged_where_weight_may_rest_on_a_wall(tmp_path):
    """Of a foreign file nobody knows whether something pushes."""
    path = well_file(tmp_path / "euler.hdf5")
    name = "continuity between snapshots"
    assert findings(path)[name].passed
    with h5py.File(path, "r+") as file:
        file["boundary_conditions/y_periodic"].attrs["bc_type"] = "WALL"
    found = findings(path)[name]
    assert found.passed is None
    assert "not judged where weight may rest on a wall" in found.detail


def test_symmetry_is_judged_by_what_was_recorded_of_it():
    """Files of before do not say how many elements keep box and force."""
    zero = np.zeros(2)
    old = _check_commutation({"commutation_error": zero})
    assert old.passed
    assert "elements keep" not in old.detail
    new = {"commutation_error": zero, "commuting_elements": np.full(2, 8.0)}
    assert "(8 elements keep the box and its force)" in _check_commutation(new).detail
    assert _check_commutation({"commutation_error": zero + 0.1}).passed is False
    none = {"commutation_error": zero + np.nan, "commuting_elements": np.ones(2)}
    assert _check_commutation(none).passed is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda f: f.__delitem__("generation/stored"), "no generation/stored"),
        (
            lambda f: f["generation/stored"].__setitem__(1, 0),
            "rows 1 were never stored",
        ),
        (
            lambda f: f.__setitem__("certificate/a", np.ones(3)),
            "a has shape (3,), not (2,)",
        ),
        (
            lambda f: f.__setitem__("generation/a", np.array([b"x", b"y"])),
            "generation/a holds |S1, no real numbers",
        ),
        (
            lambda f: f.create_group("certificate/a"),
            "certificate/a is no data set",
        ),
    ],
)
def test_records_are_one_number_for_each_trajectory(change, fault, altered):
    path = altered(change)
    with h5py.File(path, "r") as file:
        assert fault in list(record_faults(file))
    assert not check_file(path).passed


def test_a_report_is_json_and_text(made):
    report = check_file(made)
    found = json.loads(json.dumps(report.to_dict()))
    assert found["passed"] is report.passed is True
    assert found["layout"] == "pdebench"
    assert [f["name"] for f in found["findings"]] == [f.name for f in report.findings]
    assert str(report).splitlines()[-1] == "PASS"
