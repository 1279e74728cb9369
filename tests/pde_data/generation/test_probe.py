"""What a start is probed for: the symmetry of its box and its force, and no other."""

import dataclasses
import math

import h5py
import numpy as np
import pytest

import pde_data
from pde_data.checking._check_file import check_file
from pde_data.generation import _probe
from pde_data.generation._attempt import prepare_attempt
from pde_data.generation._probe import kept_elements, probe_start, program_length

CONFIG = pde_data.GenerateConfig(
    grid=(16, 16), snapshots=3, final_time=0.05, mach=0.3, seed=7
)


@pytest.mark.parametrize(
    ("family", "grid", "number"),
    [
        ("random_fourier", (8, 8), 8),
        ("random_fourier", (8, 10), 4),
        ("implosion", (8, 8), 8),
        ("rayleigh_taylor", (8, 8), 2),
        ("rayleigh_taylor", (8, 8, 8), 8),
        # Cells of cos y and sin x turn into none of their images; in 3D the axes may
        # be exchanged in a circle.
        ("stirred", (8, 8), 1),
        ("stirred", (8, 8, 8), 3),
    ],
)
def test_the_elements_are_those_that_keep_box_and_force(family, grid, number):
    attempt = prepare_attempt(dataclasses.replace(CONFIG, family=family, grid=grid), 0)
    elements = kept_elements(attempt.solver, attempt.start, np.array([0.0, 1.0]))
    assert len(elements) == number


def test_a_box_of_unequal_sides_or_cells_keeps_no_exchange_of_its_axes():
    """Of as many cells along each axis, and of cells that are squares."""
    for extent, number in (((1.0, 1.0), 8), ((1.0, 2.0), 4)):
        config = dataclasses.replace(CONFIG, grid=(8, 8), extent=extent)
        attempt = prepare_attempt(config, 0)
        elements = kept_elements(attempt.solver, attempt.start, np.array([0.0]))
        assert len(elements) == number


def test_the_program_of_a_long_run_is_not_that_of_its_probe(monkeypatch):
    """A probe of eight steps would keep a thousand snapshots in memory."""
    attempt, lengths = prepare_attempt(dataclasses.replace(CONFIG, grid=(8, 8)), 0), []

    def run(solver, start, times, length, *rest):
        lengths.append(length)
        raise InterruptedError

    monkeypatch.setattr(_probe, "simulate_in_program", run)
    for num_snapshots in (3, 64, 1000):
        with pytest.raises(InterruptedError):
            probe_start(attempt.solver, attempt.start, 0, num_snapshots)
    assert lengths == [9, 64, 9]
    assert [program_length(n) for n in (3, 64, 1000)] == [9, 64, 1000]


@pytest.fixture(scope="module")
def stirred(tmp_path_factory):
    config = dataclasses.replace(CONFIG, family="stirred")
    return pde_data.generate(config, tmp_path_factory.mktemp("flow") / "flow.hdf5")


def test_a_stirred_gas_passes_the_check_and_claims_no_symmetry(stirred):
    report = check_file(stirred)  # Its commutation error was 7.8e-3.
    assert report.passed, [str(f) for f in report.findings]
    (symmetry,) = (f for f in report.findings if f.name.startswith("symmetry"))
    assert symmetry.passed is None
    assert "no rotation or reflection" in symmetry.detail
    with h5py.File(stirred, "r") as file:
        certificate = {k: v[0] for k, v in file["certificate"].items()}  # type: ignore
    assert certificate["commuting_elements"] == 1
    assert math.isnan(certificate["commutation_error"])


@pytest.mark.slow
def test_a_stirred_gas_in_3d_commutes_with_the_exchange_of_its_axes(tmp_path):
    config = dataclasses.replace(CONFIG, family="stirred", grid=(8, 8, 8))
    path = pde_data.generate(config, tmp_path / "flow.hdf5")
    (symmetry,) = (f for f in check_file(path).findings if "symmetry" in f.name)
    assert symmetry.passed
    assert "(3 elements keep" in symmetry.detail
    with h5py.File(path, "r") as file:
        assert file["certificate/commutation_error"][0] == 0  # type: ignore[index]
