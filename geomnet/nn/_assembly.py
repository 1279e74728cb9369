"""From coefficients to a matrix: each entry is one coefficient with a sign, or zero.

Both directions are one gather each, with small tables instead of one index per entry:
one compiled loop for a whole kernel, where a product with the basis for each pair of
types takes dozens and several times as long to compile. Written in XLA's own
operations: JAX's indexing and arithmetic take several times as long to trace.
"""

import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import add, mul
from jaxtyping import Array, Float

from ._linear_map import Shape, linear_map


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


@dataclasses.dataclass(frozen=True, eq=False)
class Occurrences:
    """Where each coefficient stands in matrices that lie end to end.

    Coefficient c, of kernel `kernel[c]`, channel `row[c]` of its inputs and `column[c]`
    of its outputs, stands for each n at `start[kernel[c], n] + row[c] *
    stride[kernel[c], n] + column[c]`, with a sign that is 0 where there are no more.
    """

    kernel: np.ndarray
    row: np.ndarray
    column: np.ndarray
    start: np.ndarray
    stride: np.ndarray
    sign: np.ndarray


@functools.cache
def _occurrences(assemblies: tuple[Assembly, ...]) -> Occurrences:
    first = assemblies[0]
    own, rows, columns = [], [], []
    found: list[list[tuple[int, int, int]]] = []
    for out, inp in np.ndindex(first.kernels.shape):
        row, column = np.broadcast_arrays(
            first.rows.offset[inp][:, None], first.columns.offset[out][None, :]
        )
        for label in range(first.kernels[out, inp]):
            own.append(np.full(row.size, len(found)))
            rows.append(row.ravel())
            columns.append(column.ravel())
            found.append(list(_places(assemblies, out, inp, label)))
    table = np.zeros((3, len(found), max([1, *map(len, found)])), np.int32)
    for n, places in enumerate(found):
        table[:, n, : len(places)] = np.array(places).reshape(-1, 3).T
    coefficients = (
        np.concatenate([*parts, np.zeros(0)]).astype(np.int32)
        for parts in (own, rows, columns)
    )
    return Occurrences(*coefficients, *table)


def _places(
    assemblies: tuple[Assembly, ...], out: int, inp: int, label: int
) -> Iterator[tuple[int, int, int]]:
    """Start, stride and sign of each slab that one kernel of a pair of types fills."""
    base = 0
    for a in assemblies:
        stride = len(a.columns.lines[0])
        here = (a.rows.type[:, None] == inp) & (a.columns.type[None, :] == out)
        for r, c in np.argwhere(here & (a.label == label) & (a.sign != 0)):
            start = base + a.rows.start[r] * stride + a.columns.start[c]
            yield int(start), stride, int(a.sign[r, c])
        base += len(a.rows.lines[0]) * stride


def assemble(
    weights: Float[Array, "*batch coefficients"], *assemblies: Assembly
) -> tuple[Float[Array, "*batch rows columns"], ...]:
    """The matrices. Their transpose gathers each coefficient's entries: no scatter."""
    return linear_map(_Matrices(assemblies), _Coefficients(assemblies), weights)


@dataclasses.dataclass(frozen=True)
class _Matrices:
    assemblies: tuple[Assembly, ...]

    def shapes(self, weights: Shape) -> tuple[Shape, ...]:
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
class _Coefficients:
    assemblies: tuple[Assembly, ...]

    def shapes(self, *matrices: Shape) -> tuple[Shape]:
        return ((*matrices[0][:-2], self.assemblies[0].position[-1].item()),)

    def __call__(self, *matrices: Array) -> tuple[Array]:
        where = _occurrences(self.assemblies)
        batch, dtype = matrices[0].shape[:-2], matrices[0].dtype
        flat = [
            jax.lax.reshape(matrix, (*batch, math.prod(matrix.shape[-2:])))
            for matrix in matrices
        ]
        entries = flat[0] if len(flat) == 1 else jax.lax.concatenate(flat, len(batch))
        kernel, row, column = _unfolded(where.kernel, where.row, where.column)
        # One term for each entry of a coefficient: a sum over a short axis is far
        # slower.
        terms = []
        for start, stride, sign in zip(
            where.start.T, where.stride.T, where.sign.T, strict=True
        ):
            index = add(_at(start, kernel), add(mul(row, _at(stride, kernel)), column))
            signs = jax.lax.broadcast(_at(sign.astype(dtype), kernel), batch)
            terms.append(mul(_at(entries, index), signs))
        return (functools.reduce(add, terms),)


def _at(numbers: "Array | np.ndarray", index: Array) -> Array:
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
