"""Coordinates of the cells and times as files hold them, in any format."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ._stored import dataset_fault, numbers, stored

AXES = "xyz"
# Coordinates are stored in float32.
_EVEN = 1e-3


def check_lengths(
    file: Any, shape: tuple[int, ...], coordinates: tuple[np.ndarray, ...]
) -> None:
    """Refuse times and coordinates that do not fit fields of `shape` `(time, *grid)`.

    **Raises:** `ValueError` naming the first axis that does not fit.
    """
    for axis, (n, values) in enumerate(
        zip(shape[: len(coordinates)], coordinates, strict=True)
    ):
        if values.shape != (n,):
            raise ValueError(
                f"{file.filename}: the {('t' + AXES)[axis]}-coordinate has shape "
                f"{values.shape}, but the fields have {n} entries along that axis; "
                f"fields have axes ([trajectory, ]time, x, ...), shape "
                f"([…, ]{', '.join(map(str, shape))})."
            )


def coordinate_faults(
    file: Any, name: str, lengths: tuple[int, ...], even: bool = False
) -> Iterator[str]:
    """Faults of a coordinate: its length, its order and, if `even`, its spacing."""
    node = stored(file, name)
    if node is None:
        yield f"no {name}"
        return
    fault = dataset_fault(node)
    if fault:
        yield f"{name} {fault}"
        return
    shape = node.shape
    if shape[-1:] == () or shape[-1] not in lengths:
        yield f"{name} has shape {shape}, not ({lengths[0]},)"
        return
    values = numbers(file, name).astype(np.float64)
    steps = np.diff(values, axis=-1)
    if not np.all(np.isfinite(values)) or not np.all(steps > 0):
        yield f"{name} does not increase"
    elif even and steps.size and np.ptp(steps) > _EVEN * np.mean(steps):
        yield f"{name} is not evenly spaced"
