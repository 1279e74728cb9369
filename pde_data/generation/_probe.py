"""A few steps from a start that show what the scheme does with it: sampled proofs."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from ..certificates._continuity import snapshot_continuity
from ..solver._boundary import periodic
from ..solver._equations import CompressibleNavierStokes
from ..solver._simulation import Trajectory, simulate_in_program
from ..solver._state import Primitive
from ..solver._symmetry import Element, hyperoctahedral_elements, transform
from ._attempt import first_rate

NUM_STEPS = 8
# A longer program would keep so many snapshots of the probe in memory.
_LONGEST_SHARED = 64


def program_length(num_snapshots: int) -> int:
    """The length of the program that runs a trajectory, and its probe if it can.

    One program less to compile, and what is probed is what made the data.
    """
    return max(num_snapshots, NUM_STEPS + 1)


def probe_start(
    solver: CompressibleNavierStokes,
    start: Primitive,
    index: int,
    num_snapshots: int,
    mesh: Mesh | None = None,
) -> dict[str, float]:
    """Three figures from eight steps, in which the fluxes are the scheme's own.

    - `commuting_elements`: how many elements of the grid's group, the identity
      included, keep the shape of the grid, its boundaries and the force, to the last
      bit of it: those that the steps must commute with.
    - `commutation_error`: how far they fail to commute with one of these, chosen by
      `index`; NaN where there is none but the identity, or where the scheme breaks
      down. The largest difference over all fields, relative to the largest value of
      each; zero for a scheme that is exactly symmetric.
    - `step_continuity_residual`: how far they miss the law of continuity, as in
      `snapshot_continuity`.
    """
    length = program_length(num_snapshots)
    if length > _LONGEST_SHARED:
        length = NUM_STEPS + 1
    # Nine tenths, so that one step fits where the flow becomes a little faster.
    step = 0.9 * solver.courant_number / float(first_rate(solver, start))
    times = np.arange(NUM_STEPS + 1) * step

    def probe(start: Primitive) -> Trajectory:
        limit = 10 * NUM_STEPS
        return simulate_in_program(solver, start, times, length, limit, mesh)

    run = probe(start)
    elements = kept_elements(solver, start, times[[0, -1]])
    return {
        "commuting_elements": float(len(elements)),
        "commutation_error": _commutation_error(start, run, probe, elements, index),
        "step_continuity_residual": _step_continuity(solver, run),
    }


def kept_elements(
    solver: CompressibleNavierStokes, start: Primitive, times: np.ndarray
) -> list[Element]:
    """The elements that keep grid, boundaries and force; the identity comes first.

    A force is looked at in `start`, at some times: it must move along bit for bit.
    """
    return [
        element
        for element in hyperoctahedral_elements(solver.grid.num_spatial_dims)
        if _keeps_box(solver, element)
        and all(_keeps_force(solver, start, element, time) for time in times)
    ]


def _keeps_box(solver: CompressibleNavierStokes, element: Element) -> bool:
    grid, faces = solver.grid, solver.boundary
    for new, (old, flip) in enumerate(zip(*element, strict=True)):
        moved = faces[old][::-1] if flip else faces[old]
        if moved != faces[new] or grid.shape[old] != grid.shape[new]:
            return False
        if grid.spacing[old] != grid.spacing[new]:
            return False
    return True


def _keeps_force(
    solver: CompressibleNavierStokes, start: Primitive, element: Element, time: float
) -> bool:
    if solver.forcing is None:
        return True

    def acceleration(state: Primitive) -> Primitive:
        force = solver.forcing(  # type: ignore[misc]
            state, solver.grid, jnp.asarray(time, state.density.dtype)
        )
        return Primitive(state.density, tuple(force), state.pressure)

    moved = transform(acceleration(start), element)
    there = acceleration(transform(start, element))
    pairs = zip(moved.velocity, there.velocity, strict=True)
    return all(bool(jnp.array_equal(a, b)) for a, b in pairs)


def _commutation_error(
    start: Primitive,
    run: Trajectory,
    probe: Callable[[Primitive], Trajectory],
    elements: list[Element],
    index: int,
) -> float:
    if len(elements) < 2:
        return math.nan
    element = elements[1 + index % (len(elements) - 1)]
    end, moved = (
        jax.tree.map(lambda x: x[NUM_STEPS], ran.state)
        for ran in (run, probe(transform(start, element)))
    )
    pairs = zip(
        jax.tree.leaves(transform(end, element)), jax.tree.leaves(moved), strict=True
    )
    # Not `max`, which may lose a NaN.
    return float(
        np.max(
            [
                jnp.max(jnp.abs(a - b)) / jnp.maximum(jnp.max(jnp.abs(a)), 1e-30)
                for a, b in pairs
            ]
        )
    )


def _step_continuity(solver: CompressibleNavierStokes, run: Trajectory) -> float:
    return snapshot_continuity(
        np.asarray(run.times),
        solver.grid.extent,
        np.asarray(run.density),
        np.stack([np.asarray(u) for u in run.state.velocity], axis=-1),
        np.asarray(run.pressure),
        gamma=float(solver.gas.gamma),
        periodic=[lower is periodic for lower, _ in solver.boundary],
    )
