"""Snapshots of a flow as they are given: arrays that belong to each other."""

import numpy as np
from jax.typing import ArrayLike

from .._arguments import shown


def as_snapshots(
    density: ArrayLike, velocity: ArrayLike, pressure: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`(time, *grid)`, `(time, *grid, d)` and `(time, *grid)` in float64.

    **Raises:** `TypeError` for what is no array of numbers, `ValueError` for other
    shapes.
    """
    given = {"density": density, "velocity": velocity, "pressure": pressure}
    arrays = []
    for name, value in given.items():
        array = np.asarray(value)
        if array.dtype.kind not in "fiu" or array.ndim == 0:
            raise TypeError(f"`{name}` must be an array, got {shown(value)}.")
        arrays.append(array.astype(np.float64))
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
