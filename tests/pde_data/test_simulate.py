import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pde_data
from pde_data import exact


def shock_tube_error(problem, jump, time, num_cells, axis, dtype=np.float64, **parts):
    """The L1 error of density of a tube along one axis of a 2D grid."""
    shape, extent = [4, 4], [1.0, 1.0]
    shape[axis] = num_cells
    grid = pde_data.Grid(shape, extent)
    solver = pde_data.CompressibleNavierStokes(
        grid, problem.gamma, boundary=pde_data.outflow, **parts
    )
    x = grid.centers()[axis]
    left = x < jump
    values = [
        jnp.asarray(np.where(left, a, b), dtype)
        for a, b in zip(problem.left, problem.right, strict=True)
    ]
    velocity = [jnp.zeros_like(values[1])] * 2
    velocity[axis] = values[1]
    start = pde_data.Primitive(values[0], tuple(velocity), values[2])
    run = pde_data.simulate(solver, start, [0.0, time])
    density = np.moveaxis(np.asarray(run.density[-1]), axis, 0)[:, 0]
    expected, _, _ = problem.sample((grid.coordinates(axis) - jump) / time)
    return float(np.mean(np.abs(density - expected))), density


def test_sods_tube_meets_the_exact_riemann_solution_along_both_axes():
    coarse, along_x = shock_tube_error(exact.SOD, 0.5, 0.2, 100, 0)
    _, along_y = shock_tube_error(exact.SOD, 0.5, 0.2, 100, 1)
    fine, _ = shock_tube_error(exact.SOD, 0.5, 0.2, 200, 0)
    np.testing.assert_array_equal(along_x, along_y)
    assert coarse < 5.2e-3
    assert 0.8 < np.log2(coarse / fine) < 1.2


def _entropy_wave_error(n):
    grid = pde_data.Grid((n, n))
    solver = pde_data.CompressibleNavierStokes(
        grid, 1.4, reconstruction=pde_data.MUSCL(pde_data.van_leer)
    )
    x, y = grid.centers()
    density = 1 + 0.2 * np.sin(2 * np.pi * (x + y)) * np.sinc(1 / n) ** 2
    one = jnp.ones((n, n))
    start = pde_data.Primitive(jnp.asarray(density), (one, one), one)
    run = pde_data.simulate(solver, start, [0.0, 0.5])
    return float(np.mean(np.abs(run.density[-1] - density)))


def test_a_smooth_wave_converges_at_second_order():
    errors = [_entropy_wave_error(n) for n in (48, 96)]
    assert np.log2(errors[0] / errors[1]) > 1.9


@pytest.fixture(scope="module")
def solver():
    return pde_data.CompressibleNavierStokes((16, 16), 5 / 3, 0.01, 0.01)


@pytest.fixture
def start(solver):
    return pde_data.initial.random_fourier(solver, jax.random.key(0), mach=0.3)


def test_the_snapshots_have_the_shapes_of_the_first_page(solver, start):
    run = pde_data.simulate(solver, start, np.linspace(0, 0.1, 3))
    assert run.density.shape == run.pressure.shape == (3, 16, 16)
    assert run.velocity.shape == (3, 16, 16, 2)
    assert run.num_steps.shape == (3,)
    assert int(run.num_steps[0]) == 0
    assert int(run.num_steps[1]) > 0
    np.testing.assert_array_equal(run.density[0], start.density)
    np.testing.assert_array_equal(run.velocity[0, ..., 1], start.velocity[1])


def test_many_trajectories_in_one_call_are_the_same_bits_as_one_by_one(solver):
    keys = jax.random.split(jax.random.key(5), 3)
    starts = [pde_data.initial.random_fourier(solver, k, mach=0.3) for k in keys]
    batch = jax.tree.map(lambda *x: jnp.stack(x), *starts)
    times = jnp.linspace(0, 0.1, 3)
    together = jax.vmap(lambda s: pde_data.simulate(solver, s, times, throw=False))(
        batch
    )
    for i, one in enumerate(starts):
        alone = pde_data.simulate(solver, one, times)
        np.testing.assert_array_equal(together.density[i], alone.density)
        np.testing.assert_array_equal(together.velocity[i], alone.velocity)
        np.testing.assert_array_equal(together.num_steps[i], alone.num_steps)


def test_a_breakdown_is_reported_and_never_returned_as_data(solver, start):
    pressure = start.pressure.at[3, 4].set(-1.0)
    broken = pde_data.Primitive(start.density, start.velocity, pressure)
    with pytest.raises(pde_data.SimulationError, match="Last good time: 0"):
        pde_data.simulate(solver, broken, np.linspace(0, 0.1, 3))
    run = pde_data.simulate(solver, broken, np.linspace(0, 0.1, 3), throw=False)
    assert bool(run.failed)
    assert np.isnan(run.density[1:]).all()


def test_too_many_steps_are_a_failure_too(solver, start):
    run = pde_data.simulate(
        solver, start, np.linspace(0, 0.1, 3), max_steps=2, throw=False
    )
    assert bool(run.failed)


def test_starts_and_times_that_do_not_fit_are_refused(solver, start):
    with pytest.raises(ValueError, match="`times`"):
        pde_data.simulate(solver, start, [0.0, 0.2, 0.1])
    with pytest.raises(ValueError, match="`times`"):
        pde_data.simulate(solver, start, [0.0, float("nan")])
    small = jax.tree.map(lambda x: x[:8], start)
    with pytest.raises(ValueError, match="`start`"):
        pde_data.simulate(solver, small, [0.0, 0.1])


def test_the_gradient_of_a_final_state_agrees_with_differences(start):
    # Inviscid: the gradient's program is large, and the viscous terms are linear.
    solver = pde_data.CompressibleNavierStokes((16, 16))

    def final(amplitude):
        velocity = tuple(amplitude * u for u in start.velocity)
        moved = pde_data.Primitive(start.density, velocity, start.pressure)
        end = pde_data.fixed_steps(solver, moved, 2e-3, 10)
        return jnp.sum(end.density**2)

    value = jax.jit(final)
    gradient = float(jax.jit(jax.grad(final))(1.0))
    difference = float((value(1 + 1e-4) - value(1 - 1e-4)) / 2e-4)
    assert abs(gradient) > 1e-3
    assert gradient == pytest.approx(difference, rel=1e-4)
