"""How far a map is from commuting with each group element, and with translations."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._arguments import checked
from .._group import Group, Matrix, as_matrix, trivial
from .._signature import Signature
from ._callables import Map
from ._difference import Difference, cancelled, difference
from ._field import Field, widened
from ._field_map import FieldMap
from ._motion import Motion
from ._tolerance import lower_precision

# The part of a result that a rounding of the input may change at most.
_STEADY = 0.2


@dataclasses.dataclass(frozen=True)
class Deviation:
    """How far one map is from commuting with one group element."""

    element: Matrix
    """The group element, a signed permutation matrix."""
    relative: float
    """`max |f(g·x) - g·f(x)| / max |f(x)|`, both of the worst entry; an entry that is
    smaller than a tenth of the largest is measured against that tenth."""
    entry: str
    """The entry of the output's signature where it is largest."""
    cell: tuple[int, ...]
    """The cell of `f(g·x)` where it is largest."""
    batch: tuple[int, ...] = ()
    """The place on the leading axes where it is largest."""


@checked
def equivariance_errors(
    f: Map,
    x: Any,
    group: Group | None = None,
    *,
    in_signature: "Signature | str | None" = None,
    out_signature: "Signature | str | None" = None,
    feature_axis: int = -1,
    elements: int | None = None,
) -> list[Deviation]:
    """The relative error of every element of the group, the identity first.

    The identity's error is zero unless f gives another result each time.

    **Arguments:**

    - `f`: any callable of one argument: a module, a function on images or arrays, a
        solver's step. Compiled with `equinox.filter_jit` where JAX can trace it.
    - `x`: an image; an array `(*batch, *grid, features)`, for a single scalar also
        `grid` alone; a mapping, tuple, dataclass
        or module of arrays, one for each entry of `in_signature` (a vector's components
        last, or as a tuple). With leading batch axes f must take them, as
        `jax.vmap(net)` does. Grids that are not square see exchanged axes.
    - `group`: by default what f says, `f.equivariant_under(grid)` or else `f.group`.
    - `in_signature`, `out_signature`: what `x` and `f(x)` hold, where they are not
        images and f does not say so; `out_signature` is by default `in_signature`. An
        output without grid axes, such as an energy, is one tensor for the whole grid.
    - `feature_axis`: the axis of arrays that holds the features; 0 for channels first.
    - `elements`: check only so many: the generators, which suffice up to the number of
        roundings, and a fixed sample of the others.

    **Raises:** `ValueError` if no group is known, or a signature is missing or does not
    fit; `TypeError` if f gives no image of an image and no `out_signature` is given.

    Measured as f runs: what rounding explains of it is `tolerance_for` the dtype, and
    `jax.default_matmul_precision("highest")` around it makes products full.
    """
    field_map = FieldMap(f, x, group, in_signature, out_signature, feature_axis)
    unmoved = Unmoved.of(field_map, field_map(field_map.start))
    return deviations_of(unmoved, chosen_elements(field_map.group, elements))


@checked
def equivariance_error(
    f: Map, x: Any, group: Group | None = None, **arguments: Any
) -> float:
    """The largest relative error over the group: rounding if f is equivariant.

    **Arguments:** as in `equivariance_errors`; `arguments` are those given by name.

    **Raises:** `ValueError` and `TypeError` as `equivariance_errors`.
    """
    errors = equivariance_errors(f, x, group, **arguments)
    return worst_of(errors).relative


@checked
def translation_error(
    f: Map,
    x: Any,
    shift: Sequence[int],
    *,
    group: Group | None = None,
    in_signature: "Signature | str | None" = None,
    out_signature: "Signature | str | None" = None,
    feature_axis: int = -1,
) -> float:
    """`max |f(Tx) - T f(x)| / max |f(x)|` for the shift T on the torus.

    **Arguments:** as in `equivariance_errors`, and

    - `shift`: cells of the input along each axis. Where f changes the grid, each must
        be a multiple of the ratio, so that the output moves by whole cells.
    - `group`: only its number of dimensions counts; needed where neither `x` nor f
        tells.

    **Raises:** `ValueError` if no dimension is known, a signature is missing or does
    not fit, or the shift does not fit the grids; `TypeError` for another kind of
    argument.
    """
    if group is None:
        group = _group_for_dims(f, x)
    field_map = FieldMap(f, x, group, in_signature, out_signature, feature_axis)
    unmoved = Unmoved.of(field_map, field_map(field_map.start))
    return shift_deviation(unmoved, tuple(shift)).relative


@dataclasses.dataclass(frozen=True)
class Unmoved:
    """What a map gives for the input as it is: computed once, for all comparisons."""

    field_map: FieldMap
    y: Field
    """`f(x)`."""
    zero: float
    """Results no larger than this are what sums that cancel leave."""

    @staticmethod
    def of(field_map: FieldMap, y: Field) -> "Unmoved":
        """From a map and what it gives for its start."""
        return Unmoved(field_map, y, _rounding(field_map, y))

    @property
    def x(self) -> Field:
        """The input."""
        return self.field_map.start

    @property
    def dtype(self) -> Any:
        """Whose rounding counts: the input's or the output's."""
        return lower_precision(self.x.array.dtype, self.y.array.dtype)


def deviations_of(
    unmoved: Unmoved,
    elements: np.ndarray,
    call: Callable[[Field], Field] | None = None,
) -> list[Deviation]:
    """How far a map is from commuting with each of `elements`.

    **Arguments:** `call` computes what the map gives, for a caller who also watches
    what happens inside; by default the map itself.
    """
    call = unmoved.field_map if call is None else call
    return [
        _deviation(
            element,
            difference(
                _of_moved(unmoved, call, element),
                unmoved.y.moved(element),
                unmoved.zero,
            ),
        )
        for element in elements
    ]


def shift_deviation(unmoved: Unmoved, shift: tuple[int, ...]) -> Deviation:
    """How far a map is from commuting with one translation: `element` is the identity.

    **Raises:** `ValueError` if the output would move by a fraction of a cell.
    """
    x = unmoved.x
    if len(shift) != len(x.grid):
        raise ValueError(
            f"`shift` {shift} must have one number for each of the {len(x.grid)} axes."
        )
    motion = Motion(x.grid, shift=shift)
    expected = motion(unmoved.y)
    found = difference(unmoved.field_map(motion(x)), expected, unmoved.zero)
    return _deviation(np.eye(len(shift), dtype=int), found)


def chosen_elements(group: Group, number: int | None) -> np.ndarray:
    """All elements, or the identity, the generators and a fixed sample of the
    others.
    """
    if number is None or number >= group.order:
        return group.elements
    if number < 1:
        raise ValueError(f"`elements` must be 1 or more, got {number}.")
    first = [as_matrix(group.elements[0]), *group.generators]
    others = [g for g in map(as_matrix, group.elements) if g not in first]
    order = np.random.default_rng(0).permutation(len(others))
    missing = max(0, number - len(first))
    return np.array(first + [others[i] for i in order[:missing]])


def worst_of(deviations: Sequence[Deviation]) -> Deviation:
    """The one with the largest relative error; NaN is larger than all."""
    return max(
        deviations, key=lambda d: float("inf") if np.isnan(d.relative) else d.relative
    )


def _group_for_dims(f: Map, x: Any) -> Group | None:
    dims = getattr(x, "num_spatial_dims", None)
    return trivial(dims) if isinstance(dims, int) else None


def _deviation(element: np.ndarray, found: Difference) -> Deviation:
    return Deviation(
        as_matrix(element), found.relative, found.entry, found.cell, found.batch
    )


def _rounding(field_map: FieldMap, y: Field) -> float:
    """Results no larger than this are what sums that cancel leave.

    Small results may also be right to the last bit: those hardly move when the input
    does by a rounding, and what cancels moves by as much as it is large.
    """
    x = field_map.start
    zero = cancelled(x)
    largest = np.abs(widened(y.array)).max(initial=0)
    if not 0 < largest <= zero:
        return zero
    rounding = float(jnp.finfo(x.array.dtype).eps)
    signs = np.random.default_rng(0).choice((-1, 1), x.array.shape)
    nearby = (widened(x.array) * (1 + rounding * signs)).astype(x.array.dtype)
    moved = np.abs(widened(field_map(x.with_array(nearby)).array - y.array)).max()
    return 0.0 if moved < _STEADY * largest else zero


def _of_moved(
    unmoved: Unmoved, call: Callable[[Field], Field], element: np.ndarray
) -> Field:
    x, moved = unmoved.x, unmoved.x.moved(element)
    try:
        return call(moved)
    except Exception as refusal:
        if moved.grid == x.grid:
            raise
        raise ValueError(
            f"{unmoved.field_map.name} takes `x` on the grid {x.grid}, but not g·x on "
            f"{moved.grid}. Where f is made for one grid, give it sides of one length, "
            "or a `group` that exchanges no axes, such as `geomnet.reflections(2)`. It "
            f"said: {refusal}"
        ) from refusal
