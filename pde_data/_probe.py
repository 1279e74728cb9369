"""A few steps from a start that show what the scheme does with it: sampled proofs."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from ._boundary import periodic
from ._continuity import snapshot_continuity
from ._equations import CompressibleNavierStokes
from ._state import Conserved, Primitive
from ._symmetry import Element, hyperoctahedral_elements, transform

NUM_STEPS = 8


def probe_start(
    solver: CompressibleNavierStokes, start: Primitive, index: int
) -> dict[str, float]:
    """Two figures from eight steps, in which the fluxes are the scheme's own.

    - `commutation_error`: how far the steps fail to commute with one element of the
      grid's group, chosen by `index` among those that keep the shape of the grid. The
      largest difference over all fields, relative to the largest value of each; zero
      for a scheme that is exactly symmetric.
    - `step_continuity_residual`: how far they miss the law of continuity, as in
      `snapshot_continuity`.
    """
    end, states = _probe(solver, start)
    return {
        "commutation_error": _commutation_error(solver, start, end, index),
        "step_continuity_residual": _step_continuity(solver, states),
    }


def _commutation_error(
    solver: CompressibleNavierStokes, start: Primitive, end: Primitive, index: int
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
    moved, _ = _probe(solver, transform(start, element))
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


def _step_continuity(
    solver: CompressibleNavierStokes,
    states: tuple[Array, Array, tuple[Array, ...], Array],
) -> float:
    duration, density, velocity, pressure = states
    return snapshot_continuity(
        np.linspace(0, float(duration), NUM_STEPS + 1),
        solver.grid.extent,
        np.asarray(density),
        np.stack([np.asarray(u) for u in velocity], axis=-1),
        np.asarray(pressure),
        gamma=float(solver.gas.gamma),
        periodic=[lower is periodic for lower, _ in solver.boundary],
    )


@eqx.filter_jit
def _probe(
    solver: CompressibleNavierStokes, start: Primitive
) -> tuple[Primitive, tuple[Array, Array, tuple[Array, ...], Array]]:
    """The state after the steps; their duration, and the states from first to last."""
    first = solver.gas.conserved(start)
    step = solver.stable_step(first)

    def body(state: Conserved, index: Array) -> tuple[Conserved, Primitive]:
        new = solver.step(state, step, index * step)
        return new, solver.gas.primitive(new)

    _, states = lax.scan(body, first, jnp.arange(NUM_STEPS, dtype=step.dtype))
    states = jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), start, states)
    last = jax.tree.map(lambda x: x[-1], states)
    figures = (NUM_STEPS * step, states.density, states.velocity, states.pressure)
    return last, figures
