import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pde_data
from pde_data.solver._symmetry import hyperoctahedral_elements, transform

VISCOUS: dict[str, Any] = {
    "shear_viscosity": 0.01,
    "bulk_viscosity": 0.02,
    "prandtl_number": 0.7,
}


@eqx.filter_jit
def _run(solver, start, num_steps=20):
    step = 0.5 * solver.stable_step(solver.gas.conserved(start))
    return pde_data.fixed_steps(solver, start, step, num_steps)


@functools.cache
def _drawn(shape):
    solver = pde_data.CompressibleNavierStokes(shape)
    return pde_data.initial.random_fourier(solver, jax.random.key(1), mach=0.5)


def _random_start(solver, dtype: Any = np.float64):
    """Random smooth values; drawn once, as that costs more than a hundred steps."""
    return jax.tree.map(lambda x: x.astype(dtype), _drawn(solver.grid.shape))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_commute_with_all_eight_elements_bit_for_bit(dtype):
    solver = pde_data.CompressibleNavierStokes((16, 16), **VISCOUS)
    start = _random_start(solver, dtype)
    end = _run(solver, start)
    assert not np.array_equal(end.density, start.density)
    for element in hyperoctahedral_elements(2):
        moved = _run(solver, transform(start, element))
        jax.tree.map(np.testing.assert_array_equal, moved, transform(end, element))


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"riemann": pde_data.hll}, marks=pytest.mark.slow),
        pytest.param(
            {"riemann": pde_data.rusanov, **VISCOUS, "viscosity": "kinematic"},
            marks=pytest.mark.slow,
        ),
        {
            "riemann": pde_data.low_mach(pde_data.hllc),
            "reconstruction": pde_data.MUSCL(pde_data.van_leer),
            "stepper": pde_data.ssp_rk3,
        },
    ],
)
def test_every_part_of_the_scheme_commutes_bit_for_bit(parts):
    solver = pde_data.CompressibleNavierStokes((16, 16), **parts)
    start = _random_start(solver, np.float32)
    end = _run(solver, start)
    # These two generate the group of eight.
    for element in (((1, 0), (False, False)), ((0, 1), (True, False))):
        moved = _run(solver, transform(start, element))
        jax.tree.map(np.testing.assert_array_equal, moved, transform(end, element))


def test_steps_in_3d_commute_with_generators_bit_for_bit():
    solver = pde_data.CompressibleNavierStokes((8, 8, 8), **VISCOUS)
    start = _random_start(solver, np.float32)
    end = _run(solver, start, 5)
    for element in (
        ((1, 2, 0), (False,) * 3),
        ((1, 0, 2), (False,) * 3),
        ((0, 1, 2), (True, False, False)),
    ):
        moved = _run(solver, transform(start, element), 5)
        jax.tree.map(np.testing.assert_array_equal, moved, transform(end, element))


def test_steps_commute_with_shifts_by_whole_cells_bit_for_bit():
    solver = pde_data.CompressibleNavierStokes((16, 16), **VISCOUS)
    start = _random_start(solver)

    def shift(state):
        return jax.tree.map(lambda x: jnp.roll(x, (5, -3), (0, 1)), state)

    jax.tree.map(
        np.testing.assert_array_equal,
        _run(solver, shift(start)),
        shift(_run(solver, start)),
    )


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("viscous", [True, False])
def test_steps_in_3d_commute_with_all_48_elements_and_shifts(dtype, viscous):
    parts = VISCOUS if viscous else {}
    solver = pde_data.CompressibleNavierStokes((8, 8, 8), **parts)
    start = _random_start(solver, dtype)
    end = _run(solver, start, 5)
    for element in hyperoctahedral_elements(3):
        moved = _run(solver, transform(start, element), 5)
        jax.tree.map(np.testing.assert_array_equal, moved, transform(end, element))

    def shift(state):
        return jax.tree.map(lambda x: jnp.roll(x, (1, -3, 2), (0, 1, 2)), state)

    jax.tree.map(
        np.testing.assert_array_equal, _run(solver, shift(start), 5), shift(end)
    )


def test_gravity_keeps_the_elements_that_keep_its_axis_and_no_other():
    walls = (pde_data.slip_wall, pde_data.slip_wall)
    solver = pde_data.CompressibleNavierStokes(
        (16, 16),
        forcing=pde_data.UniformGravity((0.0, -3.0)),
        boundary=[(pde_data.periodic, pde_data.periodic), walls],
    )
    start = _random_start(solver, np.float32)
    end = _run(solver, start)
    mirror = ((0, 1), (True, False))
    moved = _run(solver, transform(start, mirror))
    jax.tree.map(np.testing.assert_array_equal, moved, transform(end, mirror))
    # So the comparison can fail.
    upside_down = ((0, 1), (False, True))
    moved = _run(solver, transform(start, upside_down))
    assert not np.array_equal(moved.density, transform(end, upside_down).density)


@pytest.mark.parametrize(
    "wall",
    [
        pytest.param(pde_data.slip_wall, marks=pytest.mark.slow),
        pde_data.IsothermalWall(1.0),
    ],
)
def test_a_closed_box_with_a_tracer_commutes_bit_for_bit(wall):
    solver = pde_data.CompressibleNavierStokes(
        (16, 16), boundary=[(wall, wall)] * 2, **VISCOUS
    )
    start = _random_start(solver, np.float32)
    start = pde_data.Primitive(
        start.density, start.velocity, start.pressure, start.pressure**2
    )
    end = _run(solver, start)
    for element in (((1, 0), (False, False)), ((0, 1), (True, False))):
        moved = _run(solver, transform(start, element))
        jax.tree.map(np.testing.assert_array_equal, moved, transform(end, element))


@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 1e-6), (np.float64, 1e-13)])
def test_mass_momentum_and_energy_are_conserved_over_1000_steps(dtype, bound):
    solver = pde_data.CompressibleNavierStokes((16, 16), **VISCOUS)
    start = _random_start(solver, dtype)
    end = start
    for _ in range(50):  # The program of the other tests takes 20 steps.
        end = _run(solver, end)
    first, last = solver.gas.conserved(start), solver.gas.conserved(end)
    speed = np.sqrt(sum(np.asarray(u, np.float64) ** 2 for u in start.velocity))
    carried = np.mean(np.asarray(start.density, np.float64) * speed)
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(last), strict=True):
        a, b = np.mean(a, dtype=np.float64), np.mean(b, dtype=np.float64)
        assert abs(b - a) <= bound * max(abs(a), carried)
    # The flow has moved meanwhile.
    assert np.max(np.abs(end.density / start.density - 1)) > 0.01


def test_viscosity_may_vary_between_runs_without_compiling_again():
    count = 0

    @eqx.filter_jit
    def rate(solver, state):
        nonlocal count
        count += 1
        return solver.rate(state, jnp.zeros(()))

    for value in (0.01, 0.02, 0.03):
        solver = pde_data.CompressibleNavierStokes((16, 16), 5 / 3, value, value)
        rate(solver, solver.gas.conserved(_random_start(solver)))
    assert count == 1


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"gamma": 1.0}, "gamma"),
        ({"gamma": float("nan")}, "gamma"),
        ({"shear_viscosity": -0.1}, "shear_viscosity"),
        ({"bulk_viscosity": float("inf")}, "bulk_viscosity"),
        ({"shear_viscosity": 0.1, "prandtl_number": 0.0}, "prandtl_number"),
        ({"courant_number": 0.0}, "courant_number"),
        ({"boundary": [(pde_data.periodic, pde_data.outflow)] * 2}, "boundary"),
        ({"boundary": [(pde_data.periodic, pde_data.periodic)]}, "boundary"),
        ({"grid": (8, 8, 8, 8)}, "shape"),
        ({"grid": (8, 2)}, "shape"),
    ],
)
def test_a_parameter_without_meaning_is_refused_by_name(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        pde_data.CompressibleNavierStokes(**{"grid": (8, 8), **arguments})
