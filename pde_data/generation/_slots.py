"""Many trajectories in one vectorised loop in which none waits for another.

Each slot of the loop advances one trajectory with time steps of its own. Once one has
reached its last snapshot, or broken down, another takes its slot.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from ..solver._leg import Leg, begin, one_step, snapshot
from ..solver._simulation import Trajectory
from ..solver._state import Primitive
from ._attempt import Attempt


class _Slot(eqx.Module):
    """A trajectory under way; `interval` is the number of its next snapshot."""

    numbers: Any
    leg: Leg
    interval: Int[Array, ""]
    max_steps: Int[Array, ""]
    snapshots: Primitive
    num_steps: Int[Array, " time"]


def run_in_slots(
    attempts: Iterable[Attempt], times: tuple[float, ...], num_slots: int
) -> Iterator[tuple[Attempt, Trajectory]]:
    """Simulate attempts, `num_slots` at a time; yield each with its run when done.

    The runs have the bits of `simulate(..., throw=False)`. The solvers differ in
    numbers alone; attempts that take longest should come first, as the last ones leave
    slots empty.
    """
    waiting = iter(attempts)
    first = list(itertools.islice(waiting, num_slots))
    if not first:
        return
    static = eqx.partition(first[0].solver, _is_array)[1]
    line = jnp.asarray(times, first[0].start.density.dtype)
    slot = _fresh(first[0], line)
    slots = jax.tree.map(lambda x: jnp.stack([x] * num_slots), slot)
    for i, attempt in enumerate(first):
        slots = _placed(slots, _fresh(attempt, line), jnp.asarray(i, jnp.int32))
    under_way = first
    used = np.arange(num_slots) < len(under_way)
    while used.any():
        slots = _advanced(static, slots, line, jnp.asarray(used))
        ended = np.asarray(_is_done(slots, len(times))) & used
        for i in np.flatnonzero(ended):
            at = jnp.asarray(i, jnp.int32)
            yield under_way[i], _taken(slots, line, at)
            attempt = next(waiting, None)
            if attempt is None:
                used[i] = False
            else:
                under_way[i] = attempt
                slots = _placed(slots, _fresh(attempt, line), at)


def _fresh(attempt: Attempt, times: Float[Array, " time"]) -> _Slot:
    numbers, static = eqx.partition(attempt.solver, _is_array)
    limit = jnp.asarray(attempt.max_steps, jnp.int32)
    return _occupied(static, numbers, attempt.start, times, limit)


def _is_array(x: Any) -> bool:
    return isinstance(x, (jax.Array, np.ndarray))


def _is_done(slots: _Slot, num_times: int) -> Bool[Array, " slots"]:
    return (slots.interval >= num_times) | slots.leg.failed


@eqx.filter_jit
def _occupied(
    static: Any,
    numbers: Any,
    start: Primitive,
    times: Float[Array, " time"],
    max_steps: Int[Array, ""],
) -> _Slot:
    solver = eqx.combine(numbers, static)
    empty = jax.tree.map(
        lambda x: jnp.full((len(times), *x.shape), jnp.nan, x.dtype).at[0].set(x), start
    )
    return _Slot(
        jax.tree.map(jnp.asarray, numbers),
        begin(solver, start, times[1] - times[0]),
        jnp.ones((), jnp.int32),
        max_steps,
        empty,
        jnp.zeros(len(times), jnp.int32),
    )


@eqx.filter_jit
def _placed(slots: _Slot, slot: _Slot, at: Int[Array, ""]) -> _Slot:
    return jax.tree.map(lambda many, one: many.at[at].set(one), slots, slot)


@eqx.filter_jit
def _taken(
    slots: _Slot, times: Float[Array, " time"], at: Int[Array, ""]
) -> Trajectory:
    slot = jax.tree.map(lambda x: x[at], slots)
    return Trajectory(times, slot.snapshots, slot.num_steps, slot.leg.failed)


@eqx.filter_jit
def _advanced(
    static: Any,
    slots: _Slot,
    times: Float[Array, " time"],
    used: Bool[Array, " slots"],
) -> _Slot:
    """All slots in step, until one in use is done."""

    def unfinished(slots: _Slot) -> Bool[Array, ""]:
        return ~jnp.any(_is_done(slots, len(times)) & used)

    def step(slots: _Slot) -> _Slot:
        slots = jax.vmap(lambda slot: _one_step(static, slot, times))(slots)
        # Few steps land on a snapshot: the others need not prepare the next one.
        arrived = jax.vmap(lambda slot: slot.leg.arrived)(slots)
        return lax.cond(
            jnp.any(arrived & (slots.interval < len(times))),
            jax.vmap(lambda slot: _landed(static, slot, times)),
            lambda slots: slots,
            slots,
        )

    return lax.while_loop(unfinished, step, slots)


def _one_step(static: Any, slot: _Slot, times: Float[Array, " time"]) -> _Slot:
    """One step, as `simulate` takes it."""
    solver = eqx.combine(slot.numbers, static)
    interval = jnp.minimum(slot.interval, len(times) - 1)
    leg = one_step(solver, slot.leg, times[interval], slot.max_steps)
    return dataclasses.replace(
        slot, leg=leg, num_steps=slot.num_steps.at[interval].add(1)
    )


def _landed(static: Any, slot: _Slot, times: Float[Array, " time"]) -> _Slot:
    """The snapshot and the way to the next one, if the slot has arrived."""
    solver = eqx.combine(slot.numbers, static)
    interval = jnp.minimum(slot.interval, len(times) - 1)
    leg, landed = slot.leg, slot.leg.arrived
    cells = snapshot(solver, leg)
    following = times[jnp.minimum(interval + 1, len(times) - 1)] - times[interval]
    fresh = begin(solver, cells, following, leg.failed)

    def stored(many: Array, one: Array) -> Array:
        return many.at[interval].set(jnp.where(landed, one, many[interval]))

    return dataclasses.replace(
        slot,
        leg=jax.tree.map(lambda new, old: jnp.where(landed, new, old), fresh, leg),
        interval=slot.interval + landed.astype(jnp.int32),
        snapshots=jax.tree.map(stored, slot.snapshots, cells),
    )
