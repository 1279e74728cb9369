"""The cells of a window: how far they lie from its centre, and which groups keep it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._group import Group, check_group


def as_window(group: Group, size: "int | Sequence[int]") -> tuple[int, ...]:
    """`size` as one number of cells per axis.

    **Raises:** `ValueError` if it has the wrong length or the group does not map such a
    window to itself.
    """
    check_group(group)
    d = group.num_spatial_dims
    sides: tuple[Any, ...] = (size,) * d
    if not isinstance(size, int) and np.ndim(size):
        sides = tuple(size)
    is_whole = all(isinstance(n, int | np.integer) and n >= 1 for n in sides)
    if len(sides) != d or not is_whole:
        raise ValueError(
            f"`size` must be a positive integer or {d} of them for {group}, got "
            f"{size!r}."
        )
    window = tuple(map(int, sides))
    if not group.keeps(window):
        raise ValueError(
            f"{group} exchanges axes and does not map the window {window} to itself. "
            "Give the exchanged axes one size, or use a subgroup such as "
            "`geomnet.reflections(d)`."
        )
    return window


def window_offsets(window: tuple[int, ...]) -> np.ndarray:
    """*Twice* the offset of each cell from the window's centre, `(cells, d)`, integer.

    Twice, so that windows of even size, whose centre is a corner of cells, are exact.
    """
    axes = [2 * np.arange(size) - (size - 1) for size in window]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(window))


def within(window: tuple[int, ...], max_radius: float | int | None) -> np.ndarray:
    """Which cells, `(cells,)`, are at most `max_radius` cells from the centre."""
    squared = (window_offsets(window) ** 2).sum(axis=1)
    if max_radius is None:
        return np.full(squared.shape, True)
    # The tolerance forgives the rounding of a radius such as sqrt(3).
    return squared <= 4 * max_radius**2 * (1 + 1e-12)
