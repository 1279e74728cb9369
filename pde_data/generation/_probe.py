"""A few steps from a start that show what the scheme does with it: sampled proofs."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

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
    solver: CompressibleNavierStokes, start: Primitive, index: int, num_snapshots: int
) -> dict[str, float]:
    """Two figures from eight steps, in which the fluxes are the scheme's own.

    - `commutation_error`: how far the steps fail to commute with one element of the
      grid's group, chosen by `index` among those that keep the shape of the grid. The
      largest difference over all fields, relative to the largest value of each; zero
      for a scheme that is exactly symmetric.
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
        return simulate_in_program(solver, start, times, length, 10 * NUM_STEPS)

    run = probe(start)
    return {
        "commutation_error": _commutation_error(solver, start, run, probe, index),
        "step_continuity_residual": _step_continuity(solver, run),
    }


def _commutation_error(
    solver: CompressibleNavierStokes,
    start: Primitive,
    run: Trajectory,
    probe: Callable[[Primitive], Trajectory],
    index: int,
) -> float:
    shape = solver.grid.shape
    elements = [
        element
        for element in hyperoctahedral_elements(len(shape))[1:]
        if _keeps(solver, element)
    ]
    if not elements:
        return 0.0
    element = elements[index % len(elements)]
    end, moved = (
        jax.tree.map(lambda x: x[NUM_STEPS], ran.state)
        for ran in (run, probe(transform(start, element)))
    )
    pairs = zip(
        jax.tree.leaves(transform(end, element)), jax.tree.leaves(moved), strict=True
    )
    return max(
        float(jnp.max(jnp.abs(a - b)) / jnp.maximum(jnp.max(jnp.abs(a)), 1e-30))
        for a, b in pairs
    )


def _keeps(solver: CompressibleNavierStokes, element: Element) -> bool:
    """Whether an element keeps the grid, its boundaries and the axis of a force."""
    grid, faces = solver.grid, solver.boundary
    permutation, flips = element
    if solver.forcing is not None:
        last = grid.num_spatial_dims - 1
        if permutation[last] != last or flips[last]:
            return False
    for new, (old, flip) in enumerate(zip(permutation, flips, strict=True)):
        moved = faces[old][::-1] if flip else faces[old]
        if moved != faces[new] or grid.shape[old] != grid.shape[new]:
            return False
        if grid.spacing[old] != grid.spacing[new]:
            return False
    return True


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
