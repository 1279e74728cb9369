"""Subspaces of a filter bank: traceless filters, and those that any rotation keeps.

Their bases are not orbit sums but combinations of them with whole-number coefficients.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Int

from .._arguments import checked
from .._group import Group
from .._signature import TensorType
from ._bank import FilterBank
from ._covariant_basis import monomial_exponents
from ._differential_operator import Operator, recognise
from ._invariants import interpolate
from ._isotropic import isotropic_products
from ._rational import Row, null_space, primitive, reduced_rows
from ._window import window_offsets
from ._words import filter_data, filter_lines, types_text


@dataclasses.dataclass(frozen=True, eq=False)
class FilterSubspace:
    """Some of the invariant filters: exact combinations of the filters of a `bank`.

    The basis is canonical: the reduced row echelon form of `coefficients`, each row
    scaled to whole numbers without common factor, the first one positive.
    """

    bank: FilterBank
    what: str
    """The property that defines the subspace, for printing."""
    coefficients: Int[np.ndarray, "subspace filters"]
    """Each basis filter as a combination of the bank's."""

    @functools.cached_property
    def array(self) -> Int[np.ndarray, " subspace *window_and_tensor"]:
        """Every filter as whole numbers, `(filters, *window, *tensor)`."""
        array = np.tensordot(self.coefficients, self.bank.array.astype(np.int64), 1)
        array.setflags(write=False)
        return array

    @property
    def group(self) -> Group:
        """The group that leaves the filters alone."""
        return self.bank.group

    @property
    def types(self) -> tuple[TensorType, ...]:
        """One type for a filter, `(out, in)` for a kernel."""
        return self.bank.types

    @property
    def window(self) -> tuple[int, ...]:
        """Cells along each axis."""
        return self.bank.window

    @property
    def places(self) -> tuple[str, ...]:
        """Where each filter lives: the bank's places that it combines."""
        return tuple(
            ", ".join(dict.fromkeys(self.bank.places[n] for n in np.flatnonzero(row)))
            for row in self.coefficients
        )

    @functools.cached_property
    def polynomials(self) -> tuple[Any, ...]:
        """Each filter as the covariant polynomial of lowest degree on its cells."""
        labels, signs = self.bank.flat
        cells, points = self.bank.first_cells
        found = []
        for row in self.coefficients:
            # One cell of each orbit of pixels determines the filter.
            at = dict.fromkeys((cells[n], points[n]) for n in np.flatnonzero(row))
            padded = np.append(row, 0)
            values = [padded[labels[cell]] * signs[cell] for cell, _ in at]
            found.append(
                interpolate(self.group, self.types, [p for _, p in at], values)
            )
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
        """What the subspace is, and each of its filters."""
        window = "x".join(map(str, self.window))
        return "\n".join(
            [
                f"group                    {self.group}, order {self.group.order}",
                f"filters                  {types_text(self.types)} on {window}",
                f"subspace                 {self.what}",
                f"dimension                {len(self)} of {len(self.bank)}",
                *filter_lines(self),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """All of the report, and every filter as integers, as JSON can say it."""
        dimensions = {"dimension": len(self), "dimension_of_bank": len(self.bank)}
        return {**filter_data(self), "subspace": self.what, **dimensions}

    def __len__(self) -> int:
        return len(self.coefficients)

    def __iter__(self):
        return iter(self.array)

    def __repr__(self) -> str:
        return f"FilterSubspace({self.what}: {len(self)} of {self.bank})"


Space: TypeAlias = FilterBank | FilterSubspace


@checked
def traceless(space: Space) -> FilterSubspace:
    """The filters whose traces over any two indices of one tensor vanish.

    **Arguments:**

    - `space`: a bank, or a subspace such as `isotropic(bank)`.

    **Raises:** `ValueError` if no type of the bank has two indices.
    """
    bank, rows = _bank_and_rows(space)
    if all(t.order < 2 for t in bank.types):
        raise ValueError(
            f"`space` has types {types_text(bank.types)}: a trace needs two indices. "
            "Use a type of order 2 or more, such as '2s+'."
        )
    # As conditions on the coefficients within `space`.
    inner = [
        {
            i: value
            for i, row in enumerate(rows)
            if (value := sum(row.get(n, 0) * v for n, v in condition.items()))
        }
        for condition in _trace_conditions(bank)
    ]
    found = []
    for combination in null_space(inner, len(rows)):
        total: Row = {}
        for i, weight in combination.items():
            for n, value in rows[i].items():
                total[n] = total.get(n, Fraction(0)) + weight * value
        found.append(total)
    return _subspace(bank, _what(space, "traceless"), found)


def isotropic(bank: Space) -> FilterSubspace:
    """The filters that sample a tensor field which every rotation and reflection keeps.

    A function of the distance times a product of offsets, δ and, for odd parity, ε:
    the same function on all cells of one distance, free from one distance to the next.

    **Raises:** `ValueError` if `bank` is a subspace: use `traceless(isotropic(bank))`.
    """
    if not isinstance(bank, FilterBank):
        raise ValueError(
            f"`bank` must be a FilterBank, got {bank!r}. Other conditions go outside: "
            "`traceless(isotropic(bank))`."
        )
    d = bank.num_spatial_dims
    offsets = window_offsets(bank.window)
    cells, points = bank.first_cells
    labels, signs = bank.flat
    # A filter's value at its representative pair is its coefficient.
    places = [
        (cell, int(np.flatnonzero(labels[cell] == n)[-1]))
        for n, cell in enumerate(cells)
    ]
    shells: dict[int, list[int]] = {}
    for n, point in enumerate(points):
        shells.setdefault(sum(x * x for x in point), []).append(n)
    found = []
    for filters in shells.values():
        for degree, product in isotropic_products(d, bank.types):
            exponents = monomial_exponents(d, degree)
            row = {}
            for n in filters:
                cell, component = places[n]
                monomials = (offsets[cell] ** exponents).prod(axis=1)
                value = int(monomials @ product[:, component])
                row[n] = Fraction(value * int(signs[cell, component]))
            found.append(row)
    return _subspace(bank, "isotropic", found)


def _trace_conditions(bank: FilterBank) -> Iterable[dict[int, int]]:
    """For each cell and each pair of indices to contract, sums that must vanish."""
    d = bank.num_spatial_dims
    labels, signs = bank.flat
    shape = (d,) * sum(t.order for t in bank.types)
    components = np.arange(math.prod(shape)).reshape(shape)
    axis = 0
    for tensor_type in bank.types:
        axes = range(axis, axis + tensor_type.order)
        for a, b in itertools.combinations(axes, 2):
            # `(d, rest)`: the diagonal of two axes, for every value of the others.
            diagonal = np.diagonal(components, axis1=a, axis2=b).reshape(-1, d).T
            for cell in dict.fromkeys(bank.first_cells[0]):
                for rest in diagonal.T:
                    condition: dict[int, int] = {}
                    for component in rest:
                        n = int(labels[cell, component])
                        if n >= 0:
                            value = int(signs[cell, component])
                            condition[n] = condition.get(n, 0) + value
                    yield condition
        axis += tensor_type.order


def _bank_and_rows(space: Space) -> tuple[FilterBank, list[Row]]:
    if isinstance(space, FilterBank):
        return space, [{n: Fraction(1)} for n in range(len(space))]
    rows = [
        {int(n): Fraction(int(row[n])) for n in np.flatnonzero(row)}
        for row in space.coefficients
    ]
    return space.bank, rows


def _subspace(bank: FilterBank, what: str, rows: list[Row]) -> FilterSubspace:
    basis = [primitive(row, len(bank)) for row in reduced_rows(rows)]
    coefficients = np.array(basis, dtype=np.int64).reshape(len(basis), len(bank))
    coefficients.setflags(write=False)
    return FilterSubspace(bank, what, coefficients)


def _what(space: Space, what: str) -> str:
    return f"{what}, {space.what}" if isinstance(space, FilterSubspace) else what
