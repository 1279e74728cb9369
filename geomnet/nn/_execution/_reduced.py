"""The symmetry-reduced convolution: a quarter of the products of a dense one, or less.

A group that reflects every axis sorts tensor components by their signs under the
reflections. Sums and differences of opposite neighbours have such signs too, and a sum
or difference meets only those components that make up the signs of the output. For
scalars and vectors and a 3x3 window that leaves 22 products per cell and channel pair
for 81, in three dimensions 54 for 432.

Neighbours along some axes are summed and subtracted before the products and those along
the others after them, so that the fewest numbers go through memory: with as many
features in as out in a plane three per component on either side, where all combinations
on one side would be nine.
"""

import dataclasses
import functools
import itertools
import math

import numpy as np
from jaxtyping import Array, Float

from ..._group import Group, reflections
from ...filters._kernel_space import KernelSpace
from .._boundary import Faces
from .._placement import PlacedWindow
from ._assembly import Assembly, Slabs, assemble
from ._neighbours import Combination, Contract, Expand, Piece, Side, combinations
from ._primitives import apply, times
from ._reflection_signs import SignOrder, product, sign_order


@dataclasses.dataclass(frozen=True, eq=False)
class Reduction:
    """Everything static about one reduced convolution."""

    source: Side
    """Combined along the last axes, before the products."""
    target: Side
    """Combined along the axes before those, after the products."""
    matrices: tuple[Assembly, ...]
    """For each product."""


@functools.lru_cache(maxsize=256)
def reflects_every_axis(group: Group) -> bool:
    """Whether every reflection of one axis is an element."""
    return reflections(group.num_spatial_dims).is_subgroup(group)


def can_reduce(space: KernelSpace) -> bool:
    """Whether the group reflects every axis and the window has a middle cell."""
    is_odd = all(n % 2 for n in space.window) and max(space.window) > 1
    return is_odd and reflects_every_axis(space.source.group)


def convolve_reduced(
    array: Float[Array, "*grid in_features"],
    weights: Float[Array, " coefficients"],
    space: KernelSpace,
    placed: PlacedWindow,
    faces: Faces,
) -> Float[Array, "*grid out_features"]:
    """What the dense kernel makes of the array on the torus, to rounding.

    For stride 1, periodic faces and channels in one group only; `faces` are not asked.
    """
    plan = reduction(space, placed.dilation)
    features = apply(Expand(plan.source), array)
    matrices = assemble(weights.astype(array.dtype), *plan.matrices)
    products = map(times, features, matrices)
    return apply(Contract(plan.target), *products)[0]


@functools.lru_cache(maxsize=256)
def reduction(
    space: KernelSpace, dilation: int, axes_after: int | None = None
) -> Reduction:
    """The plan of a reduced convolution.

    **Arguments:** `axes_after`: along how many axes neighbours are combined after the
    products; by default as many as keep fewest numbers in memory.
    """
    d, window = space.num_spatial_dims, space.window
    n = axes_after
    if n is None:
        features = space.source.num_features, space.target.num_features
        n = _num_axes_after(*features, window)
    before = combinations((*(1,) * n, *window[n:]))
    after = combinations((*window[:n], *(1,) * (d - n)))
    blocks, matrices = [], []
    for signs in itertools.product((0, 1), repeat=d):
        features, results = (
            [
                (c, product(signs, c.signs))
                for c in combined
                if product(signs, c.signs) in sign_order(fields).components
            ]
            for combined, fields in ((before, space.source), (after, space.target))
        )
        if features and results:
            blocks.append((tuple(features), tuple(results)))
            matrices.append(_block_matrix(space, features, results))
    ins, outs = zip(*blocks, strict=True)
    return Reduction(
        Side(space.source, ins, dilation),
        Side(space.target, outs, dilation),
        tuple(matrices),
    )


def _block_matrix(
    space: KernelSpace, features: list[Piece], results: list[Piece]
) -> Assembly:
    """The matrix of one block: every coefficient at a sum of two combinations."""
    source, target = sign_order(space.source), sign_order(space.target)
    rows = [(c, a) for c, p in features for a in source.components[p]]
    columns = [(c, b) for c, p in results for b in target.components[p]]
    label, sign, kernels = space.tables()
    where = (
        np.array(
            [[_cell(space.window, c, other) for other, _ in columns] for c, _ in rows]
        ),
        np.array([a for _, a in rows])[:, None],
        np.array([b for _, b in columns])[None, :],
    )
    # `Contract` subtracts the other way round: it is the transpose of a difference.
    flips = np.array([(-1) ** sum(c.signs) for c, _ in columns])
    return Assembly(
        _stacked(source, [a for _, a in rows]),
        _stacked(target, [b for _, b in columns]),
        label[where],
        sign[where] * flips,
        kernels,
    )


def _num_axes_after(sources: int, targets: int, window: tuple[int, ...]) -> int:
    """How many axes are combined after the products of so many features.

    Of equals the one nearest to one axis: measured quicker (benchmarks/README.md).
    """

    def preference(n: int) -> tuple[int, int]:
        in_memory = sources * math.prod(window[n:]) + targets * math.prod(window[:n])
        return in_memory, abs(n - 1)

    return min(range(len(window) + 1), key=preference)


def _cell(window: tuple[int, ...], *combinations: Combination) -> int:
    """The cell of the kernel at the sum of the offsets, row-major."""
    middle = [n // 2 for n in window]
    return int(
        np.ravel_multi_index(
            np.add(middle, sum(np.array(c.offset) for c in combinations)), window
        )
    )


def _stacked(side: SignOrder, components: list[int]) -> Slabs:
    """Slabs one after the other, each with its channels side by side."""
    types = side.types[components]
    sizes = np.array(side.channels)[types]
    return Slabs(
        types, np.cumsum(sizes) - sizes, tuple(np.arange(n) for n in side.channels)
    )
