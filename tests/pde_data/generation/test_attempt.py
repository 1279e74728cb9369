import dataclasses

import jax
import numpy as np

import pde_data
from pde_data.generation._attempt import prepare_attempt, trajectory_key

CONFIG = pde_data.GenerateConfig(
    grid=(8, 8), trajectories=2, mach=(0.1, 0.5), shear_viscosity=(0.001, 0.1)
)


def test_an_attempt_simulates_with_the_parameters_that_it_records():
    attempt = prepare_attempt(CONFIG, 1)
    assert (attempt.index, attempt.draw, attempt.scheme) == (1, 0, "muscl")
    assert attempt.solver.transport is not None
    viscosity = float(attempt.solver.transport.shear_viscosity)
    assert viscosity == attempt.parameters["shear_viscosity"]
    assert 0.001 < viscosity < 0.1
    assert 0.1 < attempt.parameters["mach"] < 0.5
    assert attempt.max_steps >= 100


def test_a_redraw_is_another_start_and_a_repetition_the_same():
    one, same, other = (prepare_attempt(CONFIG, 0, draw) for draw in (0, 0, 1))
    jax.tree.map(np.testing.assert_array_equal, one.start, same.start)
    assert one.parameters == same.parameters != other.parameters
    assert np.any(one.start.density != other.start.density)


def test_the_safe_scheme_keeps_the_draw_and_its_own_courant_number():
    config = dataclasses.replace(CONFIG, courant_number=0.4)
    one, safe = prepare_attempt(config, 0), prepare_attempt(config, 0, scheme="safe")
    assert one.parameters == safe.parameters
    assert (one.solver.courant_number, safe.solver.courant_number) == (0.4, 0.3)


def test_all_bits_of_a_seed_count_in_either_precision():
    """In single precision 2**32 + 5 once gave the bits of 5."""
    seeds = (5, 2**32 + 5, 2**40 + 5, 2**63 - 1)
    for precision in ("float32", "float64"):
        configs = [
            dataclasses.replace(CONFIG, seed=seed, precision=precision)
            for seed in seeds
        ]
        drawn = {prepare_attempt(c, 0).parameters["mach"] for c in configs}
        assert len(drawn) == len(seeds)


def test_a_seed_of_32_bits_is_the_key_that_it_always_was():
    with jax.enable_x64(False):
        root = jax.random.key(5)
    expected = jax.random.fold_in(jax.random.fold_in(root, 1), 2)
    key = trajectory_key(dataclasses.replace(CONFIG, seed=5), 1, 2)
    np.testing.assert_array_equal(
        jax.random.key_data(key), jax.random.key_data(expected)
    )
