"""The symmetry-reduced convolution: a quarter of the products of a dense one, or less.

A group that reflects every axis sorts tensor components by parity. Sums and differences
of opposite neighbours have a parity too, and a sum or difference of one parity meets
only those components that make up the parity of the output. For scalars and vectors and
a 3x3 window that leaves 22 products per cell and channel pair for 81, in three
dimensions 54 for 432.

Neighbours along the first axis are summed and subtracted after the products, those
along all other axes before: that way three numbers per component go through memory on
either side, where all nine combinations on one side would be nine.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Hashable
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._group import Group, reflections
from .._signature import Signature
from ._assembly import Assembly, Slabs, assemble
from ._boundary import wrap
from ._kernel import basis_tables
from ._linear_map import linear_map
from ._matmul import times
from ._parity import (
    Parity,
    ParityOrder,
    add,
    parity_order,
    sort_back,
    sort_by_parity,
)

K = TypeVar("K", bound=Hashable)


@dataclasses.dataclass(frozen=True)
class Combination:
    """A sum (parity 0) or difference (1) of the cells at ± `offset`, for each axis."""

    offset: tuple[int, ...]
    parity: Parity


@dataclasses.dataclass(frozen=True, eq=False)
class Block:
    """One matrix product: all that share a parity along the axes not yet combined."""

    features: tuple[tuple[int, Parity], ...]
    """`(combination along the later axes, parity of the input)` of its columns."""
    results: tuple[tuple[int, Parity], ...]
    """`(combination along the first axis, parity of the output)` of what it makes."""
    matrix: Assembly


@dataclasses.dataclass(frozen=True, eq=False)
class Reduction:
    """Everything static about one reduced convolution."""

    source: ParityOrder
    target: ParityOrder
    num_results: int
    """Combinations along the first axis."""
    blocks: tuple[Block, ...]


def can_reduce(group: Group, window: tuple[int, ...]) -> bool:
    """Whether the group reflects every axis and the window has a middle cell."""
    has_all = reflections(group.num_spatial_dims).is_subgroup(group)
    return has_all and all(n % 2 for n in window) and max(window) > 1


# Cells times features in times features out, from which the reduced form is chosen: it
# is faster on smaller fields too, but by less than its longer compilation costs in
# thousands of calls (benchmarks/README.md).
_LARGE = 2**15


def prefers_reduced(
    group: Group,
    in_signature: Signature,
    out_signature: Signature,
    window: tuple[int, ...],
    grid: tuple[int, ...],
    dtype: jnp.dtype,
) -> bool:
    """Whether the reduced form is the better one, from what is known when tracing.

    Only on a CPU: matrix units of accelerators have not been measured.
    """
    d = group.num_spatial_dims
    features = in_signature.features(d) * out_signature.features(d)
    return (
        math.prod(grid) * features >= _LARGE
        and dtype.itemsize >= 4
        and can_reduce(group, window)
        and max(window) == 3
        and jax.default_backend() == "cpu"
    )


def convolve_reduced(
    array: Float[Array, "*grid in_features"],
    weights: Float[Array, " coefficients"],
    group: Group,
    in_signature: Signature,
    out_signature: Signature,
    window: tuple[int, ...],
    dilation: int,
) -> Float[Array, "*grid out_features"]:
    """What the dense kernel makes of the array on the torus, to rounding."""
    plan = reduction(group, in_signature, out_signature, window)
    d = len(window)
    weights = weights.astype(array.dtype)

    def neighbours(axis: int) -> tuple[int, tuple[int, ...]]:
        distances = range(1, window[axis] // 2 + 1)
        return axis - d - 1, tuple(dilation * n for n in distances)

    combined = [sort_by_parity(array, in_signature, d)]
    for axis in range(1, d):
        spread, gather = Spread(*neighbours(axis)), Gather(*neighbours(axis))
        combined = [y for x in combined for y in linear_map(spread, gather, x)]
    pieces = [_split(x, plan.source.sizes) for x in combined]
    results: dict[tuple[int, Parity], Array] = {}
    matrices = assemble(weights, *(block.matrix for block in plan.blocks))
    for block, matrix in zip(plan.blocks, matrices, strict=True):
        features = _joined([pieces[n][p] for n, p in block.features])
        product = times(features, matrix)
        sizes = {key: plan.target.sizes[key[1]] for key in block.results}
        results |= _split(product, sizes)
    spread, gather = Spread(*neighbours(0)), Gather(*neighbours(0))
    parts = []
    for p, size in plan.target.sizes.items():
        zero = jnp.zeros((*array.shape[:-1], size), array.dtype)
        terms = [results.get((n, p), zero) for n in range(plan.num_results)]
        parts += linear_map(gather, spread, *terms)
    return sort_back(_joined(parts), out_signature, d)


@functools.cache
def reduction(
    group: Group,
    in_signature: Signature,
    out_signature: Signature,
    window: tuple[int, ...],
) -> Reduction:
    """The plan of a reduced convolution."""
    d = group.num_spatial_dims
    source, target = (parity_order(s, d) for s in (in_signature, out_signature))
    label, sign, kernels = basis_tables(group, in_signature, out_signature, window)
    before, after = _combinations(window[1:]), _combinations(window[:1])
    blocks = []
    for first, *rest in itertools.product((0, 1), repeat=d):
        features = [
            (n, (first, *add(tuple(rest), c.parity))) for n, c in enumerate(before)
        ]
        results = [(n, (first ^ c.parity[0], *rest)) for n, c in enumerate(after)]
        features = [(n, p) for n, p in features if p in source.components]
        results = [(n, p) for n, p in results if p in target.components]
        rows = [
            (before[n].offset, a) for n, p in features for a in source.components[p]
        ]
        columns = [(after[n], b) for n, p in results for b in target.components[p]]
        if not rows or not columns:
            continue

        def cell(first: Combination, rest: tuple[int, ...]) -> int:
            offset = zip(window, (*first.offset, *rest), strict=True)
            return int(np.ravel_multi_index([n // 2 + x for n, x in offset], window))

        cells = np.array([[cell(c, o) for c, _ in columns] for o, _ in rows])
        where = (
            cells,
            np.array([a for _, a in rows])[:, None],
            np.array([b for _, b in columns])[None, :],
        )
        # `Gather` subtracts the other way round: it is the transpose of a difference.
        flips = np.array([(-1) ** c.parity[0] for c, _ in columns])
        matrix = Assembly(
            _stacked(source, [a for _, a in rows]),
            _stacked(target, [b for _, b in columns]),
            label[where],
            sign[where] * flips,
            kernels,
        )
        blocks.append(Block(tuple(features), tuple(results), matrix))
    return Reduction(source, target, len(after), tuple(blocks))


@dataclasses.dataclass(frozen=True)
class Spread:
    """`f`, then `f(p + n) + f(p - n)` and `f(p + n) - f(p - n)` for each distance n.

    On the torus, along one axis, counted from the last.
    """

    axis: int
    distances: tuple[int, ...]

    def __call__(self, f: Array) -> tuple[Array, ...]:
        parts = [f]
        for n in self.distances:
            parts += _with_neighbours(
                lambda low, high: (high + low, high - low), f.ndim + self.axis, n, f
            )
        return tuple(parts)


@dataclasses.dataclass(frozen=True)
class Gather:
    """The transpose of `Spread`: sums of neighbours, and differences turned round."""

    axis: int
    distances: tuple[int, ...]

    def __call__(self, f: Array, *parts: Array) -> tuple[Array]:
        for index, n in enumerate(self.distances):
            f += _with_neighbours(
                lambda low, high, below, above: ((high + low) + (below - above),),
                f.ndim + self.axis,
                n,
                *parts[2 * index : 2 * index + 2],
            )[0]
        return (f,)


def _with_neighbours(
    combine: Callable[..., tuple[Array, ...]], axis: int, n: int, *arrays: Array
) -> list[Array]:
    """`combine(f(p - n), f(p + n))`, or more such pairs, for all p on the torus.

    Of a copy with the ends of the torus attached: in one array without, each cell would
    ask whether it lies at an end.
    """
    length = arrays[0].shape[axis]
    pairs = []
    for f in arrays:
        wrapped = wrap(f, axis, n, n)
        pairs += [
            jax.lax.slice_in_dim(wrapped, start, start + length, axis=axis)
            for start in (0, 2 * n)
        ]
    return list(combine(*pairs))


def _combinations(window: tuple[int, ...]) -> list[Combination]:
    """All sums and differences of a window, in the order of repeated `Spread`."""
    along = [
        [(0, 0), *((n, parity) for n in range(1, size // 2 + 1) for parity in (0, 1))]
        for size in window
    ]
    return [
        Combination(tuple(n for n, _ in pick), tuple(parity for _, parity in pick))
        for pick in itertools.product(*along)
    ]


def _split(array: Array, sizes: dict[K, int]) -> dict[K, Array]:
    pieces = jax.lax.split(array, list(sizes.values()), axis=array.ndim - 1)
    return dict(zip(sizes, pieces, strict=True))


def _joined(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else jnp.concatenate(parts, axis=-1)


def _stacked(side: ParityOrder, components: list[int]) -> Slabs:
    """Slabs one after the other, each with its channels side by side."""
    types = side.types[components]
    sizes = np.array(side.channels)[types]
    return Slabs(
        types, np.cumsum(sizes) - sizes, tuple(np.arange(n) for n in side.channels)
    )
