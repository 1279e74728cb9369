"""The way from one snapshot to the next: the one place where a run takes a step."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ._equations import CompressibleNavierStokes
from ._state import Conserved, Primitive


class Leg(eqx.Module):
    """A run between two snapshots.

    `rate` is the solver's `max_rate` of `state`; `remaining` the time left, counted
    down so that it loses no bits; `failed` says that the run broke down.
    """

    state: Conserved
    rate: Float[Array, ""]
    remaining: Float[Array, ""]
    num_steps: Int[Array, ""]
    failed: Bool[Array, ""]

    @property
    def arrived(self) -> Bool[Array, ""]:
        """Whether the next snapshot is reached."""
        return self.remaining <= 0


def begin(
    solver: CompressibleNavierStokes,
    start: Primitive,
    duration: Float[Array, ""],
    failed: Bool[Array, ""] | bool = False,
) -> Leg:
    """At a snapshot, `duration` before the next one.

    Runs go on from the snapshot itself and not from the state that it was made of: who
    restarts from it gets the same bits.
    """
    state = solver.gas.conserved(start)
    rate = solver.max_rate(state)
    return Leg(
        state, rate, duration, jnp.zeros((), jnp.int32), failed | ~_is_physical(rate)
    )


def one_step(
    solver: CompressibleNavierStokes,
    leg: Leg,
    end: Float[Array, ""],
    max_steps: Int[Array, ""],
) -> Leg:
    """One time step towards the next snapshot, at time `end`, which it never passes.

    The run fails with a state that is not physical, a step too short to tell, or after
    `max_steps` steps.
    """
    remaining = leg.remaining
    stable = solver.courant_number / leg.rate
    # The last two steps are made equal: never a sliver at the end.
    step = jnp.where(
        stable >= remaining, remaining, jnp.minimum(stable, 0.5 * remaining)
    )
    left = jnp.where(stable >= remaining, 0, remaining - step)
    stuck = (left >= remaining) | (leg.num_steps >= max_steps)
    state = solver.step(leg.state, step, end - remaining)
    rate = solver.max_rate(state)
    failed = leg.failed | stuck | ~_is_physical(rate)
    return Leg(state, rate, left, leg.num_steps + 1, failed)


def snapshot(solver: CompressibleNavierStokes, leg: Leg) -> Primitive:
    """The state as it is stored; NaN where the run has failed."""
    cells = solver.gas.primitive(leg.state)
    return jax.tree.map(lambda x: jnp.where(leg.failed, jnp.nan, x), cells)


def _is_physical(rate: Float[Array, ""]) -> Bool[Array, ""]:
    """Whether density and pressure are positive in every cell, as `max_rate` tells."""
    return jnp.isfinite(rate) & (rate > 0)
