"""The adapter: frames of a data file as arrays, all at once or as they are asked for.

Anything that looks like what `pde_data.load` gives will do, as `FieldData` does:
`fields` with name, order and parity, `data[name]` of shape `(trajectory, time, *grid[,
d…])`, `num_spatial_dims`; and, if they condition a model, `parameters` by name.
"""

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from ._arguments import checked
from ._normaliser import Normaliser
from ._parameters import each_trajectory
from ._signature import Entry, Signature, TensorType

# How much `blocks` holds at once: enough for a disk, and little for a memory.
_BLOCK_BYTES = 2**23


@runtime_checkable
class FlowLike(Protocol):
    """What a data set must offer."""

    @property
    def fields(self) -> Sequence[Any]:
        """Each with `name`, `order` and `parity`, or an `Entry`."""
        ...

    @property
    def num_spatial_dims(self) -> int:
        """The dimension d of the grid."""
        ...

    def __getitem__(self, name: str) -> Any:
        """The field of that name, `(trajectory, time, *grid[, d…])`."""
        ...


@checked
def flow_signature(data: FlowLike, fields: Sequence[str] | None = None) -> Signature:
    """The signature of one frame: each field with its tensor type.

    **Arguments:**

    - `data`: such as `pde_data.load` gives, or `FieldData`.
    - `fields`: the names of some, in the order wanted; by default all.

    **Raises:** `ValueError` for a name that the data have not.
    """
    return Signature(map(entry_of, _chosen_fields(data, fields)))


def entry_of(field: Any) -> Entry:
    """A field of a data set as the entry of a signature."""
    if isinstance(field, Entry):
        return field
    return Entry(field.name, 1, TensorType(field.order, field.parity))


class LazyFrames:
    """Frames of a data set that stay in their files until they are asked for.

    `signature`, `shape` `(trajectories, times, *grid, features)` and `dtype` say what
    they would be as one array. `Windows` and `fit_normaliser` take them like an array.
    The data set must stay open.

    **Arguments:**

    - `data`: such as `pde_data.load` gives, or `FieldData`.
    - `trajectories`, `times`: which ones: a number, a slice, a list of numbers or a
      mask; by default all.
    - `fields`: the names of some fields, in the order wanted; by default all.
    - `dtype`: of the frames; by default that of the files.
    - `parameters`: the names of those of the data's parameters that condition a model,
      in the order that it takes them: `Windows` carry them to it. By default none.

    **Raises:** `ValueError` for what the data have not, naming it.
    """

    @checked
    def __init__(
        self,
        data: FlowLike,
        trajectories: Any = None,
        *,
        times: Any = None,
        fields: Sequence[str] | None = None,
        dtype: Any = None,
        parameters: Sequence[str] = (),
    ):
        self._arrays = {f.name: data[f.name] for f in _chosen_fields(data, fields)}
        self.signature = flow_signature(data, fields)
        self.num_spatial_dims = d = data.num_spatial_dims
        shapes = {name: array.shape[: 2 + d] for name, array in self._arrays.items()}
        lengths = next(iter(shapes.values()))
        for name, shape in shapes.items():
            if shape != lengths:
                raise ValueError(
                    f"Field '{name}' has axes {shape} of trajectory, time and grid, "
                    f"but field '{next(iter(shapes))}' {lengths}: read them apart "
                    "(`fields=`)."
                )
        self._trajectories = _chosen(trajectories, lengths[0], "trajectories")
        self._times = _chosen(times, lengths[1], "times")
        given = each_trajectory(_named(data, parameters), lengths[0])
        self.parameters: dict[str, np.ndarray] = {
            name: values[self._trajectories] for name, values in given.items()
        }
        self._normaliser: Normaliser | None = None
        self.dtype: np.dtype = _real_dtype(self._arrays, dtype)
        self.shape: tuple[int, ...] = (
            len(self._trajectories),
            len(self._times),
            *lengths[2:],
            self.signature.features(d),
        )

    def normalised(self, normaliser: Normaliser, dtype: Any = np.float32) -> Any:
        """The same frames in normalised units, cast to `dtype` last.

        **Arguments:**

        - `normaliser`: of the frames' own signature, as `fit_normaliser` gives.
        - `dtype`: of what is read.

        **Raises:** `ValueError` if the normaliser is of another signature.
        """
        if normaliser.signature != self.signature:
            raise ValueError(
                f"`normaliser` is of '{normaliser.signature}', the frames are "
                f"'{self.signature}'."
            )
        frames = copy.copy(self)
        frames._normaliser, frames.dtype = normaliser, np.dtype(dtype)
        return frames

    def read(self, trajectory: int, times: Any = None) -> np.ndarray:
        """Some frames of one trajectory, `(times, *grid, features)`.

        **Arguments:**

        - `trajectory`, `times`: numbers among those that were chosen; all times by
          default.

        **Raises:** `ValueError` if a number is not finite, naming field, trajectory and
        time as the data count them; `IndexError` for what is not there.
        """
        row = int(self._trajectories[trajectory])
        wanted = self._times if times is None else self._times[np.asarray(times)]
        parts = [
            _read(array, name, row, wanted).reshape(len(wanted), *self.shape[2:-1], -1)
            for name, array in self._arrays.items()
        ]
        frames = np.concatenate(parts, axis=-1)
        if self._normaliser is not None:
            return self._normaliser.normalise(frames, self.dtype)
        return self._cast(frames, row)

    def gather(self, trajectories: np.ndarray, times: np.ndarray) -> list[np.ndarray]:
        """Windows of frames, as arrays `(batch, times, *grid, features)` that, joined
        along the features, make them whole: one for each field, as the files hold it.

        To join them takes as long as to read them, and who makes histories of them
        would part them again.

        **Arguments:**

        - `trajectories`, `times`: numbers as of `read`, `(batch,)` and `(batch, n)`.

        **Raises:** `ValueError` and `IndexError` as `read`.
        """
        chosen = list(zip(trajectories, times, strict=True))
        if self._normaliser is not None:
            return [np.stack([self.read(int(row), wanted) for row, wanted in chosen])]
        lead, d = (*np.shape(times), *self.shape[2:-1]), self.num_spatial_dims
        sizes = [entry.features(d) for entry in self.signature]
        found = [np.empty((*lead, size), self.dtype) for size in sizes]
        for place, (trajectory, wanted) in enumerate(chosen):
            row = int(self._trajectories[trajectory])
            for field, (name, array) in zip(found, self._arrays.items(), strict=True):
                values = _read(array, name, row, self._times[wanted])
                field[place] = self._cast(values, row).reshape(field.shape[1:])
        return found

    def _cast(self, values: np.ndarray, row: int) -> np.ndarray:
        if values.dtype == self.dtype:
            return values
        with np.errstate(over="ignore"):
            result = values.astype(self.dtype)
        if not np.isfinite(result).all():
            raise ValueError(
                f"Trajectory {row} does not hold in {self.dtype}: read it as it is "
                "(`dtype=None`), and let `Normaliser.normalise(frames, dtype)` cast."
            )
        return result

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """All frames, a few at a time: the number of the trajectory, and frames.

        **Raises:** `ValueError` as `read`.
        """
        step = max(1, _BLOCK_BYTES // (8 * math.prod(self.shape[2:])))
        for trajectory in range(self.shape[0]):
            for start in range(0, self.shape[1], step):
                stop = min(start + step, self.shape[1])
                yield trajectory, self.read(trajectory, np.arange(start, stop))

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        del copy  # What is read from a file is always new.
        result = np.empty(self.shape, self.dtype)
        for trajectory in range(len(self)):
            result[trajectory] = self.read(trajectory)
        return result if dtype is None else result.astype(dtype, copy=False)

    def __repr__(self) -> str:
        return f"LazyFrames('{self.signature}', shape={self.shape}, dtype={self.dtype})"


@checked
def read_frames(
    data: FlowLike,
    trajectories: Any = None,
    *,
    times: Any = None,
    fields: Sequence[str] | None = None,
    dtype: Any = None,
) -> Float[np.ndarray, "trajectories times *grid features"]:
    """Frames of some trajectories as one array, features in signature order.

    In the precision of the files, unless `dtype` says otherwise: what is cast before it
    is normalised may lose a small fluctuation on a large mean.

    **Arguments:** as of `LazyFrames`, which are for what is larger than memory. This
    needs the memory of the result and of one trajectory.

    **Raises:** `ValueError` if there is none, or a number is not finite, naming the
    trajectory; or for a field, trajectory or time that the data have not.
    """
    frames = LazyFrames(data, trajectories, times=times, fields=fields, dtype=dtype)
    return np.asarray(frames)


def _chosen_fields(data: FlowLike, names: Sequence[str] | None) -> list[Any]:
    known = {field.name: field for field in data.fields}
    if names is None:
        return list(known.values())
    listed = [names] if isinstance(names, str) else list(names)
    for name in listed:
        if name not in known:
            raise ValueError(
                f"`fields` must name some of {', '.join(known)}, got {name!r}."
            )
    if not listed or len(set(listed)) < len(listed):
        raise ValueError(f"`fields` must name each field once, got {listed}.")
    return [known[name] for name in listed]


def _named(data: FlowLike, names: Sequence[str]) -> dict[str, Any]:
    known = getattr(data, "parameters", {})
    for name in names:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise ValueError(
                f"`parameters` must name some of those of the data ({listed}), got "
                f"{name!r}."
            )
    return {name: known[name] for name in names}


def _chosen(choice: Any, length: int, what: str) -> np.ndarray:
    """The numbers that a number, a slice, a list or a mask chooses of `length`."""
    if choice is None:
        choice = slice(None)
    if isinstance(choice, slice):
        numbers = np.arange(length)[choice]
    else:
        numbers = np.atleast_1d(np.asarray(choice))
        if numbers.dtype == bool and numbers.shape == (length,):
            numbers = np.flatnonzero(numbers)
        if numbers.size and (numbers.dtype.kind not in "iu" or numbers.ndim != 1):
            raise TypeError(
                f"`{what}` must be a number, a slice, a list of numbers or a mask of "
                f"{length}, got {choice!r:.60}."
            )
        outside = [int(n) for n in numbers if not -length <= n < length]
        if outside:
            raise ValueError(
                f"`{what}` must be from 0 to {length - 1}, got {outside[0]}."
            )
        numbers = numbers.astype(np.int64) % max(length, 1)
    if not len(numbers):
        raise ValueError(
            f"`{what}` ({choice}) picks none of the data's {length} {what}."
        )
    return numbers


def _real_dtype(arrays: dict[str, Any], dtype: Any) -> np.dtype:
    """That asked for, or one that holds all fields."""
    for name, array in arrays.items():
        if np.dtype(array.dtype).kind not in "fiu":
            raise TypeError(f"Field '{name}' holds {array.dtype}, no real numbers.")
    found = np.result_type(*(array.dtype for array in arrays.values()))
    wanted = np.dtype(found if dtype is None else dtype)
    if dtype is None and wanted.kind != "f":
        return np.dtype(np.float64)
    # The kind of bfloat16 and its like is "V".
    if wanted.kind not in "fV":
        raise TypeError(f"`dtype` must be a floating-point type, got {wanted}.")
    return wanted


def _read(array: Any, name: str, row: int, times: np.ndarray) -> np.ndarray:
    """Some times of a trajectory, in order, by one slice."""
    steps = np.unique(np.diff(times))
    step = int(steps[0]) if len(steps) == 1 and steps[0] > 0 else 1
    low, high = int(times.min()), int(times.max())
    values = np.asarray(array[row, low : high + 1 : step])
    if len(steps) > 1 or (len(steps) == 1 and steps[0] <= 0):
        values = values[times - low]
    finite = np.isfinite(values)
    if not finite.all():
        time = times[np.argwhere(~finite)[0][0]]
        raise ValueError(
            f"Field '{name}' is not finite in trajectory {row}, time {time}: mend the "
            "data or leave that trajectory out, as a network trained on it learns "
            "nothing. `python -m pde_data check FILE` lists what is wrong with a file."
        )
    return values
