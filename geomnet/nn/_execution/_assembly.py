"""From coefficients to a matrix: each entry is one coefficient with a sign, or zero.

Both directions are one gather each, with small tables instead of one index per entry:
one compiled loop for a whole kernel, where a product with the basis for each pair of
types takes dozens and several times as long to compile. Written in XLA's own
operations: JAX's indexing and arithmetic take several times as long to trace.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import add, mul
from jaxtyping import Array, Float

from ..._representation import Representation
from ...filters._kernel_space import KernelSpace
from ._primitives import Shape, apply


@dataclasses.dataclass(frozen=True, eq=False)
class Slabs:
    """One side of the matrix: slabs of one line for each channel.

    A slab is a component of a type, at one cell; channel c of slab s is line
    `start[s] + offset[type[s]][c]`.
    """

    type: np.ndarray
    """`(slabs,)`: which type each slab has."""
    start: np.ndarray
    """`(slabs,)`: the line of its first channel."""
    offset: tuple[np.ndarray, ...]
    """For each type where its channels lie, from the first."""

    @functools.cached_property
    def lines(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Slab, channel and number of channels of each line."""
        lines = [s + self.offset[t] for t, s in zip(self.type, self.start, strict=True)]
        slab, channel, channels = np.zeros((3, sum(map(len, lines))), np.int32)
        for s, where in enumerate(lines):
            slab[where], channel[where] = s, np.arange(len(where))
            channels[where] = len(where)
        return slab, channel, channels


@dataclasses.dataclass(frozen=True, eq=False)
class Assembly:
    """Which coefficient stands where in a matrix `(rows, columns)`.

    Coefficients lie end to end: for each pair of types (out outer, in inner) an array
    `(kernels, in channels, out channels)`, since what is next to each other there
    should be so in the matrix. Rows are inputs, columns are outputs.
    """

    rows: Slabs
    columns: Slabs
    label: np.ndarray
    """`(row slabs, column slabs)`: the kernel of the pair of types; -1 where zero."""
    sign: np.ndarray
    """`(row slabs, column slabs)`: -1, 0 or +1."""
    kernels: np.ndarray
    """`(out types, in types)`: how many kernels each pair of types has."""

    @property
    def shape(self) -> tuple[int, int]:
        """Of the matrix."""
        return len(self.rows.lines[0]), len(self.columns.lines[0])

    @functools.cached_property
    def position(self) -> np.ndarray:
        """Where the coefficients of each pair of types begin, `(out types, in types)`,
        in the order of storage.
        """
        sizes = self.kernels * self._pair_sizes
        ends = np.cumsum(sizes.ravel())
        return np.concatenate([[0], ends]).astype(np.int32)

    @property
    def _pair_sizes(self) -> np.ndarray:
        out, inp = (
            np.array([len(o) for o in side.offset])
            for side in (self.columns, self.rows)
        )
        return np.outer(out, inp)

    @functools.cached_property
    def forward(self) -> tuple[np.ndarray, np.ndarray]:
        """First coefficient and sign of each pair of slabs."""
        pair = (
            self.columns.type[None, :] * self.kernels.shape[1] + self.rows.type[:, None]
        )
        size = self._pair_sizes.ravel()[pair]
        first = self.position[pair] + np.maximum(self.label, 0) * size
        return np.where(self.sign, first, 0).astype(np.int32), self.sign


@functools.lru_cache(maxsize=256)
def dense_assembly(space: KernelSpace) -> Assembly:
    """Where each coefficient stands in the dense kernel `(cells, in, out features)`."""
    label, sign, kernels = space.tables()
    return Assembly(
        component_slabs(space.source, math.prod(space.window)),
        component_slabs(space.target, 1),
        label.reshape(-1, label.shape[-1]),
        sign.reshape(-1, sign.shape[-1]),
        kernels,
    )


def component_slabs(fields: Representation, cells: int) -> Slabs:
    """One slab for each cell and component; lines in the layout of the signature."""
    signature = fields.signature
    components = [fields.components(t) for t in signature.types]
    one_cell = np.concatenate([np.arange(n) for n in components])
    start = np.arange(cells)[:, None] * fields.num_features + one_cell
    offset = []
    for t in signature.types:
        parts = [
            where.start + np.arange(entry.channels) * fields.components(t)
            for entry, where in zip(signature, fields.slices, strict=True)
            if entry.type == t
        ]
        offset.append(np.concatenate(parts))
    return Slabs(
        np.tile(np.repeat(np.arange(len(components)), components), cells),
        start.ravel(),
        tuple(offset),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Occurrences:
    """Where coefficients stand in matrices that lie end to end.

    Coefficients are lines of one kernel and input channel, with one for each output
    channel. Channel c of a line stands for each n at `start[n, line] + column[c]`.
    """

    start: np.ndarray
    """`(n, lines)`."""
    sign: np.ndarray
    """`(n, lines)`: -1, +1, or 0 where a line stands in fewer places."""
    column: np.ndarray
    """`(channels,)`."""


@functools.lru_cache(maxsize=256)
def _occurrences(assemblies: tuple[Assembly, ...]) -> tuple[Occurrences, ...]:
    """For output types with their channels at unlike places one after the other."""
    offset = assemblies[0].columns.offset
    start, stride, sign = _places(assemblies)
    found = []
    for _, outs in itertools.groupby(
        range(len(offset)), key=lambda out: offset[out].tobytes()
    ):
        outs = list(outs)
        kernel, row = _lines(assemblies[0], outs)
        used = sign[:, kernel].any(axis=1)
        places = start[:, kernel] + row * stride[:, kernel]
        numbers = places[used], sign[:, kernel][used], offset[outs[0]]
        found.append(Occurrences(*(n.astype(np.int32) for n in numbers)))
    return tuple(found)


def _lines(assembly: Assembly, outs: list[int]) -> np.ndarray:
    """`(2, lines)`: the kernel, and its input channel's place, of the lines of
    coefficients of some output types, in the order of storage.
    """
    ends = np.cumsum(assembly.kernels).reshape(assembly.kernels.shape)
    lines = [
        np.stack(np.meshgrid(np.arange(end - n, end), rows, indexing="ij"))
        for out in outs
        for end, n, rows in zip(
            ends[out], assembly.kernels[out], assembly.rows.offset, strict=True
        )
    ]
    return np.concatenate([pair.reshape(2, -1) for pair in lines], axis=1)


def _places(assemblies: tuple[Assembly, ...]) -> np.ndarray:
    """`(3, n, kernels)`: first line and column, as one number, length of the lines, and
    sign of each pair of slabs that a kernel fills; zeros where there are no more.
    """
    kernels = assemblies[0].kernels
    before = np.cumsum(kernels).reshape(kernels.shape) - kernels
    parts, base = [], 0
    for a in assemblies:
        rows, stride = a.shape
        r, c = np.nonzero(a.sign)
        kernel = before[a.columns.type[c], a.rows.type[r]] + a.label[r, c]
        start = base + a.rows.start[r] * stride + a.columns.start[c]
        parts.append([kernel, start, np.full_like(r, stride), a.sign[r, c]])
        base += rows * stride
    kernel, *numbers = np.concatenate(parts, axis=1)
    order = np.argsort(kernel, kind="stable")
    kernel, numbers = kernel[order], np.array(numbers)[:, order]
    count = np.bincount(kernel, minlength=kernels.sum())
    n = np.arange(len(kernel)) - np.repeat(np.cumsum(count) - count, count)
    table = np.zeros((3, max(count, default=0), len(count)), np.int32)
    table[:, n, kernel] = numbers
    return table


def assemble(
    weights: Float[Array, "*batch coefficients"], *assemblies: Assembly
) -> tuple[Float[Array, "*batch rows columns"], ...]:
    """The matrices. Their transpose gathers each coefficient's entries: no scatter."""
    return apply(Matrices(assemblies), weights)


@dataclasses.dataclass(frozen=True)
class Matrices:
    """From coefficients to matrices."""

    assemblies: tuple[Assembly, ...]

    @property
    def T(self) -> "Coefficients":
        """Each coefficient's entries, added up with their signs."""
        return Coefficients(self.assemblies)

    def shapes(self, weights: Shape) -> tuple[Shape, ...]:
        """One matrix for each assembly."""
        return tuple((*weights[:-1], *a.shape) for a in self.assemblies)

    def __call__(self, weights: Array) -> tuple[Array, ...]:
        return tuple(_matrix(weights, assembly) for assembly in self.assemblies)


def _matrix(weights: Array, assembly: Assembly) -> Array:
    row, in_channel, _ = assembly.rows.lines
    column, out_channel, out_channels = assembly.columns.lines
    first, sign = assembly.forward
    first, sign, row, in_channel, column, out_channel, out_channels = _unfolded(
        first.ravel(),
        sign.ravel().astype(weights.dtype),
        row * first.shape[1],
        in_channel,
        column,
        out_channel,
        out_channels,
    )

    def over_rows(numbers: Array) -> Array:
        return jax.lax.broadcast_in_dim(numbers, assembly.shape, (0,))

    def over_columns(numbers: Array) -> Array:
        return jax.lax.broadcast_in_dim(numbers, assembly.shape, (1,))

    pair = add(over_rows(row), over_columns(column))
    channels = mul(over_rows(in_channel), over_columns(out_channels))
    index = add(_at(first, pair), add(channels, over_columns(out_channel)))
    entries = _at(weights, index)
    return mul(entries, jax.lax.broadcast(_at(sign, pair), entries.shape[:-2]))


@dataclasses.dataclass(frozen=True)
class Coefficients:
    """From matrices to coefficients: the transpose of `Matrices`."""

    assemblies: tuple[Assembly, ...]

    @property
    def T(self) -> Matrices:
        """The matrices."""
        return Matrices(self.assemblies)

    def shapes(self, *matrices: Shape) -> tuple[Shape]:
        """One vector."""
        return ((*matrices[0][:-2], self.assemblies[0].position[-1].item()),)

    def __call__(self, *matrices: Array) -> tuple[Array]:
        batch = matrices[0].shape[:-2]
        flat = [
            jax.lax.reshape(matrix, (*batch, math.prod(matrix.shape[-2:])))
            for matrix in matrices
        ]
        entries = jax.lax.concatenate(flat, len(batch))
        parts = [_gathered(entries, where) for where in _occurrences(self.assemblies)]
        return (jax.lax.concatenate(parts, len(batch)),)


def _gathered(entries: Array, where: Occurrences) -> Array:
    """The coefficients of some lines, as one term for each entry of a coefficient: a
    sum over a short axis is far slower.
    """
    batch, lines = entries.shape[:-1], where.start.shape[1]
    shape = (lines, len(where.column))
    (column,) = _unfolded(where.column)
    column = jax.lax.broadcast_in_dim(column, shape, (1,))
    terms = []
    for start, sign in zip(where.start, where.sign, strict=True):
        start, sign = _unfolded(start, sign.astype(entries.dtype))
        index = add(jax.lax.broadcast_in_dim(start, shape, (0,)), column)
        signs = jax.lax.broadcast_in_dim(sign, (*batch, *shape), (len(batch),))
        terms.append(mul(_at(entries, index), signs))
    coefficients = functools.reduce(add, terms)
    return jax.lax.reshape(coefficients, (*batch, math.prod(shape)))


def _at(numbers: Array, index: Array) -> Array:
    """`numbers[..., index]` for an index that is nowhere out of bounds."""
    batch = numbers.ndim - 1
    return jax.lax.gather(
        numbers,
        jax.lax.expand_dims(index, (index.ndim,)),
        jax.lax.GatherDimensionNumbers(
            offset_dims=tuple(range(batch)),
            collapsed_slice_dims=(batch,),
            start_index_map=(batch,),
        ),
        (*numbers.shape[:-1], 1),
        mode="promise_in_bounds",
    )


def _unfolded(*tables: np.ndarray) -> Sequence[Array]:
    """As arrays that the compiler can't fold into one constant for each entry."""
    return jax.lax.optimization_barrier([jnp.asarray(table) for table in tables])
