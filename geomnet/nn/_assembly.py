"""From coefficients to a matrix: each entry is one coefficient with a sign, or zero.

Both directions are one gather each, with small tables instead of one index per entry:
one compiled loop for a whole kernel, where a product with the basis for each pair of
types takes dozens and several times as long to compile.
"""

import dataclasses
import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._linear_map import linear_map


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

    @functools.cached_property
    def backward(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """`(kernel, place, entry, sign)`: coefficient c, of kernel `kernel[c]` and
        first place `place[c]`, stands in the entries `place[c] + entry[kernel[c]]`.
        """
        num_columns = len(self.columns.lines[0])
        kernels, places, entries, signs = [], [], [], []
        for out in range(self.kernels.shape[0]):
            for inp in range(self.kernels.shape[1]):
                place = (
                    self.rows.offset[inp][:, None] * num_columns
                    + self.columns.offset[out][None, :]
                ).ravel()
                here = (self.rows.type[:, None] == inp) & (self.columns.type == out)
                for n in range(self.kernels[out, inp]):
                    r, c = np.nonzero(here & (self.label == n) & (self.sign != 0))
                    kernels.append(np.full(len(place), len(entries)))
                    places.append(place)
                    entries.append(
                        self.rows.start[r] * num_columns + self.columns.start[c]
                    )
                    signs.append(self.sign[r, c])
        width = max([len(e) for e in entries], default=0)
        entry, sign = np.zeros((2, len(entries), max(width, 1)), np.int32)
        for n, (e, s) in enumerate(zip(entries, signs, strict=True)):
            entry[n, : len(e)], sign[n, : len(s)] = e, s
        kernel, place = (
            np.concatenate([*lists, np.zeros(0)]).astype(np.int32)
            for lists in (kernels, places)
        )
        return kernel, place, entry, sign


def assemble(
    assembly: Assembly, weights: Float[Array, "*batch coefficients"]
) -> Float[Array, "*batch rows columns"]:
    """The matrix. Its transpose gathers each coefficient's entries: no scatter."""
    return linear_map(_Matrix(assembly), _Coefficients(assembly), weights)[0]


@dataclasses.dataclass(frozen=True)
class _Matrix:
    assembly: Assembly

    def __call__(self, weights: Array) -> tuple[Array]:
        row, in_channel, _ = self.assembly.rows.lines
        column, out_channel, out_channels = self.assembly.columns.lines
        first, sign, in_channel, out_channel, out_channels = _unfolded(
            *self.assembly.forward, in_channel, out_channel, out_channels
        )
        index = _expand(first, row, column)
        index += in_channel[:, None] * out_channels[None, :] + out_channel[None, :]
        entries = weights.at[..., index].get(mode="promise_in_bounds")
        return (entries * _expand(sign, row, column).astype(weights.dtype),)


@dataclasses.dataclass(frozen=True)
class _Coefficients:
    assembly: Assembly

    def __call__(self, matrix: Array) -> tuple[Array]:
        kernel, place, entry, sign = self.assembly.backward
        place, kernel = _unfolded(place, kernel)
        entries = matrix.reshape(*matrix.shape[:-2], -1)
        # One term for each entry of a coefficient: a sum over a short axis is far
        # slower.
        total = jnp.zeros((*matrix.shape[:-2], len(place)), matrix.dtype)
        for n in range(entry.shape[1]):
            index = place + jnp.take(jnp.asarray(entry[:, n]), kernel)
            factor = jnp.take(jnp.asarray(sign[:, n], matrix.dtype), kernel)
            total += entries.at[..., index].get(mode="promise_in_bounds") * factor
        return (total,)


def _expand(table: Array, row: np.ndarray, column: np.ndarray) -> Array:
    return jnp.take(jnp.take(table, row, axis=0), column, axis=1)


def _unfolded(*tables: np.ndarray) -> Sequence[Array]:
    """As arrays that the compiler can't fold into one constant for each entry."""
    return jax.lax.optimization_barrier([jnp.asarray(table) for table in tables])
