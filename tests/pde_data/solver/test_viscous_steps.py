"""Viscosity in steps of its own: fewer steps, the same flow, the same laws."""

import dataclasses
from typing import Any

import jax
import numpy as np
import pytest

import pde_data
from pde_data.generation import _attempt
from pde_data.verification import _laws as laws, _linear_waves as waves

STIFF = pde_data.GenerateConfig(
    grid=(16, 16), mach=0.3, shear_viscosity=1.0, bulk_viscosity=1.0, final_time=0.05
)


def end_of(n, stepper, courant_number=0.5):
    parts: dict[str, Any] = dict(pde_data.SCHEMES["muscl"])
    parts["courant_number"] = courant_number
    solver = pde_data.CompressibleNavierStokes(
        (n, n), 5 / 3, 1.0, 1.0, viscous_stepper=stepper, **parts
    )
    start = pde_data.initial.random_fourier(solver, jax.random.key(0), mach=0.3)
    run = pde_data.simulate(solver, start, [0.0, 0.05])
    fields = (run.density, *run.state.velocity, run.pressure)
    return np.stack([np.asarray(x[-1]) for x in fields]), int(run.num_steps.sum())


def distance(a, b):
    """Of each field, over how much it varies; the largest."""
    size = b.std(axis=(1, 2))
    return float(np.max(np.sqrt(((a - b) ** 2).mean(axis=(1, 2))) / size))


@pytest.mark.slow
def test_they_agree_with_small_steps_to_the_error_in_space():
    small, many = end_of(16, None)
    large, few = end_of(16, pde_data.rkl2)
    finer, _ = end_of(32, pde_data.rkl2)
    finer = finer.reshape(4, 16, 2, 16, 2).mean(axis=(2, 4))
    assert few < many / 3
    assert distance(large, small) < 0.3 * distance(small, finer)
    # Shorter steps come nearer.
    halved, _ = end_of(16, pde_data.rkl2, 0.25)
    assert distance(halved, small) < 0.5 * distance(large, small)


def test_they_keep_symmetry_and_the_rates_of_theory():
    assert laws.commutation("muscl + rkl2", 2, 9, "float32", "no-slip walls", 4) == 0
    assert waves.shear_wave("muscl + rkl2", 32, (1, 1)) < 1.3e-2


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-6), ("float64", 1e-13)])
def test_they_keep_totals(dtype, bound):
    assert laws.drift("muscl + rkl2", dtype) < bound


def test_generation_takes_them_where_viscosity_bounds_the_step():
    for precision in ("float32", "float64"):
        config = dataclasses.replace(STIFF, precision=precision)
        assert _attempt.viscous_steps(config) == "rkl2"
    thin = dataclasses.replace(STIFF, shear_viscosity=1e-4, bulk_viscosity=1e-4)
    none = dataclasses.replace(STIFF, shear_viscosity=0.0, bulk_viscosity=0.0)
    assert _attempt.viscous_steps(thin) == _attempt.viscous_steps(none) == "explicit"
    for named in ("explicit", "rkl2"):
        config = dataclasses.replace(STIFF, viscous_steps=named)
        solver = _attempt.prepare_attempt(config, 0).solver
        assert solver.viscous_stepper is (pde_data.rkl2 if named == "rkl2" else None)


@pytest.mark.parametrize("change", [{"trajectories": 9}, {"snapshots": 3}])
def test_which_steps_does_not_depend_on_how_much_is_made(change):
    before = _attempt.viscous_steps(STIFF)
    assert _attempt.viscous_steps(dataclasses.replace(STIFF, **change)) == before


def test_a_gas_without_viscosity_has_no_viscous_rate():
    solver = pde_data.CompressibleNavierStokes((8, 8), viscous_stepper=pde_data.rkl2)
    start = pde_data.initial.random_fourier(solver, jax.random.key(0), mach=0.3)
    state = solver.gas.conserved(start)
    with pytest.raises(ValueError, match="needs a gas with viscosity"):
        solver.viscous_rate(state, solver.max_rate(state))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "precision"),
    [("muscl", "float32"), ("muscl", "float64"), ("aweno5z", "float32")],
)
def test_files_made_with_them_pass_their_check(scheme, precision, tmp_path):
    config = dataclasses.replace(
        STIFF, trajectories=2, scheme=scheme, precision=precision, prandtl_number=0.7
    )
    path = pde_data.generate(config, tmp_path / "flow.hdf5")
    assert pde_data.check_file(path).passed
    with pde_data.load(path) as flow:
        assert flow.parameters["viscous_steps"] == "rkl2"
