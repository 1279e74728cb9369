"""The one check for a test: fails with the element, the place and the guilty layer."""

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._arguments import checked
from .._equivariance._callables import Map, unwrapped
from .._equivariance._deviation import (
    Deviation,
    Unmoved,
    chosen_elements,
    deviations_of,
    shift_deviation,
    worst_of,
)
from .._equivariance._explained import explained
from .._equivariance._field import widened
from .._equivariance._field_map import FieldMap
from .._equivariance._motion import Motion
from .._equivariance._products import products_in, products_in_words
from .._equivariance._program import is_traceable, narrowing_casts
from .._equivariance._tolerance import like_fewer_bits
from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ..models import GroupAverage
from ._guilty_layer import guilty_sentence

# An average of so many roundings of its terms is nothing but rounding.
_ROUNDINGS = 16


@checked
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
    precision: str | None = "highest",
) -> None:
    """Fails unless `f(g·x) = g·f(x)` to rounding for every element of the group.

    **Arguments:** as in `equivariance_errors`, and

    - `shift`: check translations of the torus too: by so many cells along each axis in
        turn and along all at once, or by one number per axis. A network that halves its
        grid n times commutes with shifts by `2**n`.
    - `tolerance`: the largest relative error to accept. By default that of the lower
        precision of `x` and `f(x)` in `TOLERANCES`, and more for programs with products
        of fewer bits, as they are measured on this backend, with more than 64 sums
        (convolutions, matrix products, means) in a row, or that enlarge a rounding of
        their input.
    - `precision`: of products and convolutions that name none, as in
        `jax.default_matmul_precision`. In full, or a GPU or TPU would hide faults of a
        few parts in a thousand; `None` checks f as the process runs it.

    **Raises:** `AssertionError` that states the element or shift, the entry, the error,
    the cell and, for modules and functions around modules, the first layer that does
    not commute with it; `ValueError` if no group is known, a signature is missing or
    does not fit, or there is no such precision.
    """
    # What pytest shows is the test and the message, not this source.
    __tracebackhide__ = True
    field_map = FieldMap(f, x, group, in_signature, out_signature, feature_axis)
    with products_in(precision):
        _assert_commutes(field_map, elements, shift, tolerance)


def _assert_commutes(
    field_map: FieldMap,
    elements: int | None,
    shift: int | Sequence[int] | None,
    tolerance: float | None,
) -> None:
    __tracebackhide__ = True
    y = field_map(field_map.start)
    if not np.isfinite(widened(y.array)).all():
        raise AssertionError(
            f"{field_map.name} gives NaN or infinity for `x` itself: there is nothing "
            "to compare."
        )
    unmoved = Unmoved.of(field_map, y)

    @functools.lru_cache(maxsize=8)
    def allowed(found: Deviation) -> float:
        if tolerance is not None:
            return tolerance
        return explained(unmoved, found.relative)

    chosen = chosen_elements(field_map.group, elements)
    worst = worst_of(deviations_of(unmoved, chosen))
    if not worst.relative <= allowed(worst):
        of = f" ({len(chosen)} of {field_map.group.order} elements checked)"
        motion = Motion(field_map.start.grid, np.asarray(worst.element))
        raise AssertionError(
            f"{field_map.name} does not commute with {field_map.group}: for g = "
            f"{[list(row) for row in worst.element]} {_how_far(worst, allowed(worst))}"
            f"{of if len(chosen) < field_map.group.order else ''}. "
            + _why(unmoved, motion, worst, allowed(worst))
        )
    for cells in _shifts(shift, field_map.start.num_spatial_dims):
        found = shift_deviation(unmoved, cells)
        if not found.relative <= allowed(found):
            motion = Motion(field_map.start.grid, shift=cells)
            raise AssertionError(
                f"{field_map.name} does not commute with translations of the torus: "
                f"for a shift by {cells} cells {_how_far(found, allowed(found))}. "
                + _why(unmoved, motion, found, allowed(found))
                + " Look for a boundary that is not periodic, an embedding of "
                "positions, or a grid that is halved more often than the shift allows."
            )


def _how_far(found: Deviation, tolerance: float) -> str:
    batch = f" of sample {found.batch}" if found.batch else ""
    return (
        f"the relative error is {found.relative:.1e} (tolerance {tolerance:.0e}, "
        f"products {products_in_words()}), worst in entry '{found.entry}' "
        f"at cell {found.cell}{batch}"
    )


def _why(unmoved: Unmoved, motion: Motion, found: Deviation, tolerance: float) -> str:
    """The first guilty layer or line, and what the size of the error tells."""
    field_map = unmoved.field_map
    x = field_map.given(unmoved.x)
    sample = unmoved.x.with_array(unmoved.x.array[found.batch])
    if text := _nothing_left(unwrapped(field_map.f), field_map.given_one(sample)):
        return text
    text = guilty_sentence(field_map, motion, tolerance, found.batch)
    if casts := narrowing_casts(field_map.f, x):
        return f"{text} It computes with fewer bits inside: {'; '.join(casts)}."
    lower = like_fewer_bits(found.relative, unmoved.dtype)
    if lower and not is_traceable(field_map.f, x):
        return (
            f"{text} The error is above the rounding of {unmoved.dtype}, but no "
            f"larger than that of {lower}: look for a cast to fewer bits first."
        )
    return text


def _nothing_left(f: Any, x: Any) -> str:
    """Says so where an average over the group is rounding of its terms."""
    if not isinstance(f, GroupAverage) or not isinstance(x, GeometricImage):
        return ""
    share = float(f.share(x))
    if not share < _ROUNDINGS * float(jnp.finfo(x.dtype).eps):
        return ""
    return (
        f"The average is rounding: it is {share:.0e} of what it is the mean of, so the "
        f"model has no part that commutes with {f.group}. Give it a larger window, "
        "more types, or a smaller group."
    )


def _shifts(shift: int | Sequence[int] | None, d: int) -> list[tuple[int, ...]]:
    if shift is None:
        return []
    if not isinstance(shift, int):
        return [tuple(shift)]
    axes = [tuple(shift if i == axis else 0 for i in range(d)) for axis in range(d)]
    return axes + ([(shift,) * d] if d > 1 else [])
