"""Data sets that lack some axes, as if they repeated themselves along them."""

from typing import Any

import numpy as np


class Spread:
    """A data set with axes that it has not: a run without trajectory axis, a constant.

    **Arguments:**

    - `source`: an HDF5 data set.
    - `lengths`: of all axes, in order; `None` for those that the data set has.
    """

    def __init__(self, source: Any, lengths: tuple[int | None, ...]):
        self.source = source
        self._lengths = lengths
        self._held = [length is None for length in lengths]
        held = iter(source.shape)
        self.shape: tuple[int, ...] = tuple(
            next(held) if length is None else length for length in lengths
        )
        self.dtype: np.dtype = source.dtype
        self.name: str = source.name
        self.file = source.file

    def of(self, source: Any) -> "Spread":
        """The same of another data set of that shape."""
        return Spread(source, self._lengths)

    def __getitem__(self, key: tuple[int | slice, ...]) -> np.ndarray:
        keys = (*key, *(slice(None),) * (len(self.shape) - len(key)))
        asked = tuple(k for k, held in zip(keys, self._held, strict=True) if held)
        values = np.asarray(self.source[asked])
        axes, lengths = [], []
        for k, n, held in zip(keys, self.shape, self._held, strict=True):
            if isinstance(k, slice):
                axes.append(slice(None) if held else None)
                lengths.append(len(range(*k.indices(n))))
        return np.array(np.broadcast_to(values[tuple(axes)], lengths))
