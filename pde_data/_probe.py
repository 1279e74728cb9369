"""A few steps from a start that show what the scheme does with it: sampled proofs."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ._equations import CompressibleNavierStokes
from ._state import Conserved, Primitive
from ._symmetry import Element, hyperoctahedral_elements, transform

NUM_STEPS = 8


def commutation_error(
    solver: CompressibleNavierStokes, start: Primitive, index: int
) -> float:
    """How far eight steps fail to commute with one element of the grid's group.

    The largest difference over all fields, relative to the largest value of each; the
    element is chosen by `index` among those that keep the shape of the grid. A scheme
    that is exactly symmetric gives zero.
    """
    shape = solver.grid.shape
    elements = [
        element
        for element in hyperoctahedral_elements(len(shape))[1:]
        if _keeps(solver, element)
    ]
    if not elements:
        return 0.0
    element = elements[index % len(elements)]
    end, _ = _probe(solver, start)
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


def continuity_residual(solver: CompressibleNavierStokes, start: Primitive) -> float:
    """How well eight steps obey ∂ₜρ + ∇·(ρu) = 0, as an observer would measure it.

    The change of density over the steps plus the divergence of the mean momentum, by
    fourth-order central differences inside the box, relative to the derivatives that
    the divergence is the sum of (root mean squares). What remains is truncation: it
    falls as the grid is refined.
    """
    end, (duration, momentum) = _probe(solver, start)
    change = np.asarray(end.density - start.density, np.float64) / float(duration)
    inside = tuple(slice(2, -2) for _ in solver.grid.shape)
    slopes = [
        _derivative(np.asarray(m, np.float64), axis, dx)[inside]
        for axis, (m, dx) in enumerate(zip(momentum, solver.grid.spacing, strict=True))
    ]
    scale = np.sqrt(np.mean(np.sum(np.square(slopes), axis=0)))
    residual = np.sqrt(np.mean((change[inside] + np.sum(slopes, axis=0)) ** 2))
    return float(residual / scale) if scale > 0 else float(residual)


def _derivative(values: np.ndarray, axis: int, spacing: float) -> np.ndarray:
    def ahead(distance: int) -> np.ndarray:
        return np.roll(values, -distance, axis) - np.roll(values, distance, axis)

    return (8 * ahead(1) - ahead(2)) / (12 * spacing)


@eqx.filter_jit
def _probe(
    solver: CompressibleNavierStokes, start: Primitive
) -> tuple[Primitive, tuple[Float[Array, ""], tuple[Array, ...]]]:
    """The state after the steps, their duration and the mean momentum meanwhile."""
    first = solver.gas.conserved(start)
    step = solver.stable_step(first)

    def body(state: Conserved, index: Array) -> tuple[Conserved, tuple[Array, ...]]:
        new = solver.step(state, step, index * step)
        pairs = zip(state.momentum, new.momentum, strict=True)
        return new, tuple(0.5 * (a + b) for a, b in pairs)

    last, momenta = lax.scan(body, first, jnp.arange(NUM_STEPS, dtype=step.dtype))
    mean = tuple(jnp.mean(m, axis=0) for m in momenta)
    return solver.gas.primitive(last), (NUM_STEPS * step, mean)
