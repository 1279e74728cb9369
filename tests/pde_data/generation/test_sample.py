"""Trajectories alone and together, and what becomes of those that break down."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pde_data
from pde_data.generation import _attempt, _sample, _slots

CONFIG = pde_data.GenerateConfig(
    grid=(16, 16), trajectories=4, snapshots=3, final_time=0.05, mach=0.3, seed=7
)


@pytest.mark.slow
@pytest.mark.parametrize("viscosity", [0.01, (0.001, 0.1)])
def test_one_vectorised_call_gives_the_bits_of_single_ones(viscosity):
    config = dataclasses.replace(
        CONFIG, shear_viscosity=viscosity, bulk_viscosity=viscosity, mach=(0.1, 0.9)
    )
    config = dataclasses.replace(config, trajectories=5, batch=2)
    together = _sample.simulate_together(config, range(5), 2)
    runs = {attempt.index: run for attempt, run in together}
    assert sorted(runs) == list(range(5))
    for index, run in runs.items():
        sample = pde_data.simulate_trajectory(config, index)
        np.testing.assert_array_equal(run.density, sample.density)
        np.testing.assert_array_equal(run.velocity, sample.velocity)
        np.testing.assert_array_equal(run.pressure, sample.pressure)
        assert int(np.sum(run.num_steps)) == sample.num_steps


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_slots_that_wait_for_each_other_give_the_bits_of_single_runs(
    share, monkeypatch
):
    monkeypatch.setattr(_slots, "_WAITING", share)
    config = dataclasses.replace(CONFIG, trajectories=7, mach=(0.1, 0.9))
    attempts = [_attempt.prepare_attempt(config, index) for index in range(7)]
    # The one with most steps breaks down on its way.
    broken = max(attempts, key=lambda attempt: attempt.max_steps).index
    attempts[broken] = dataclasses.replace(attempts[broken], max_steps=2)
    runs = {
        attempt.index: run
        for attempt, run in _slots.run_in_slots(attempts, config.times, 4)
    }
    assert sorted(runs) == list(range(7))
    for attempt in attempts:
        alone = _sample.simulate_in_program(
            attempt.solver,
            attempt.start,
            config.times,
            len(config.times),
            attempt.max_steps,
        )
        assert bool(alone.failed) == (attempt.index == broken)
        pairs = zip(
            jax.tree.leaves(alone), jax.tree.leaves(runs[attempt.index]), strict=True
        )
        for a, b in pairs:
            np.testing.assert_array_equal(a, b)


def test_samples_of_a_loop_certified_by_threads_are_those_of_single_runs(monkeypatch):
    config = dataclasses.replace(CONFIG, grid=(8, 8), trajectories=5)
    alone = dict(_sample.simulate_trajectories(config, range(5)))
    monkeypatch.setattr(_sample, "together", lambda *_: 3)
    together = dict(_sample.simulate_trajectories(config, range(5)))
    assert sorted(together) == sorted(alone)
    for index, sample in together.items():
        for name, value in dataclasses.asdict(alone[index]).items():
            np.testing.assert_equal(getattr(sample, name), value)


def test_what_fails_in_a_thread_ends_the_run(monkeypatch):
    def fails(*_):
        raise pde_data.SimulationError("no draw survives")

    monkeypatch.setattr(_sample, "together", lambda *_: 3)
    monkeypatch.setattr(_sample, "_certified", fails)
    config = dataclasses.replace(CONFIG, grid=(8, 8), trajectories=5)
    with pytest.raises(pde_data.SimulationError, match="no draw survives"):
        list(_sample.simulate_trajectories(config, range(5)))


def test_a_breakdown_is_retried_then_redrawn_and_recorded(monkeypatch):
    calls = []
    simulate = _sample.simulate_in_program

    def fragile(solver, start, times, length, max_steps, mesh):
        calls.append(solver.courant_number)
        if len(calls) < 3:
            return _broken(start, times)
        return simulate(solver, start, times, length, max_steps, mesh)

    monkeypatch.setattr(_sample, "simulate_in_program", fragile)
    sample = pde_data.simulate_trajectory(CONFIG, 0)
    assert calls == [0.5, 0.3, 0.5]
    assert (sample.draw, sample.safe_scheme) == (1, 0)


def test_a_trajectory_that_never_survives_stops_the_run(monkeypatch):
    def broken(solver, start, times, length, max_steps, mesh):
        return _broken(start, times)

    monkeypatch.setattr(_sample, "simulate_in_program", broken)
    with pytest.raises(pde_data.SimulationError, match="lower `mach`"):
        pde_data.simulate_trajectory(CONFIG, 0)


def test_a_time_step_that_collapses_is_a_breakdown(monkeypatch):
    monkeypatch.setattr(_attempt, "STEP_COLLAPSE", 1)
    simulate, limits = _sample.simulate_in_program, []

    def watched(solver, start, times, length, max_steps, mesh):
        limits.append(max_steps)
        # As if half the steps were a collapse.
        return simulate(solver, start, times, length, max_steps // 2, mesh)

    monkeypatch.setattr(_sample, "simulate_in_program", watched)
    monkeypatch.setattr(_sample, "MAX_DRAWS", 1)
    monkeypatch.setattr(_sample, "SAFE_SCHEME", CONFIG.scheme)
    with pytest.raises(pde_data.SimulationError, match="broke down"):
        pde_data.simulate_trajectory(CONFIG, 0)
    assert 1 < limits[0] < 20


def test_a_run_that_drifts_beyond_the_bound_of_the_check_is_never_stored(monkeypatch):
    shares = []

    def drifting(certificate, num_steps, precision, names):
        shares.append((num_steps > 0, precision, names))
        return 1.1 if len(shares) < 3 else 1.0

    monkeypatch.setattr(_sample, "worst_share", drifting)
    sample = pde_data.simulate_trajectory(CONFIG, 0)
    assert (sample.draw, sample.safe_scheme) == (1, 0)
    assert shares == [(True, "float32", ("mass", "momentum", "energy"))] * 3


def _broken(start, times):
    """A run that failed after its start."""
    state = jax.tree.map(
        lambda x: jnp.stack([x] + [jnp.full_like(x, jnp.nan)] * (len(times) - 1)), start
    )
    counts = jnp.zeros(len(times), jnp.int32)
    times = jnp.asarray(times, start.density.dtype)
    return pde_data.Trajectory(times, state, counts, jnp.asarray(True))
