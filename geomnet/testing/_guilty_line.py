"""The first line of a plain function at which it stops commuting with a motion.

Nobody has declared the types of the values inside. But a group element leaves the size
of all features of a cell together alone, so sizes must move with the grid.
"""

import numpy as np

from .._equivariance._difference import difference
from .._equivariance._field import Field
from .._equivariance._field_map import FieldMap
from .._equivariance._motion import Motion
from .._equivariance._program import run_in_steps
from .._signature import Signature


def guilty_line(field_map: FieldMap, motion: Motion, tolerance: float) -> str:
    """Where the sizes of all values in use stop to move with the grid."""
    x = field_map.start
    clean = run_in_steps(field_map.f, field_map.given(x))
    moved = run_in_steps(field_map.f, field_map.given(motion(x)))
    if clean is None or moved is None:
        return (
            "JAX can't trace it, so its parts can't be told apart: check its helper "
            "functions one by one."
        )
    grid, moved_grid = motion.grid, motion.moved_grid
    is_last = field_map.feature_axis == -1
    good, bad = "", None
    for step, other in zip(clean[0], moved[0], strict=False):
        sizes = sizes_by_grid([clean[1][i] for i in step.live], grid, is_last)
        others = sizes_by_grid([moved[1][i] for i in other.live], moved_grid, is_last)
        if sizes is None or others is None or len(sizes) != len(others):
            continue
        # A later place where all is well again: what was wrong was half done.
        found = [
            difference(got, motion(expected)).relative
            for expected, got in zip(sizes, others, strict=True)
        ]
        if all(relative <= tolerance for relative in found):
            good, bad = step.place or good, None
        elif bad is None:
            bad = step.place or good
    after = f", right up to {good}" if good and good != bad else ""
    if bad is None:
        return (
            "At every line the sizes of the values move as they should"
            f"{f' (the last is {good})' if good else ''}: signs, components or "
            "channels are mixed up."
        )
    return f"First guilty line: {bad or 'unknown'}{after}."


def sizes_by_grid(
    arrays: list[np.ndarray], grid: tuple[int, ...], is_last: bool
) -> list[Field] | None:
    """The norms in each cell of all arrays together, one field for each grid.

    `None` if one of them, such as a part of a roll, lies on no grid: neither on that
    of the input nor on one that divides it.

    **Arguments:** `is_last`: whether arrays are more likely to have features last.
    """
    totals: dict[tuple[int, ...], np.ndarray] = {}
    d = len(grid)
    for array in arrays:
        if not (np.issubdtype(array.dtype, np.inexact) or array.dtype.kind == "V"):
            continue
        cells, start = (1,) * d, None
        if array.ndim >= d and array.size > 1:
            starts = range(array.ndim - d + 1)
            fitting = [s for s in starts if _divides(array.shape[s : s + d], grid)]
            if not fitting:
                return None
            wanted = array.ndim - d - 1 if is_last else array.ndim - d
            start = min(fitting, key=lambda s: abs(s - wanted))
            cells = array.shape[start : start + d]
        squares = np.square(np.abs(array.astype(np.complex128)))
        kept = () if start is None else range(start, start + d)
        rest = tuple(i for i in range(array.ndim) if i not in kept)
        total = squares.sum(axis=rest).reshape(cells)
        totals[cells] = totals.get(cells, 0.0) + total
    return [
        Field(Signature("0+"), np.sqrt(total)[..., None], d)
        for total in totals.values()
    ]


def _divides(shape: tuple[int, ...], grid: tuple[int, ...]) -> bool:
    return all(n > 1 and g % n == 0 for n, g in zip(shape, grid, strict=True)) and (
        len({g // n for n, g in zip(shape, grid, strict=True)}) == 1
    )
