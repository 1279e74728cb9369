"""Sums and differences of neighbours on a torus, features sorted by signs.

`Expand` makes of a field the features of several matrix products, `Contract` is its
transpose. Both read one copy of their array to which the ends of the torus are
attached: in one without, each cell would ask whether it lies at an end.
"""

import dataclasses
import functools
import itertools
from typing import TypeAlias

import jax
from jaxtyping import Array

from ..._representation import Representation
from ._extension import wrap
from ._primitives import Shape
from ._reflection_signs import SignOrder, Signs, sign_order, sort_back, sort_by_signs


@dataclasses.dataclass(frozen=True)
class Combination:
    """A sum (sign 0) or difference (1) of the cells at ± `offset`, for each axis."""

    offset: tuple[int, ...]
    signs: Signs


Piece: TypeAlias = tuple[Combination, Signs]
"""A combination of cells, of all components of the same signs."""


@dataclasses.dataclass(frozen=True)
class Side:
    """What stands on one side of the matrix products."""

    fields: Representation
    blocks: tuple[tuple[Piece, ...], ...]
    """For each product the pieces that stand side by side in it."""
    dilation: int

    @property
    def order(self) -> SignOrder:
        """The features of the field, sorted."""
        return sign_order(self.fields)

    @property
    def reach(self) -> tuple[int, ...]:
        """How far the pieces reach along each axis, in cells."""
        offsets = [c.offset for block in self.blocks for c, _ in block]
        return tuple(self.dilation * max(along) for along in zip(*offsets, strict=True))


def combinations(window: tuple[int, ...]) -> list[Combination]:
    """All sums and differences of the cells of a window."""
    along = [
        [(0, 0), *((n, sign) for n in range(1, size // 2 + 1) for sign in (0, 1))]
        for size in window
    ]
    return [
        Combination(tuple(n for n, _ in pick), tuple(sign for _, sign in pick))
        for pick in itertools.product(*along)
    ]


@dataclasses.dataclass(frozen=True)
class Expand:
    """From a field on the torus to the pieces of each block."""

    side: Side

    @property
    def T(self) -> "Contract":
        """From the pieces back to the field."""
        return Contract(self.side)

    def shapes(self, field: Shape) -> tuple[Shape, ...]:
        """One array for each block."""
        sizes = self.side.order.sizes
        return tuple(
            (*field[:-1], sum(sizes[p] for _, p in block)) for block in self.side.blocks
        )

    def __call__(self, array: Array) -> tuple[Array, ...]:
        side, order = self.side, self.side.order
        array = sort_by_signs(array, side.fields)
        wrapped = _wrapped(array, side.reach)

        def part(combination: Combination, signs: Signs) -> Array:
            where = order.starts[signs], order.sizes[signs]
            return _combined(wrapped, side, combination, where, side.dilation)

        last = array.ndim - 1
        return tuple(
            jax.lax.concatenate([part(*piece) for piece in block], last)
            for block in side.blocks
        )


@dataclasses.dataclass(frozen=True)
class Contract:
    """The transpose of `Expand`: sums of neighbours, and differences turned round."""

    side: Side

    @property
    def T(self) -> Expand:
        """From the field to the pieces."""
        return Expand(self.side)

    def shapes(self, *blocks: Shape) -> tuple[Shape]:
        """One array, the field."""
        return ((*blocks[0][:-1], self.side.fields.num_features),)

    def __call__(self, *blocks: Array) -> tuple[Array]:
        side = self.side
        sizes = side.order.sizes
        terms: dict[Signs, list[Array]] = {p: [] for p in sizes}
        for array, block in zip(blocks, side.blocks, strict=True):
            wrapped, start = _wrapped(array, side.reach), 0
            for c, p in block:
                where = start, sizes[p]
                terms[p].append(_combined(wrapped, side, c, where, -side.dilation))
                start += sizes[p]
        parts = [
            functools.reduce(jax.lax.add, terms[p])
            if terms[p]
            else jax.lax.full((*blocks[0].shape[:-1], size), 0, blocks[0].dtype)
            for p, size in sizes.items()
        ]
        field = jax.lax.concatenate(parts, blocks[0].ndim - 1)
        return (sort_back(field, side.fields),)


def _wrapped(array: Array, reach: tuple[int, ...]) -> Array:
    """The array with `reach` cells more at both ends of each axis."""
    first = array.ndim - len(reach) - 1
    for axis, n in enumerate(reach, first):
        array = wrap(array, axis, n, n) if n else array
    return array


def _combined(
    wrapped: Array, side: Side, combination: Combination, where: tuple[int, int], n: int
) -> Array:
    """One combination of the features `where` (first, how many), `n` cells a step.

    A negative `n` exchanges the two cells of every difference.
    """
    d, last = side.fields.num_spatial_dims, wrapped.ndim - 1
    features = jax.lax.slice_in_dim(wrapped, where[0], sum(where), axis=last)

    def along(axis: int, array: Array) -> Array:
        if axis == d:
            return array
        offset, reach = n * combination.offset[axis], side.reach[axis]
        at = last - d + axis
        if not offset:
            return along(axis + 1, _shifted(array, at, reach, reach))
        high, low = (
            along(axis + 1, _shifted(array, at, reach + shift, reach))
            for shift in (offset, -offset)
        )
        return (jax.lax.sub if combination.signs[axis] else jax.lax.add)(high, low)

    return along(0, features)


def _shifted(array: Array, axis: int, start: int, reach: int) -> Array:
    """The cells from `start` on, `2 * reach` fewer.

    Cut out of two axes made into one. XLA would cut each part of the wrapped copy
    before it joins them, and so make a copy for each shift.
    """
    if not reach:
        return array
    shape = array.shape
    length, inner = shape[axis] - 2 * reach, shape[axis + 1]
    flat = jax.lax.reshape(
        array, (*shape[:axis], shape[axis] * inner, *shape[axis + 2 :])
    )
    cut = jax.lax.slice_in_dim(flat, start * inner, (start + length) * inner, axis=axis)
    return jax.lax.reshape(cut, (*shape[:axis], length, *shape[axis + 1 :]))
