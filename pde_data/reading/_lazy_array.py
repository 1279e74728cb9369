"""Arrays that stay in their files until they are sliced."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._arguments import checked, shown


class LazyArray:
    """A read-only array in one or more files: `.shape`, and NumPy's basic slicing.

    `parts` are joined along the first axis. Each part is a list of HDF5 data sets that
    become the last axis (the components of a vector), or one data set as it is.
    Integers, slices, `...` and, on the first axis, lists of integers select.

    **Raises:** `ValueError` if the parts differ in shape but for the first axis;
    `TypeError` if they are no data sets.
    """

    @checked
    def __init__(self, parts: Sequence[Any | Sequence[Any]]):
        for part in parts:
            if not getattr(part, "shape", None) and not isinstance(part, list | tuple):
                raise TypeError(
                    "`parts` must hold data sets or lists of them, got "
                    f"{shown(part)} among them."
                )
        self._parts = [_Part(part) for part in parts]
        trailing = {part.shape[1:] for part in self._parts}
        if len(trailing) != 1:
            raise ValueError(
                f"`paths` must hold the same grid and times; got {sorted(trailing)}."
            )
        lengths = [part.shape[0] for part in self._parts]
        self._ends = np.cumsum(lengths)
        self.shape: tuple[int, ...] = (int(sum(lengths)), *trailing.pop())
        self.dtype: np.dtype = np.result_type(*[part.dtype for part in self._parts])

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"LazyArray(shape={self.shape}, dtype={self.dtype})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        del copy  # What is read from a file is always new.
        return np.asarray(self[...], dtype)

    def __getitem__(self, key: Any) -> np.ndarray:
        first, *rest = _full_key(key, self.ndim)
        if isinstance(first, slice):
            chosen = list(range(*first.indices(len(self))))
        elif np.ndim(first) == 1:
            picked = np.asarray(first)
            if picked.dtype == bool:
                if len(picked) != len(self):
                    raise IndexError(
                        f"a mask for {len(self)} trajectories has length {len(picked)}"
                    )
                picked = np.flatnonzero(picked)
            chosen = [int(i) for i in picked]
        else:
            return self._read(operator.index(first), rest)
        blocks = [self._read_run(run, rest) for run in self._runs(chosen)]
        if blocks:
            return np.concatenate(blocks)
        return np.zeros((0, *self._read(0, rest).shape), self.dtype)

    def _locate(self, index: int) -> tuple[int, int]:
        n = len(self)
        if not -n <= index < n:
            raise IndexError(f"trajectory {index} is out of range for {n}")
        index %= n
        part = int(np.searchsorted(self._ends, index, side="right"))
        return part, index - int(self._ends[part] - self._parts[part].shape[0])

    def _read(self, index: int, rest: list[Any]) -> np.ndarray:
        part, row = self._locate(index)
        return self._parts[part].read(row, rest)

    def _runs(self, chosen: list[int]) -> list[tuple[int, int, int]]:
        """Consecutive rows of one file are one read: (part, first row, number)."""
        runs: list[tuple[int, int, int]] = []
        for part, row in map(self._locate, chosen):
            if runs and runs[-1][0] == part and sum(runs[-1][1:]) == row:
                runs[-1] = (part, runs[-1][1], runs[-1][2] + 1)
            else:
                runs.append((part, row, 1))
        return runs

    def _read_run(self, run: tuple[int, int, int], rest: list[Any]) -> np.ndarray:
        part, row, number = run
        return self._parts[part].read(slice(row, row + number), rest)


class _Part:
    def __init__(self, source: Any):
        joined = isinstance(source, (list, tuple))
        self.components: list[Any] | None = list(source) if joined else None
        first: Any = source[0] if joined else source
        self.source = source
        tail = (len(source),) if joined else ()
        self.shape: tuple[int, ...] = (*first.shape, *tail)
        self.dtype: np.dtype = first.dtype

    def read(self, row: int | slice, rest: list[Any]) -> np.ndarray:
        if self.components is None:
            return self._select(self.source, row, rest)
        *grid, last = rest
        if isinstance(last, slice):
            picked = self.components[last]
            return np.stack([self._select(c, row, grid) for c in picked], axis=-1)
        return self._select(self.components[operator.index(last)], row, grid)

    def _select(self, source: Any, row: int | slice, rest: list[Any]) -> np.ndarray:
        # HDF5 refuses negative strides: read forwards, then turn around.
        forward, turn = [], []
        axes = source.shape[1:]
        for key, n in zip(rest, axes, strict=True):
            if isinstance(key, slice):
                indices = range(*key.indices(n))
                if indices.step < 0 and len(indices):
                    key = slice(indices[-1], indices[0] + 1, -indices.step)
                    turn.append(slice(None, None, -1))
                else:
                    turn.append(slice(None))
            else:
                key = operator.index(key)
                if not -n <= key < n:
                    raise IndexError(f"index {key} is out of range for {n}")
                key %= n
            forward.append(key)
        rows = [slice(None)] if isinstance(row, slice) else []
        try:
            values = np.asarray(source[(row, *forward)])
        except FileNotFoundError:
            raise  # Sent to another process, and gone meanwhile: no damage.
        except (OSError, RuntimeError, MemoryError) as error:
            raise ValueError(
                f"{source.file.filename}: {source.name} can't be read; the file may be "
                f"damaged ({error})."
            ) from error
        return np.asarray(values[tuple([*rows, *turn])])


def _full_key(key: Any, ndim: int) -> list[Any]:
    keys = list(key) if isinstance(key, tuple) else [key]
    dots = [i for i, k in enumerate(keys) if k is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if any(k is None for k in keys):
        raise IndexError("a lazy array takes no new axes: slice first")
    missing = ndim - len(keys) + len(dots)
    if missing < 0:
        raise IndexError(f"too many indices: {len(keys)} for {ndim} axes")
    at = dots[0] if dots else len(keys)
    return [*keys[:at], *[slice(None)] * missing, *keys[at + len(dots) :]]
