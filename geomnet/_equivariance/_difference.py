"""How far two fields differ, entry by entry."""

import dataclasses

import jax.numpy as jnp
import numpy as np

from ._field import Field, widened

# An entry that is smaller than this part of the largest one is measured against that
# part: it carries the rounding of the sums that it shares with the others.
_SMALLEST_PART = 0.1

# Roundings of the largest input that a sum which cancels leaves.
_CANCELLED = 16


@dataclasses.dataclass(frozen=True)
class Difference:
    """Where two fields differ most, and by how much."""

    relative: float
    entry: str
    batch: tuple[int, ...]
    cell: tuple[int, ...]


def difference(found: Field, expected: Field, zero: float = 0.0) -> Difference:
    """How far `found` is from `expected`, relative to the largest of each entry.

    Where both are nowhere larger than `zero`, they are equal: sums that cancel.

    **Raises:** `ValueError` if the shapes differ.
    """
    if found.array.shape != expected.array.shape:
        raise ValueError(
            f"f(g·x) has shape {found.array.shape}, g·f(x) {expected.array.shape}: the "
            "grid is not moved with the image."
        )
    wide = widened(expected.array)
    distance = np.abs(widened(found.array) - wide)
    largest = np.abs(wide).max(initial=0)
    worst = Difference(0.0, str(expected.signature.entries[0]), (), ())
    if largest <= zero and np.abs(found.array).max(initial=0) <= zero:
        return worst
    slices = expected.signature.slices(expected.num_spatial_dims)
    for entry, where in zip(expected.signature, slices, strict=True):
        part = distance[..., where]
        scale = max(np.abs(wide[..., where]).max(initial=0), _SMALLEST_PART * largest)
        *place, _ = np.unravel_index(
            np.argmax(np.where(np.isnan(part), np.inf, part)), part.shape
        )
        relative = float(part[tuple(place)].max()) / float(scale if scale > 0 else 1.0)
        if not relative <= worst.relative or not worst.cell:
            cut = len(place) - expected.num_spatial_dims
            cell = tuple(map(int, place))
            worst = Difference(relative, str(entry), cell[:cut], cell[cut:])
        if np.isnan(relative):
            break
    return worst


def cancelled(x: Field) -> float:
    """Results no larger than this are the rounding of sums of `x` that cancel."""
    if not np.issubdtype(x.array.dtype, np.inexact) and x.array.dtype.kind != "V":
        return 0.0
    eps = float(jnp.finfo(x.array.dtype).eps)
    return _CANCELLED * eps * float(np.abs(widened(x.array)).max(initial=0))
