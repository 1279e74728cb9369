"""Snapshots of a flow: arrays that belong to each other, and functions of them.

A few at a time, so that memory is that of a few, however many there are.
"""

from collections.abc import Callable, Iterator

import numpy as np
from jax.typing import ArrayLike

from .._arguments import shown

# Numbers of a scalar field that are looked at together. What is made of them on the way
# takes some hundred bytes for each.
TOGETHER = 2**18


def as_snapshots(
    density: ArrayLike, velocity: ArrayLike, pressure: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`(time, *grid)`, `(time, *grid, d)` and `(time, *grid)` as arrays.

    **Raises:** `TypeError` for what is no array of numbers, `ValueError` for other
    shapes.
    """
    given = {"density": density, "velocity": velocity, "pressure": pressure}
    arrays = []
    for name, value in given.items():
        array = np.asarray(value)
        if array.dtype.kind not in "fiu" or array.ndim == 0:
            raise TypeError(f"`{name}` must be an array, got {shown(value)}.")
        arrays.append(array)
    shape = arrays[0].shape
    d = len(shape) - 1
    for name, array, wanted in zip(
        given, arrays, (shape, (*shape, d), shape), strict=True
    ):
        if array.shape != wanted or d < 1:
            raise ValueError(
                f"`{name}` must have shape {wanted}, got {array.shape}: density and "
                "pressure are (time, *grid), the velocity (time, *grid, d)."
            )
    return arrays[0], arrays[1], arrays[2]


def each_snapshot(
    function: Callable[..., tuple[np.ndarray, ...]], *fields: np.ndarray
) -> list[np.ndarray]:
    """A function of snapshots, evaluated in float64 and put together.

    It takes fields `(time, *grid, ...)` and returns arrays whose first axis is time.
    """
    parts = [
        function(*(np.asarray(field[some], np.float64) for field in fields))
        for some in few(fields[0])
    ]
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def few(field: np.ndarray) -> Iterator[slice]:
    """Slices of the first axis, which together are all of it."""
    number = max(1, TOGETHER // max(1, field[0].size))
    return (slice(i, i + number) for i in range(0, len(field), number))
