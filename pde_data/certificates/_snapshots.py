"""Functions of snapshots, a few at a time: memory is that of a few, however many."""

from collections.abc import Callable, Iterator

import numpy as np

# Numbers of a scalar field that are looked at together. What is made of them on the way
# takes some hundred bytes for each.
TOGETHER = 2**18


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
