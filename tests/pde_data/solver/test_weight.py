"""Walls under a force: gas at rest stays there, and nothing passes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pde_data
from pde_data.solver._boundary import with_ghosts
from pde_data.solver._symmetry import hyperoctahedral_elements, transform
from pde_data.solver._weight import weighed
from pde_data.verification import _hydrostatics as hydrostatics
from pde_data.verification._setup import many_steps, scheme_solver, start_of

PERIODIC = (pde_data.periodic, pde_data.periodic)


@pytest.mark.parametrize(
    ("scheme", "bounds"),
    [
        # Between plain mirror images: 2.7e-2 and 1.3e-2, of first order.
        ("muscl", (1.6e-4, 4e-5)),
        pytest.param("weno5z", (4e-8, 1.2e-9), marks=pytest.mark.slow),
        pytest.param("aweno5z", (4e-8, 1.2e-9), marks=pytest.mark.slow),
    ],
)
def test_gas_at_rest_stays_at_rest_to_the_order_of_the_scheme(scheme, bounds):
    runs = [hydrostatics.column(scheme, n) for n in (16, 32)]
    speeds = [float(np.max(np.abs(run.velocity))) for run in runs]
    assert all(speed < bound for speed, bound in zip(speeds, bounds, strict=True))
    assert np.log2(speeds[0] / speeds[1]) > (1.9 if scheme == "muscl" else 4.5)
    assert max(map(hydrostatics.mass_drift, runs)) < 1e-15


@pytest.mark.parametrize("wall", ["no-slip walls", "isothermal walls"])
def test_gas_rests_on_every_wall_and_none_is_lost(wall):
    run = hydrostatics.column("muscl", 16, wall)
    assert np.max(np.abs(run.velocity)) < 1.6e-4
    assert hydrostatics.mass_drift(run) < 1e-15  # 1e-4 on a wall of one temperature.


def test_gas_whose_pressure_falls_linearly_rests_too():
    # 1.9e-2 between plain mirror images.
    assert hydrostatics.speed_at_rest("muscl", 16, "slip walls", False) < 1e-5


@pytest.mark.parametrize("up", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_gas_rests_along_every_axis_of_a_plane(up):
    speed = hydrostatics.speed_at_rest("muscl", 16, "slip walls", True, 2, up)
    assert speed < 1.6e-4


def _heavy_box(axis, sign, wall=pde_data.slip_wall, scheme="muscl"):
    """A solver whose force points along one axis of a box of 12² cells, all walls."""
    force = tuple(2.0 * sign if i == axis else 0.0 for i in range(2))
    return scheme_solver(
        scheme,
        pde_data.Grid((12, 12)),
        forcing=pde_data.UniformGravity(force),
        boundary=[(wall, wall)] * 2,
        shear_viscosity=0.01,
        prandtl_number=0.7,
    )


@pytest.mark.parametrize(
    ("scheme", "wall", "elements"),
    [
        # The exchange of the axes with both reversed.
        ("muscl", pde_data.slip_wall, slice(7, 8)),
        pytest.param("muscl", pde_data.slip_wall, slice(1, 8), marks=pytest.mark.slow),
        pytest.param(
            "muscl", pde_data.IsothermalWall(1.0), slice(1, 8), marks=pytest.mark.slow
        ),
        pytest.param(
            "aweno5z", pde_data.no_slip_wall, slice(1, 8), marks=pytest.mark.slow
        ),
    ],
)
def test_a_heavy_gas_turned_with_its_force_has_the_same_bits(scheme, wall, elements):
    down = _heavy_box(1, -1, wall, scheme)
    start = pde_data.initial.random_fourier(down, jax.random.key(0), mach=0.5)
    end = many_steps(down, start, 10)
    for element in hyperoctahedral_elements(2)[elements]:
        permutation, flips = element
        axis = permutation.index(1)
        turned = _heavy_box(axis, 1 if flips[axis] else -1, wall, scheme)
        moved = many_steps(turned, transform(start, element), 10)
        jax.tree.map(np.testing.assert_array_equal, moved, transform(end, element))


def test_a_wall_of_one_temperature_keeps_all_gas(random):
    """Its ghost cells are no mirror images: mass changed by 1e-3 once."""
    wall = pde_data.IsothermalWall(2.0)
    solver = scheme_solver(
        "muscl", pde_data.Grid((16,)), boundary=wall, shear_viscosity=0.01
    )
    density = jnp.asarray(random.uniform(1, 2, 16))
    start = start_of(density, [random.uniform(-0.5, 0.5, 16)], 1.0)
    run = pde_data.simulate(solver, start, [0.0, 0.5])
    assert hydrostatics.mass_drift(run) < 1e-6


def test_a_force_of_zero_changes_no_ghost_cell_and_corners_stay_images(random):
    shape = (6, 5)
    state = pde_data.Primitive(
        jnp.asarray(random.uniform(1, 2, shape)),
        tuple(jnp.asarray(random.normal(size=shape)) for _ in range(2)),
        jnp.asarray(random.uniform(1, 2, shape)),
    )
    faces = ((pde_data.slip_wall, pde_data.slip_wall), PERIODIC)
    padded = with_ghosts(state, 2, faces)
    zero = jnp.zeros(shape, state.density.dtype)

    def heavy(*force):
        return weighed(padded, state, force, 2, faces, (0.1, 0.1))

    jax.tree.map(np.testing.assert_array_equal, heavy(zero, zero + 3), padded)
    lower = heavy(zero - 3, zero).pressure / padded.pressure
    assert np.all(np.asarray(lower)[:2, 2:-2] > 1)  # The foot bears the weight.
    assert np.all(np.asarray(lower)[-2:, 2:-2] < 1)
    assert np.all(np.asarray(lower)[:2, :2] == 1)
