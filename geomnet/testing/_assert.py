"""The one check for a test: fails with the element, the place and the guilty layer."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._group import Group
from .._signature import Signature
from ._adapter import FieldMap, Map
from ._errors import (
    EquivarianceError,
    chosen_elements,
    errors_of,
    shift_error,
    worst_of,
)
from ._guilty import guilty_sentence
from ._moving import Motion, widened
from ._program import is_traceable, narrowing_casts, rounding_depth
from ._tolerance import like_fewer_bits, lower_precision, tolerance_for


def assert_equivariant(
    f: Map,
    x: Any,
    group: Group | None = None,
    *,
    in_signature: "Signature | str | None" = None,
    out_signature: "Signature | str | None" = None,
    feature_axis: int = -1,
    elements: int | None = None,
    shift: int | Sequence[int] | None = None,
    tolerance: float | None = None,
) -> None:
    """Fails unless `f(g·x) = g·f(x)` to rounding for every element of the group.

    **Arguments:** as in `equivariance_errors`, and

    - `shift`: check translations of the torus too: by so many cells along each axis in
        turn and along all at once, or by one number per axis. A network that halves its
        grid n times commutes with shifts by `2**n`.
    - `tolerance`: the largest relative error to accept. By default that of the lower
        precision of `x` and `f(x)` in `TOLERANCES`, and more for programs with more
        than 64 sums (convolutions, matrix products, means) in a row.

    **Raises:** `AssertionError` that states the element or shift, the entry, the error,
    the cell and, for modules and functions around modules, the first layer that does
    not commute with it; `ValueError` if no group is known, or a signature is missing or
    does not fit.
    """
    field_map = FieldMap(f, x, group, in_signature, out_signature, feature_axis)
    x_field = field_map.start
    y_field = field_map(x_field)
    if not np.isfinite(widened(y_field.array)).all():
        raise AssertionError(
            f"{field_map.name} gives NaN or infinity for `x` itself: there is nothing "
            "to compare."
        )
    allowed = _Allowed(field_map, x, y_field.array.dtype, tolerance)
    chosen = chosen_elements(field_map.group, elements)
    worst = worst_of(errors_of(field_map, chosen))
    if not allowed(worst.relative):
        of = f" ({len(chosen)} of {field_map.group.order} elements checked)"
        raise AssertionError(
            f"{field_map.name} does not commute with {field_map.group}: for g = "
            f"{[list(row) for row in worst.element]} {_how_far(worst, allowed)}"
            f"{of if len(chosen) < field_map.group.order else ''}. "
            + _why(
                field_map,
                Motion(x_field.grid, np.asarray(worst.element)),
                worst,
                allowed,
            )
        )
    for cells in _shifts(shift, x_field.num_spatial_dims):
        error = shift_error(field_map, cells)
        if not allowed(error.relative):
            raise AssertionError(
                f"{field_map.name} does not commute with translations of the torus: "
                f"for a shift by {cells} cells {_how_far(error, allowed)}. "
                + _why(field_map, Motion(x_field.grid, shift=cells), error, allowed)
                + " Look for a boundary that is not periodic, an embedding of "
                "positions, or a grid that is halved more often than the shift allows."
            )


class _Allowed:
    """Whether rounding explains an error; the depth is counted only if it matters."""

    def __init__(self, field_map: FieldMap, x: Any, dtype: Any, given: float | None):
        self._field_map, self._x = field_map, x
        self._is_given = given is not None
        self.dtype = lower_precision(field_map.start.array.dtype, dtype)
        self.tolerance = tolerance_for(self.dtype) if given is None else given

    def __call__(self, relative: float) -> bool:
        if not relative <= self.tolerance and not self._is_given:
            depth = rounding_depth(self._field_map.f, self._x)
            self.tolerance = tolerance_for(self.dtype, depth)
            self._is_given = True
        return bool(relative <= self.tolerance)


def _how_far(error: EquivarianceError, allowed: _Allowed) -> str:
    batch = f" of sample {error.batch}" if error.batch else ""
    return (
        f"the relative error is {error.relative:.1e} (tolerance "
        f"{allowed.tolerance:.0e}), worst in entry '{error.entry}' at cell "
        f"{error.cell}{batch}"
    )


def _why(
    field_map: FieldMap, motion: Motion, error: EquivarianceError, allowed: _Allowed
) -> str:
    """The first guilty layer or line, and what the size of the error tells."""
    text = guilty_sentence(field_map, motion, allowed.tolerance, error.batch)
    x = field_map.given(field_map.start)
    if casts := narrowing_casts(field_map.f, x):
        return f"{text} It computes with fewer bits inside: {'; '.join(casts)}."
    lower = like_fewer_bits(error.relative, allowed.dtype)
    if lower and not is_traceable(field_map.f, x):
        return (
            f"{text} The error is above the rounding of {allowed.dtype}, but no larger "
            f"than that of {lower}: look for a cast to fewer bits first."
        )
    return text


def _shifts(shift: int | Sequence[int] | None, d: int) -> list[tuple[int, ...]]:
    if shift is None:
        return []
    if not isinstance(shift, int):
        return [tuple(shift)]
    axes = [tuple(shift if i == axis else 0 for i in range(d)) for axis in range(d)]
    return axes + ([(shift,) * d] if d > 1 else [])
