"""Strong-stability-preserving Runge-Kutta steps; they know no physics.

Both are written as the old state plus one increment. The textbook's convex
combination, `(u + 2 u2)/3`, drifts in float32, because 1/3 is rounded: mass would grow
by 3e-8 a step.
"""

from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._arguments import checked, shown
from ._rounding import rounded

State = TypeVar("State")
Rate = Callable[[State, Float[Array, ""]], State]


@checked
def ssp_rk2(
    rate: Rate, state: State, time: Float[Array, ""], step: Float[Array, ""]
) -> State:
    """One step of Heun's method, order 2, two stages, SSP coefficient 1.

    **Reference:** Gottlieb, Shu and Tadmor (2001), SIAM Review 43, Eq. 4.1.
    """
    _check_state(state)
    k1 = rate(state, time)
    k2 = rate(_add(state, step, k1), time + step)
    return _add(state, step / 2, jax.tree.map(jnp.add, k1, k2))


@checked
def ssp_rk3(
    rate: Rate, state: State, time: Float[Array, ""], step: Float[Array, ""]
) -> State:
    """One step of Shu and Osher's method, order 3, three stages, SSP coefficient 1.

    **Reference:** Gottlieb, Shu and Tadmor (2001), SIAM Review 43, Eq. 4.2.
    """
    _check_state(state)
    k1 = rate(state, time)
    k2 = rate(_add(state, step, k1), time + step)
    k12 = jax.tree.map(jnp.add, k1, k2)
    k3 = rate(_add(state, step / 4, k12), time + step / 2)
    return _add(state, step / 6, jax.tree.map(lambda a, b: a + 4 * b, k12, k3))


def _check_state(state: State) -> None:
    """**Raises:** `TypeError` unless the state holds arrays, and nothing else."""
    leaves = jax.tree.leaves(state)
    if not leaves or not all(eqx.is_array(leaf) for leaf in leaves):
        raise TypeError(
            "`state` must be a tree of arrays, such as a Conserved, got "
            f"{shown(state)}."
        )


def _add(state: State, step: Float[Array, ""], rate: State) -> State:
    return jax.tree.map(lambda u, k: u + rounded(step * k), state, rate)
