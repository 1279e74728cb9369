"""Weight on walls: what a force along the normal makes of the gas at a wall.

A mirror image has no gradient of pressure at the wall, as if the gas there weighed
nothing: the wall then pushes it into motion. Under a force the image is continued in
hydrostatic balance instead, p' = ρa, at the mirrored temperature. Nothing passes the
wall, so that both sides of each of its faces are exact mirror images still.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ._boundary import (
    BoundaryCondition,
    FacePair,
    IsothermalWall,
    at_end,
    no_slip_wall,
    of_box,
    slip_wall,
)
from ._rounding import rounded
from ._state import Conserved, Primitive

Slab = Float[Array, "..."]


def is_wall(boundary: BoundaryCondition) -> bool:
    """Whether nothing passes a boundary of the box."""
    boundary = of_box(boundary)
    return boundary in (slip_wall, no_slip_wall) or isinstance(boundary, IsothermalWall)


def wall_sides(faces: FacePair) -> tuple[int, ...]:
    """The sides of an axis, -1 and +1, that have walls."""
    pairs = zip((-1, 1), faces, strict=True)
    return tuple(side for side, boundary in pairs if is_wall(boundary))


def sides_to_close(faces: FacePair, forced: bool) -> tuple[int, ...]:
    """The walls of an axis beyond which the density is no exact mirror image.

    Under a force these are all, else those of one temperature.
    """
    return tuple(
        side
        for side in wall_sides(faces)
        if forced or isinstance(of_box(faces[side > 0]), IsothermalWall)
    )


def weighed(
    padded: Primitive,
    cells: Primitive,
    acceleration: Sequence[Slab],
    width: int,
    boundaries: tuple[FacePair, ...],
    spacing: tuple[float, ...],
) -> Primitive:
    """The state with ghost cells, those beyond walls continued in hydrostatic balance.

    **Arguments:**

    - `padded`: `cells` with `width` ghost cells beyond every face.
    - `acceleration`: one array `(*grid)` per axis.

    Density and pressure change by one factor, so that the temperature is that of the
    mirror image. Corners are left alone.
    """
    for axis, faces in enumerate(boundaries):
        for side in wall_sides(faces):
            factor = _continuation(
                cells, acceleration[axis], axis, side, width, spacing[axis]
            )
            n = cells.density.shape[axis]
            factor = at_end(faces[side > 0], side, factor, jnp.ones_like(factor))
            factor = _surrounded_by_ones(factor, axis, side, width, n)
            padded = Primitive(
                rounded(padded.density * factor),
                padded.velocity,
                rounded(padded.pressure * factor),
                padded.tracer,
            )
    return padded


def _continuation(
    cells: Primitive,
    acceleration: Slab,
    axis: int,
    side: int,
    width: int,
    spacing: float,
) -> Slab:
    """Pressure beyond a wall over that of the mirror image, in each ghost cell.

    exp(-2xa/T) at a distance x from the wall, with a/T continued to the wall.
    """
    rates = acceleration * cells.density / cells.pressure
    n = rates.shape[axis]
    first, second = (0, 1) if side < 0 else (n - 1, n - 2)
    near, far = (lax.slice_in_dim(rates, i, i + 1, axis=axis) for i in (first, second))
    at_wall = near + rounded(0.5 * (near - far))
    # Twice the distances from the wall; the force counts as pointing away from it.
    layers = [side * (2 * i + 1) * spacing for i in range(width)]
    layers = layers if side > 0 else layers[::-1]
    return lax.concatenate([_exponential(rounded(at_wall * x)) for x in layers], axis)


def _exponential(y: Slab) -> Slab:
    """exp(y) to 1e-7 for |y| < 2, and positive everywhere: Padé's of order 4 by 4.

    Its reciprocal is its mirror image to rounding, and unlike `jnp.exp` its bits do not
    depend on where in an array a number stands.
    """
    square = rounded(y * y)
    even = (1680 + rounded(180 * square)) + rounded(square * square)
    odd = rounded(y * (840 + rounded(20 * square)))
    return (even + odd) / (even - odd)


def _surrounded_by_ones(
    factor: Slab, axis: int, side: int, width: int, num_cells: int
) -> Slab:
    """In an array with ghost cells, 1 in every cell that is not beyond this wall."""
    rest = num_cells + width
    along = (0, rest, 0) if side < 0 else (rest, 0, 0)
    pads = [along if i == axis else (width, width, 0) for i in range(factor.ndim)]
    return lax.pad(factor, jnp.ones((), factor.dtype), pads)


def mirrored_at_walls(
    left: Primitive, right: Primitive, axis: int, faces: FacePair, walls: Sequence[int]
) -> tuple[Primitive, Primitive]:
    """Both sides of the faces of an axis, mirror images of each other at `walls`.

    No solver of the Riemann problem then lets anything through.
    """
    for side in walls:
        face = faces[side > 0]
        image = slip_wall if of_box(face) is slip_wall else no_slip_wall
        inside, beyond = (right, left) if side < 0 else (left, right)
        outside = image(inside, axis, side, 1)
        closed = jax.tree.map(partial(_replaced, axis=axis, side=side), beyond, outside)
        closed = at_end(face, side, closed, beyond)
        left, right = (closed, right) if side < 0 else (left, closed)
    return left, right


def push_of_walls(
    flux: Conserved, axis: int, faces: FacePair, walls: Sequence[int]
) -> Conserved:
    """The flux through the faces of an axis, of normal momentum alone at `walls`."""

    def closed(f: Slab) -> Slab:
        for side in walls:
            nothing = jnp.zeros_like(lax.slice_in_dim(f, 0, 1, axis=axis))
            f = at_end(faces[side > 0], side, _replaced(f, nothing, axis, side), f)
        return f

    momentum = tuple(m if i == axis else closed(m) for i, m in enumerate(flux.momentum))
    tracer = None if flux.tracer is None else closed(flux.tracer)
    return Conserved(closed(flux.density), momentum, closed(flux.energy), tracer)


def _replaced(x: Slab, edge: Slab, axis: int, side: int) -> Slab:
    """The array with another first or last layer along an axis."""
    n = x.shape[axis]
    if side < 0:
        return lax.concatenate([edge, lax.slice_in_dim(x, 1, n, axis=axis)], axis)
    return lax.concatenate([lax.slice_in_dim(x, 0, n - 1, axis=axis), edge], axis)
