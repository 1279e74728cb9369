"""The symmetry-reduced convolution: a quarter of the products of a dense one, or less.

A group that reflects every axis sorts tensor components by parity. Sums and differences
of opposite neighbours have a parity too, and a sum or difference of one parity meets
only those components that make up the parity of the output. For scalars and vectors and
a 3x3 window that leaves 22 products per cell and channel pair for 81, in three
dimensions 54 for 432.

Neighbours along some axes are summed and subtracted before the products and those along
the others after them, so that the fewest numbers go through memory: with as many
features in as out in a plane three per component on either side, where all combinations
on one side would be nine.
"""

import dataclasses
import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._group import Group, reflections
from .._signature import Signature
from ._assembly import Assembly, Slabs, assemble
from ._kernel import basis_tables
from ._linear_map import linear_map
from ._matmul import times
from ._neighbours import Combination, Contract, Expand, Side, combinations
from ._parity import ParityOrder, add, parity_order


@dataclasses.dataclass(frozen=True, eq=False)
class Reduction:
    """Everything static about one reduced convolution."""

    source: Side
    """Combined along the last axes, before the products."""
    target: Side
    """Combined along the axes before those, after the products."""
    matrices: tuple[Assembly, ...]
    """For each product."""


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
    plan = reduction(group, in_signature, out_signature, window, dilation)
    features = linear_map(Expand(plan.source), Contract(plan.source), array)
    matrices = assemble(weights.astype(array.dtype), *plan.matrices)
    products = map(times, features, matrices)
    return linear_map(Contract(plan.target), Expand(plan.target), *products)[0]


@functools.cache
def reduction(
    group: Group,
    in_signature: Signature,
    out_signature: Signature,
    window: tuple[int, ...],
    dilation: int,
) -> Reduction:
    """The plan of a reduced convolution."""
    d = group.num_spatial_dims
    source, target = (parity_order(s, d) for s in (in_signature, out_signature))
    label, sign, kernels = basis_tables(group, in_signature, out_signature, window)
    n = _num_axes_after(in_signature.features(d), out_signature.features(d), window)
    before = combinations((*(1,) * n, *window[n:]))
    after = combinations((*window[:n], *(1,) * (d - n)))
    blocks, matrices = [], []
    for parity in itertools.product((0, 1), repeat=d):
        features = [(c, add(parity, c.parity)) for c in before]
        results = [(c, add(parity, c.parity)) for c in after]
        features = [piece for piece in features if piece[1] in source.components]
        results = [piece for piece in results if piece[1] in target.components]
        rows = [(c, a) for c, p in features for a in source.components[p]]
        columns = [(c, b) for c, p in results for b in target.components[p]]
        if not rows or not columns:
            continue
        cells = [[_cell(window, c, other) for other, _ in columns] for c, _ in rows]
        where = (
            np.array(cells),
            np.array([a for _, a in rows])[:, None],
            np.array([b for _, b in columns])[None, :],
        )
        # `Contract` subtracts the other way round: it is the transpose of a difference.
        flips = np.array([(-1) ** sum(c.parity) for c, _ in columns])
        matrix = Assembly(
            _stacked(source, [a for _, a in rows]),
            _stacked(target, [b for _, b in columns]),
            label[where],
            sign[where] * flips,
            kernels,
        )
        blocks.append((tuple(features), tuple(results)))
        matrices.append(matrix)
    ins, outs = zip(*blocks, strict=True)
    return Reduction(
        Side(in_signature, ins, dilation),
        Side(out_signature, outs, dilation),
        tuple(matrices),
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


def _stacked(side: ParityOrder, components: list[int]) -> Slabs:
    """Slabs one after the other, each with its channels side by side."""
    types = side.types[components]
    sizes = np.array(side.channels)[types]
    return Slabs(
        types, np.cumsum(sizes) - sizes, tuple(np.arange(n) for n in side.channels)
    )
