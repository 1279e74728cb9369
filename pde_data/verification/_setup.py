"""What every flow of the suite needs: a solver by name, a start, double precision."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..solver._equations import CompressibleNavierStokes
from ..solver._grid import Grid
from ..solver._schemes import SCHEMES, VISCOUS_STEPPERS
from ..solver._simulation import fixed_steps
from ..solver._state import Primitive


def scheme_solver(
    scheme: str, grid: Grid, gamma: float = 1.4, **parts: Any
) -> CompressibleNavierStokes:
    """The solver with a named scheme, some parts of it replaced.

    "muscl + rkl2" is "muscl" with viscous steps of their own, "muscl + fourth" has
    viscous fluxes of fourth order; both may follow.
    """
    name, *viscous = scheme.split(" + ")
    named: dict[str, Any] = dict(SCHEMES[name])
    for part in viscous:
        if part == "fourth":
            named["viscous_order"] = 4
        else:
            named["viscous_stepper"] = VISCOUS_STEPPERS[part]
    return CompressibleNavierStokes(grid, gamma, **{**named, **parts})


def start_of(density: Any, velocity: Any, pressure: Any) -> Primitive:
    """A state from arrays and numbers that broadcast to the grid, in float64."""
    shape = np.broadcast_shapes(
        np.shape(density), np.shape(pressure), *map(np.shape, velocity)
    )

    def full(x: Any) -> jax.Array:
        return jnp.asarray(np.broadcast_to(np.asarray(x, np.float64), shape))

    return Primitive(full(density), tuple(map(full, velocity)), full(pressure))


def in_float64(function: Callable) -> Callable:
    """Run in double precision whatever the process has set."""

    @functools.wraps(function)
    def run(*arguments: Any, **named: Any) -> Any:
        with jax.enable_x64(True):
            return function(*arguments, **named)

    return run


def mean_error(values: Any, expected: Any) -> float:
    """The L1 norm of a difference, per cell."""
    return float(np.mean(np.abs(np.asarray(values) - np.asarray(expected))))


def kinetic_energy(density: Any, velocity: Any) -> np.ndarray:
    """The mean of ρ|u|²/2 over the grid at each time."""
    density, velocity = np.asarray(density), np.asarray(velocity)
    local = 0.5 * density * np.sum(velocity**2, axis=-1)
    return local.reshape(len(local), -1).mean(axis=1)


@eqx.filter_jit
def many_steps(
    solver: CompressibleNavierStokes, start: Primitive, num_steps: int
) -> Primitive:
    """The state after equal steps of half the stable length."""
    step = 0.5 * solver.stable_step(solver.gas.conserved(start))
    return fixed_steps(solver, start, step, num_steps)
