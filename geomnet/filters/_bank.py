"""Bases of all filters that a group leaves alone: exact, complete, minimal.

**The idea.** A filter C is a small image of numbers, vectors or tensors. Convolving
with it respects a symmetry group of the grid if the filter itself looks the same after
every rotation or reflection g of the group: `C(g x) = ρ(g) C(x)`. For a vector filter,
ρ(g) turns the arrow as g turns the cell; for a pseudovector it also changes its sign
where g is a reflection.

- *Orbit.* Start with one cell x. The group takes it to the cells g x, its orbit: the
  four neighbours, or the four corners. The condition links the cells of one orbit to
  each other, and cells of different orbits not at all.
- *Stabiliser.* Choose the tensor at x; it is then known on the whole orbit. The choice
  is free except where a g leads back to x itself: that g belongs to the stabiliser of
  x, and must leave the tensor as it is. At the right-hand neighbour, the mirror y -> -y
  stays; it allows a vector (a, 0), a pseudovector (0, b), and no pseudoscalar.
- *Count.* So the filters are, orbit by orbit, the tensors that the stabiliser of one
  cell allows. Burnside's lemma gives the same number without looking at any orbit, as
  the mean over the group of (cells left in place) x (trace on tensors).
- *Basis.* On a grid even more is true: a group of signed permutations takes each pair
  (cell, component) to one other pair, up to a sign. So each orbit *of pairs* is one
  filter, with entries +1 and -1, unless it meets one of its pairs with the opposite
  sign: then it cancels. Supports are disjoint, so the filters are independent; every
  invariant filter is constant, up to the signs, on each orbit, so they are complete.
  No linear algebra, no tolerance.
- *Polynomials.* The same orbits of (monomial, component) are the covariant polynomials,
  counted by the Molien series: `(-y, x)` is a pseudovector because it turns with x.

`print(filter_basis(group, "1-", 3).report())` shows all of it for one bank.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Int8

from .._arguments import checked
from .._group import Group
from .._signature import TensorType
from ._characters import count_filters
from ._differential_operator import Operator, recognise
from ._invariants import interpolate
from ._orbits import Move, pair_moves, signed_orbits
from ._rational import rank, sparse_rows
from ._window import as_window, window_offsets, within
from ._words import cell_text, filter_data, filter_lines, radius_text, types_text

# Finding the orbits takes about 130 bytes per pair, the dense array one per entry.
MAX_PAIRS = 5_000_000
MAX_ARRAY = 500_000_000


@dataclasses.dataclass(frozen=True, eq=False)
class FilterBank:
    """The basis of all invariant filters of one `group`, tensor type and window.

    Iterating gives the filters, each `(*window, *tensor)`; they are ordered by distance
    from the centre. `types` has one type for a filter; the kernel of a convolution has
    two, `(out, in)`, and tensor axes of both.
    """

    group: Group
    types: tuple[TensorType, ...]
    window: tuple[int, ...]
    max_radius: float | int | None
    """Only cells at most this far from the centre are used; `None` is no limit."""
    labels: Int[np.ndarray, "*window_and_tensor"]
    """Which filter each entry belongs to; -1 where every filter is zero."""
    signs: Int8[np.ndarray, "*window_and_tensor"]
    """The value of that filter there: -1, 0 or +1."""

    @functools.cached_property
    def array(self) -> Int8[np.ndarray, " filters *window_and_tensor"]:
        """Every filter as integers, `(filters, *window, *tensor)`.

        **Raises:** `ValueError` if it would take more than 500 MB; `labels` and `signs`
        hold the same in one entry per cell and component.
        """
        if len(self) * self.labels.size > MAX_ARRAY:
            raise ValueError(
                f"{self} as one array has {len(self) * self.labels.size:.1e} entries. "
                "Use `labels` and `signs`, or a smaller `size` or `max_radius`."
            )
        which = np.arange(len(self)).reshape(-1, *(1,) * self.labels.ndim)
        array = np.where(self.labels == which, self.signs, 0).astype(np.int8)
        array.setflags(write=False)
        return array

    @functools.cached_property
    def squared_radii(self) -> tuple[int, ...]:
        """Four times the squared distance of each filter's cells from the centre."""
        return tuple(int((cells[0] ** 2).sum()) for cells in self._doubled_orbits)

    @functools.cached_property
    def orbits(self) -> tuple[Float[np.ndarray, "cells d"], ...]:
        """The offsets, in cells, of the pixel orbit that each filter lives on."""
        return tuple(cells / 2 for cells in self._doubled_orbits)

    @functools.cached_property
    def stabilisers(self) -> tuple[Group, ...]:
        """The subgroup that leaves the first cell of each filter's orbit in place."""
        return tuple(self.group.stabiliser(cells[0]) for cells in self._doubled_orbits)

    @functools.cached_property
    def pixel_orbits(self) -> tuple[Float[np.ndarray, "cells d"], ...]:
        """Every orbit of cells under the group, nearest to the centre first."""
        return tuple(cells / 2 for cells in _pixel_orbits(*self._cells))

    @functools.cached_property
    def polynomials(self) -> tuple[Any, ...]:
        """Each filter as a covariant polynomial of the offset x, y, z from the centre.

        The polynomial of lowest degree that equals the filter on the filter's orbit of
        cells (elsewhere the filter is zero). A sympy expression for scalars, else a
        sympy array with the filter's tensor axes.
        """
        flat = self.flat
        found = []
        for n, (cell, point) in enumerate(zip(*self.first_cells, strict=True)):
            labels, signs = flat
            value = np.where(labels[cell] == n, signs[cell], 0)
            found.append(interpolate(self.group, self.types, [point], [value]))
        return tuple(found)

    @functools.cached_property
    def operators(self) -> tuple[Operator, ...]:
        """The differential operator that each filter is to leading order."""
        return tuple(recognise(f, self.group, self.types) for f in self.array)

    @property
    def names(self) -> tuple[str, ...]:
        """What each filter does, such as `2 h gradient + O(h³)`."""
        return tuple(map(str, self.operators))

    def report(self) -> str:
        """The proof that the basis is complete and independent, and what is in it.

        Counts by signed orbits, by characters and by rank over the rationals; for each
        filter its polynomial and its name as a differential operator.
        """
        return "\n".join(
            [
                f"group                    {self.group}, order {self.group.order}",
                f"filters                  {types_text(self.types)} on {self._where}",
                f"orbits of pixels         {len(self.pixel_orbits)}",
                *(f"  {line}" for line in self._orbit_lines()),
                *(f"{what:<25}{number}" for what, number in self._counts().items()),
                *filter_lines(self),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """All of the report, and every filter as integers, as JSON can say it."""
        orbits = [
            {"cell": cell.tolist(), "cells": n, "stabiliser": order, "allows": allowed}
            for cell, n, order, allowed in self._orbit_rows()
        ]
        return {
            **filter_data(self),
            "max_radius": self.max_radius,
            "orbits": orbits,
            **{what.replace(" ", "_"): n for what, n in self._counts().items()},
        }

    def _counts(self) -> dict[str, int]:
        """The number of filters, found in three ways."""
        cells = self.window, self.max_radius
        return {
            "dimension by orbits": len(self),
            "dimension by characters": count_filters(self.group, self.types, *cells),
            "rank over the rationals": rank(sparse_rows(self.array)),
        }

    @property
    def places(self) -> tuple[str, ...]:
        """Where each filter lives: its distance from the centre and its first cell."""
        first = [cells[0] for cells in self.orbits]
        return tuple(f"r={radius_text(c)} {cell_text(c)}" for c in first)

    @property
    def _cells(self) -> tuple[Group, tuple[int, ...], float | int | None]:
        return self.group, self.window, self.max_radius

    @property
    def _where(self) -> str:
        radius = "" if self.max_radius is None else f", radius <= {self.max_radius:g}"
        return "x".join(map(str, self.window)) + radius

    def _orbit_lines(self) -> list[str]:
        return [
            f"{cell_text(cell)}: {n} x stabiliser of order {order}, allows {allowed}"
            for cell, n, order, allowed in self._orbit_rows()
        ]

    def _orbit_rows(self) -> list[tuple[np.ndarray, int, int, int]]:
        """Each orbit of cells: one cell, how many there are, the order of its
        stabiliser, and the tensors that it allows.
        """
        rows = []
        for cells in _pixel_orbits(*self._cells):
            stabiliser = self.group.stabiliser(cells[0])
            # A window of one cell: the tensors that the stabiliser leaves alone.
            allowed = count_filters(stabiliser, self.types, (1,) * len(self.window))
            rows.append((cells[0] / 2, len(cells), stabiliser.order, allowed))
        return rows

    @functools.cached_property
    def _doubled_orbits(self) -> tuple[Int[np.ndarray, "cells d"], ...]:
        orbit_of = {}
        for cells in _pixel_orbits(*self._cells):
            for cell in cells.tolist():
                orbit_of[tuple(cell)] = cells
        return tuple(orbit_of[point] for point in self.first_cells[1])

    @functools.cached_property
    def flat(self) -> tuple[np.ndarray, np.ndarray]:
        """Labels and signs as `(cells, components)`."""
        cells = math.prod(self.window)
        return self.labels.reshape(cells, -1), self.signs.reshape(cells, -1)

    @functools.cached_property
    def first_cells(self) -> tuple[list[int], list[tuple[int, ...]]]:
        """For each filter the cell of its representative, and twice its offset."""
        labels = self.flat[0]
        last = np.zeros(len(self) + 1, int)
        # Numpy keeps the last of repeated assignments: the cell of highest index.
        last[labels.ravel()] = np.repeat(np.arange(len(labels)), labels.shape[1])
        offsets = window_offsets(self.window)
        return last[:-1].tolist(), [tuple(o) for o in offsets[last[:-1]].tolist()]

    @property
    def num_spatial_dims(self) -> int:
        """The dimension d of the window."""
        return len(self.window)

    @functools.cached_property
    def num_filters(self) -> int:
        """The dimension of the space of invariant filters."""
        return int(self.labels.max(initial=-1)) + 1

    def __len__(self) -> int:
        return self.num_filters

    def __iter__(self):
        return iter(self.array)

    def __repr__(self) -> str:
        types = " <- ".join(map(str, self.types))
        window = "x".join(map(str, self.window))
        return f"FilterBank({self.group}, {types}, {window}: {len(self)} filters)"


@checked
def filter_basis(
    group: Group,
    type: "str | TensorType",
    size: "int | Sequence[int]",
    *,
    max_radius: float | int | None = None,
) -> FilterBank:
    """Every filter of one tensor type that the group leaves alone, as a basis.

    A filter C is a small image of tensors with `C(g x) = ρ(g) C(x)` for all g.

    **Arguments:**

    - `group`: a group of signed permutations.
    - `type`: what the filter is made of, such as `"1-"` for pseudovectors.
    - `size`: cells along each axis, odd or even; one number or one per axis.
    - `max_radius`: filters vanish on cells further than this from the centre, in cells.

    **Returns:** a bank whose `array` is int8 `(filters, *window, *tensor)` with entries
    -1, 0, +1. It may hold no filter at all: 3x3 has no pseudoscalar.

    **Raises:** `ValueError` if the group does not map the window to itself.
    """
    window = as_window(group, size)
    return _basis(group, (TensorType.parse(type),), window, _as_radius(max_radius))


@checked
def kernel_basis(
    group: Group,
    out_type: "str | TensorType",
    in_type: "str | TensorType",
    size: "int | Sequence[int]",
    *,
    max_radius: float | int | None = None,
) -> FilterBank:
    """Every kernel of a convolution from `in_type` to `out_type`, as a basis.

    A kernel K is a filter of type out ⊗ in: `K(g x) = ρ_out(g) K(x) ρ_in(g)ᵀ`. Its
    array has axes `(kernels, *window, *out tensor, *in tensor)`.

    **Arguments:** as of `filter_basis`, with two types.

    **Raises:** `ValueError` if the group does not map the window to itself.
    """
    types = (TensorType.parse(out_type), TensorType.parse(in_type))
    return _basis(group, types, as_window(group, size), _as_radius(max_radius))


@functools.lru_cache(maxsize=256)
def _pixel_orbits(
    group: Group, window: tuple[int, ...], max_radius: float | int | None
) -> tuple[np.ndarray, ...]:
    """Twice the offsets of each orbit of cells, the cell of highest index first."""
    cells = window_offsets(window)[within(window, max_radius)].tolist()
    orbits = {group.orbit(cell)[::-1] for cell in cells}
    ordered = sorted(orbits, key=lambda orbit: (sum(x * x for x in orbit[0]), orbit))
    return tuple(_read_only(np.array(orbit)) for orbit in ordered)


def _as_radius(max_radius: float | int | None) -> float | None:
    if max_radius is not None and not max_radius >= 0:
        raise ValueError(
            f"`max_radius` must be a distance in cells, 0 or more, got {max_radius}."
        )
    return None if max_radius is None else float(max_radius)


@functools.lru_cache(maxsize=256)
def _basis(
    group: Group,
    types: tuple[TensorType, ...],
    window: tuple[int, ...],
    max_radius: float | int | None,
) -> FilterBank:
    d = group.num_spatial_dims
    shapes = [tensor_type.tensor_shape(d) for tensor_type in types]
    shape = (*window, *(n for tensor in shapes for n in tensor))
    num_pairs = math.prod(shape)
    if num_pairs > MAX_PAIRS:
        raise ValueError(
            f"A window {window} of {' ⊗ '.join(map(str, types))} has {num_pairs:.1e} "
            f"entries, more than {MAX_PAIRS:.0e}. Use a smaller size or order."
        )
    moves = pair_moves(
        group, types, math.prod(window), functools.partial(_move_cells, window)
    )
    labels, signs = signed_orbits(num_pairs, moves)
    if max_radius is not None:
        inside = np.repeat(within(window, max_radius), num_pairs // math.prod(window))
        labels, signs = np.where(inside, labels, -1), np.where(inside, signs, 0)
    labels = _ordered_by_radius(labels, window)
    bank = FilterBank(
        group,
        types,
        window,
        max_radius,
        _read_only(labels.reshape(shape)),
        _read_only(signs.reshape(shape).astype(np.int8)),
    )
    expected = count_filters(group, types, window, max_radius)
    assert len(bank) == expected, (
        f"{bank}: {len(bank)} orbits, but {expected} by characters"
    )
    return bank


def _move_cells(window: tuple[int, ...], permutation: tuple, signs: tuple) -> Move:
    """`(target, sign)`: where a group element takes each cell of the window."""
    offsets = window_offsets(window)
    moved = offsets[:, list(permutation)] * np.asarray(signs)
    cells = (moved + np.asarray(window) - 1) // 2
    target = np.asarray(np.ravel_multi_index(tuple(cells.T), window))
    return target, np.ones(len(target), int)


def _ordered_by_radius(
    representatives: np.ndarray, window: tuple[int, ...]
) -> np.ndarray:
    """Numbers the orbits 0, 1, …: nearest to the centre first, then by position."""
    found = np.unique(representatives[representatives >= 0])
    per_cell = len(representatives) // math.prod(window)
    radii = (window_offsets(window) ** 2).sum(axis=1)[found // per_cell]
    ordered = found[np.lexsort((found, radii))]
    rank = np.full(len(representatives) + 1, -1)
    rank[ordered] = np.arange(len(ordered))
    return rank[representatives]


def _read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
