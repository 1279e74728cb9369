import dataclasses

import jax
import numpy as np

import pde_data
from pde_data.generation._attempt import prepare_attempt

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
