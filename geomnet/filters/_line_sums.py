"""Filters in one dimension more, from their sums along the new axis.

A field that is constant along the last axis sees only the line sums of a filter: what
its cells add up to along that axis. `lift` finds a filter of given line sums, and says
which there are none of.
"""

import dataclasses
import functools
import math

import numpy as np
from jaxtyping import Float

from ._bank import FilterBank
from ._subspaces import isotropic

# The equations are small whole numbers: what is left by rounding is far smaller.
_ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True, eq=False)
class Lift:
    """Filters in d + 1 dimensions for the filters of a bank in d."""

    matrix: Float[np.ndarray, "target_filters source_filters"]
    """Each source filter's counterpart, as coefficients on the target's bank."""
    missed: Float[np.ndarray, "conditions source_filters"]
    """What the counterparts fail to do; exactly zero where they do all."""


@functools.lru_cache(maxsize=64)
def lift(
    source: FilterBank, target: FilterBank, stride: int = 1, dilation: int = 1
) -> Lift:
    """The filters of `target` whose line sums are the filters of `source`.

    Restricted to inputs without components along the last axis, the sums along that
    axis are to be the source filter, and zero where the output has components along it.
    Of all solutions it is the one that is nearest to being `isotropic`, and of those
    the smallest. Its leading differential operator is then the source filter's, where
    that is one that all rotations keep.

    **Arguments:**

    - `source`, `target`: one type or pair of types in d and d + 1 dimensions; the
        windows agree along the first d axes.
    - `stride`, `dilation`: of a transposed convolution, where each cell sees one tap in
        every `stride`: the sums over each such set are to be the source filter.
    """
    wanted = _wanted(source, stride)
    sums = _line_sums(target, stride, dilation)
    # Filters of unit length: supports are disjoint, so lengths add in squares.
    length = np.sqrt(np.abs(_columns(target.array)).sum(axis=0))
    sums = sums / length
    near, far = _split(isotropic(target).coefficients * length)
    by_near, by_far = sums @ near, sums @ far
    beyond = np.eye(len(sums)) - by_near @ _inverse(by_near)
    far_part = _inverse(beyond @ by_far) @ (beyond @ wanted)
    near_part = _inverse(by_near) @ (wanted - by_far @ far_part)
    scaled = near @ near_part + far @ far_part
    return Lift(_clean(scaled / length[:, None]), _clean(sums @ scaled - wanted))


def _line_sums(bank: FilterBank, stride: int, dilation: int) -> np.ndarray:
    """`(conditions, filters)`: by set of taps, cell, output and input component."""
    d = bank.num_spatial_dims
    residue = np.arange(bank.window[-1]) * dilation % stride
    array = bank.array.astype(np.float64)
    sums = np.stack(
        [array.compress(residue == r, axis=d).sum(axis=d) for r in range(stride)],
        axis=1,
    )
    for axis in range(1, sum(t.order for t in bank.types[1:]) + 1):
        sums = sums.take(np.arange(d - 1), axis=-axis)
    return _columns(sums)


def _wanted(bank: FilterBank, stride: int) -> np.ndarray:
    """The bank's filters as such conditions; no component along the last axis."""
    outputs = bank.types[0].order
    inputs = sum(t.order for t in bank.types[1:])
    widths = [(0, 0)] * (1 + bank.num_spatial_dims)
    widths += [(0, 1)] * outputs + [(0, 0)] * inputs
    padded = np.pad(bank.array.astype(np.float64), widths)
    return _columns(np.repeat(padded[:, None], stride, axis=1))


def _columns(filters: np.ndarray) -> np.ndarray:
    """One column per filter, even where there is none."""
    return filters.reshape(len(filters), math.prod(filters.shape[1:])).T


def _split(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal columns that span the rows, and columns for all the rest."""
    _, singular, basis = np.linalg.svd(rows.astype(np.float64), full_matrices=True)
    rank = int((singular > _ROUNDING).sum())
    return basis[:rank].T, basis[rank:].T


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """The inverse on the range, zero elsewhere (Moore-Penrose)."""
    return np.linalg.pinv(_clean(matrix), rcond=_ROUNDING)


def _clean(matrix: np.ndarray) -> np.ndarray:
    """Without what is zero but for rounding."""
    return np.where(np.abs(matrix) < _ROUNDING, 0.0, matrix)
