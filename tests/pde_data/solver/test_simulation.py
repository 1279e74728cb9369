import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pde_data
from pde_data import exact
from pde_data.verification._tubes import exact_averages


def shock_tube_error(problem, jump, time, num_cells, axis, dtype=np.float64, **parts):
    """The L1 error of the cell averages of density of a tube along one axis of two."""
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
    expected = exact_averages(problem, jump, time, num_cells)
    return float(np.mean(np.abs(density - expected))), density


def test_sods_tube_meets_the_exact_riemann_solution_along_both_axes():
    coarse, along_x = shock_tube_error(exact.SOD, 0.5, 0.2, 100, 0)
    _, along_y = shock_tube_error(exact.SOD, 0.5, 0.2, 100, 1)
    # Where the contact falls in its cell matters less over two doublings.
    fine, _ = shock_tube_error(exact.SOD, 0.5, 0.2, 400, 0)
    np.testing.assert_array_equal(along_x, along_y)
    assert coarse < 4.5e-3
    assert 0.8 < np.log2(coarse / fine) / 2 < 1.2


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
    with pytest.raises(ValueError, match=r"`times` must be one-dim.* shape \(0,\)"):
        pde_data.simulate(solver, start, [])
    small = jax.tree.map(lambda x: x[:8], start)
    with pytest.raises(ValueError, match="`start`"):
        pde_data.simulate(solver, small, [0.0, 0.1])
    plane = pde_data.Primitive(start.density, start.velocity[:1], start.pressure)
    with pytest.raises(ValueError, match=r"`start` must have 2 velocity comp.*, got 1"):
        pde_data.simulate(solver, plane, [0.0, 0.1])


def test_a_breakdown_inside_of_a_program_is_raised_when_it_runs(solver, start):
    """While it is traced nobody knows; without `throw` it is returned."""
    pressure = start.pressure.at[3, 4].set(-1.0)

    @eqx.filter_jit
    def last(pressure):
        broken = pde_data.Primitive(start.density, start.velocity, pressure)
        return pde_data.simulate(solver, broken, np.array([0.0, 0.01])).density[-1]

    assert np.isfinite(last(start.pressure)).all()
    # JAX 0.8 calls it a `ValueError`.
    with pytest.raises((RuntimeError, ValueError), match="The simulation broke down"):
        jax.block_until_ready(last(pressure))


def test_a_tracer_is_there_at_every_snapshot_where_the_start_has_one(solver, start):
    def found(start):
        times = np.array([0.0, 0.01])
        return eqx.filter_eval_shape(
            lambda: pde_data.simulate(solver, start, times, throw=False).tracer
        )

    assert found(start) is None
    traced = dataclasses.replace(start, tracer=jnp.ones_like(start.density))
    assert found(traced).shape == (2, 16, 16)


def test_a_run_restarted_from_a_snapshot_has_the_same_bits(solver, start):
    times = np.linspace(0, 0.1, 3)
    whole = pde_data.simulate(solver, start, times)
    middle = jax.tree.map(lambda x: x[1], whole.state)
    rest = pde_data.simulate(solver, middle, times[1:])
    np.testing.assert_array_equal(rest.density[1:], whole.density[2:])
    np.testing.assert_array_equal(rest.velocity[1:], whole.velocity[2:])
    np.testing.assert_array_equal(rest.num_steps[1:], whole.num_steps[2:])


def test_a_thousand_snapshots_fall_on_their_times_in_float32():
    solver = pde_data.CompressibleNavierStokes((4, 4))
    one = jnp.ones((4, 4), jnp.float32)
    start = pde_data.Primitive(one, (0.3 * one, 0 * one), one)
    times = np.linspace(0, 50, 1001)
    run = pde_data.simulate(solver, start, times)
    np.testing.assert_array_equal(run.times, times.astype(np.float32))
    assert run.num_steps.shape == (1001,)
    assert np.all(run.num_steps[1:] > 0)
    np.testing.assert_allclose(run.density[-1], 1, rtol=1e-5)


def _final(start, solver, num_steps):
    def final(amplitude):
        velocity = tuple(amplitude * u for u in start.velocity)
        moved = pde_data.Primitive(start.density, velocity, start.pressure)
        end = pde_data.fixed_steps(solver, moved, 2e-3, num_steps)
        return jnp.sum(end.density**2)

    return jax.jit(jax.value_and_grad(final))


def _assert_gradient_agrees(start, solver, num_steps=10):
    final = _final(start, solver, num_steps)
    gradient = float(final(1.0)[1])
    difference = float((final(1 + 1e-4)[0] - final(1 - 1e-4)[0]) / 2e-4)
    assert abs(gradient) > 1e-3
    assert gradient == pytest.approx(difference, rel=1e-4)


@pytest.mark.slow
def test_the_gradient_of_a_final_state_agrees_with_differences(start):
    _assert_gradient_agrees(start, pde_data.CompressibleNavierStokes((16, 16)))


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["muscl", "muscl-low-mach", "weno5z", "aweno5z"])
@pytest.mark.parametrize("viscosity", [0.0, 0.01])
def test_the_gradient_agrees_with_differences_for_every_scheme(
    start, scheme, viscosity
):
    solver = pde_data.CompressibleNavierStokes(
        (16, 16),
        5 / 3,
        viscosity,
        2 * viscosity,
        prandtl_number=0.7,
        **pde_data.SCHEMES[scheme],
    )
    _assert_gradient_agrees(start, solver, 5)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", sorted(pde_data.SCHEMES))
def test_the_gradient_at_rest_is_a_number(scheme):
    one = jnp.ones((8, 8))
    rest = pde_data.Primitive(one, (0 * one, 0 * one), one)
    solver = pde_data.CompressibleNavierStokes((8, 8), **pde_data.SCHEMES[scheme])

    def energy(state):
        end = pde_data.fixed_steps(solver, state, 2e-3, 2)
        return jnp.sum(end.pressure**2)

    gradient = jax.jit(jax.grad(energy))(rest)
    for x in jax.tree.leaves(gradient):
        assert np.all(np.isfinite(x))


@pytest.mark.slow
def test_the_derivative_with_respect_to_viscosity_agrees_with_differences(start):
    def final(viscosity):
        solver = pde_data.CompressibleNavierStokes((16, 16), 5 / 3, viscosity)
        end = pde_data.fixed_steps(solver, start, 2e-3, 10)
        return jnp.sum(end.velocity[0] ** 2)

    value = jax.jit(final)
    _, slope = jax.jvp(value, (jnp.asarray(0.01),), (jnp.asarray(1.0),))
    difference = float((value(0.0101) - value(0.0099)) / 2e-4)
    assert float(slope) == pytest.approx(difference, rel=1e-4)


def test_trajectories_do_not_compile_again(caplog):
    def compilations(seed, viscosity):
        """The programs that XLA compiles for one more trajectory."""
        solver = pde_data.CompressibleNavierStokes((12, 10), 5 / 3, viscosity)
        start = pde_data.initial.random_fourier(solver, jax.random.key(seed), mach=0.2)
        caplog.clear()
        with jax.log_compiles(), caplog.at_level("WARNING"):
            pde_data.simulate(solver, start, np.linspace(0, 0.1 + seed, 3))
        return [r for r in caplog.messages if "Finished XLA compilation" in r]

    # A grid of its own, so that no other test has compiled for it.
    assert len(compilations(0, 0.01)) > 0
    assert compilations(1, 0.02) == []
    assert compilations(2, 0.03) == []


@pytest.mark.slow
def test_a_trajectory_and_its_probe_share_one_program(caplog):
    # What is probed for symmetry is then the very program that made the data.
    config = pde_data.GenerateConfig(grid=(14, 10), snapshots=3, final_time=0.05)
    with jax.log_compiles(), caplog.at_level("WARNING"):
        pde_data.simulate_trajectory(config, 0)
    compiled = [r for r in caplog.messages if "Finished XLA compilation" in r]
    assert len([r for r in compiled if "_simulate" in r]) == 1
    assert not [r for r in compiled if "step" in r or "probe" in r]
