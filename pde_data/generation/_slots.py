"""Many trajectories in one vectorised loop in which none waits for another.

Each slot of the loop advances one trajectory with time steps of its own. Once one has
reached its last snapshot, or broken down, another takes its slot. The steps between two
landings touch the states alone: snapshots lie outside of that loop, and a landing
writes those of the few slots that it is about.
"""

import functools
import itertools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from ..solver._equations import CompressibleNavierStokes
from ..solver._leg import Leg, begin, one_step, snapshot
from ..solver._simulation import Trajectory
from ..solver._state import Primitive
from ._attempt import Attempt

# This share of the slots waits for each other at a snapshot, and at the end: a landing,
# and more so a way to the host and back, cost about as much as a step of all slots.
_WAITING = 1 / 16


class _Given(eqx.Module):
    """What the trajectory of a slot is given: it changes with the trajectory alone."""

    numbers: Any
    max_steps: Int[Array, "*slots"]


class _Flight(eqx.Module):
    """Where the trajectory of a slot is; `interval` is the number of its next snapshot.

    `snapshots` has a place for every time, NaN where it has not been.
    """

    leg: Leg
    interval: Int[Array, "*slots"]
    snapshots: Primitive
    num_steps: Int[Array, "*slots time"]


class _Loop(NamedTuple):
    """What a loop of slots does not change: what they are given, which are `used`."""

    static: Any
    given: _Given
    times: Float[Array, " time"]
    used: Bool[Array, " slots"]

    @property
    def wanted(self) -> int:
        """How many slots wait for each other."""
        return max(1, round(_WAITING * len(self.used)))

    def solver(self, given: _Given) -> CompressibleNavierStokes:
        """That of one slot."""
        return eqx.combine(given.numbers, self.static)

    def finished(self, flight: _Flight) -> Bool[Array, " slots"]:
        """Which slots have all their snapshots."""
        return flight.interval >= len(self.times)

    def landing(
        self, leg: Leg, finished: Bool[Array, " slots"]
    ) -> Bool[Array, " slots"]:
        """Which slots in use have arrived at a snapshot that is still to be taken."""
        return self.used & _arrived(leg) & ~leg.failed & ~finished


class _Slots(eqx.Module):
    """All slots, with a leading axis on every array."""

    given: _Given
    flight: _Flight


def run_in_slots(
    attempts: Iterable[Attempt], times: tuple[float, ...], num_slots: int
) -> Iterator[tuple[Attempt, Trajectory]]:
    """Simulate attempts, `num_slots` at a time; yield each with its run when done.

    The runs have the bits of `simulate(..., throw=False)`. The solvers differ in
    numbers alone; attempts that take longest should come first, as the last ones leave
    slots empty. The others go on while the caller looks at what is yielded.
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
        slots = _placed((_fresh(attempt, line), jnp.asarray(i, jnp.int32)), slots)
    under_way = first
    used = np.arange(num_slots) < len(under_way)
    slots, done = _advanced(static, slots, line, jnp.asarray(used))
    while used.any():
        ended = []
        for i in np.flatnonzero(np.asarray(done) & used):
            at = jnp.asarray(i, jnp.int32)
            ended.append((under_way[i], _taken(slots, line, at)))
            attempt = next(waiting, None)
            if attempt is None:
                used[i] = False
            else:
                under_way[i] = attempt
                slots = _placed((_fresh(attempt, line), at), slots)
        if used.any():
            slots, done = _advanced(static, slots, line, jnp.asarray(used))
        yield from ended


def _fresh(attempt: Attempt, times: Float[Array, " time"]) -> _Slots:
    numbers, static = eqx.partition(attempt.solver, _is_array)
    limit = jnp.asarray(attempt.max_steps, jnp.int32)
    return _occupied(static, numbers, attempt.start, times, limit)


def _is_array(x: Any) -> bool:
    return isinstance(x, (jax.Array, np.ndarray))


@eqx.filter_jit
def _occupied(
    static: Any,
    numbers: Any,
    start: Primitive,
    times: Float[Array, " time"],
    max_steps: Int[Array, ""],
) -> _Slots:
    solver = eqx.combine(numbers, static)
    empty = jax.tree.map(
        lambda x: jnp.full((len(times), *x.shape), jnp.nan, x.dtype).at[0].set(x), start
    )
    return _Slots(
        _Given(jax.tree.map(jnp.asarray, numbers), max_steps),
        _Flight(
            begin(solver, start, times[1] - times[0]),
            jnp.ones((), jnp.int32),
            empty,
            jnp.zeros(len(times), jnp.int32),
        ),
    )


# What is given up for the result is all but the first argument.
_in_place = functools.partial(eqx.filter_jit, donate="all-except-first")


@_in_place
def _placed(new: tuple[_Slots, Int[Array, ""]], slots: _Slots) -> _Slots:
    slot, at = new
    return jax.tree.map(lambda many, one: many.at[at].set(one), slots, slot)


@eqx.filter_jit
def _taken(
    slots: _Slots, times: Float[Array, " time"], at: Int[Array, ""]
) -> Trajectory:
    flight = jax.tree.map(lambda x: x[at], slots.flight)
    return Trajectory(times, flight.snapshots, flight.num_steps, flight.leg.failed)


def _advanced(
    static: Any,
    slots: _Slots,
    times: Float[Array, " time"],
    used: Bool[Array, " slots"],
) -> tuple[_Slots, Bool[Array, " slots"]]:
    """All slots until a share of those in use is done, and which are."""
    flight, done = _flown(_Loop(static, slots.given, times, used), slots.flight)
    return _Slots(slots.given, flight), done


@_in_place
def _flown(loop: _Loop, flight: _Flight) -> tuple[_Flight, Bool[Array, " slots"]]:
    def done(flight: _Flight) -> Bool[Array, " slots"]:
        return loop.finished(flight) | flight.leg.failed

    def unfinished(flight: _Flight) -> Bool[Array, ""]:
        enough = jnp.minimum(loop.wanted, jnp.sum(loop.used))
        return jnp.sum(done(flight) & loop.used) < enough

    last = lax.while_loop(
        unfinished, lambda flight: _landed(loop, _to_a_landing(loop, flight)), flight
    )
    return last, done(last)


def _arrived(leg: Leg) -> Bool[Array, " slots"]:
    return jax.vmap(lambda leg: leg.arrived)(leg)


def _to_a_landing(loop: _Loop, flight: _Flight) -> _Flight:
    """All slots in step, until enough of those in use have arrived at a snapshot."""
    ends = loop.times[jnp.minimum(flight.interval, len(loop.times) - 1)]
    finished = loop.finished(flight)

    def under_way(leg: Leg) -> Bool[Array, ""]:
        flying = loop.used & ~_arrived(leg) & ~leg.failed
        landing = loop.landing(leg, finished)
        return jnp.any(flying) & (jnp.sum(landing) < loop.wanted)

    def step(given: _Given, leg: Leg, end: Float[Array, ""]) -> Leg:
        stays = leg.arrived | leg.failed
        moved = one_step(loop.solver(given), leg, end, given.max_steps)
        return jax.tree.map(lambda new, old: jnp.where(stays, old, new), moved, leg)

    leg = lax.while_loop(
        under_way, lambda leg: jax.vmap(step)(loop.given, leg, ends), flight.leg
    )
    counts = flight.num_steps.at[jnp.arange(len(loop.used)), flight.interval].set(
        leg.num_steps, mode="drop"
    )
    return _Flight(leg, flight.interval, flight.snapshots, counts)


def _landed(loop: _Loop, flight: _Flight) -> _Flight:
    """The snapshots of slots that have arrived, and their ways to the next ones.

    Of no others is anything read or written.
    """
    number, last = len(loop.used), len(loop.times) - 1
    landing = loop.landing(flight.leg, loop.finished(flight))
    # Places for fewer slots hold a number beyond the last, where nothing is written.
    who = jnp.nonzero(landing, size=loop.wanted, fill_value=number)[0]
    at = jnp.minimum(who, number - 1)
    interval = flight.interval[at]

    def land(
        given: _Given, leg: Leg, interval: Int[Array, ""]
    ) -> tuple[Primitive, Leg]:
        solver = loop.solver(given)
        cells = snapshot(solver, leg)
        here, following = (loop.times[jnp.minimum(interval + i, last)] for i in (0, 1))
        return cells, begin(solver, cells, following - here, leg.failed)

    given, leg = jax.tree.map(lambda x: x[at], (loop.given, flight.leg))
    cells, fresh = jax.vmap(land)(given, leg, interval)
    return _Flight(
        jax.tree.map(
            lambda many, some: many.at[who].set(some, mode="drop"), flight.leg, fresh
        ),
        flight.interval.at[who].add(1, mode="drop"),
        jax.tree.map(
            lambda many, some: many.at[who, interval].set(some, mode="drop"),
            flight.snapshots,
            cells,
        ),
        flight.num_steps,
    )
