"""Windows of frames, in memory or in files, as batches of `GeometricImage`s."""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._arguments import check_count, checked
from ._data import LazyFrames
from ._history import joined, times_as_channels
from ._image import GeometricImage
from ._normaliser import check_frames
from ._parameters import each_trajectory
from ._signature import Signature


@dataclasses.dataclass(frozen=True, eq=False, init=False)
class Windows:
    """Every window of frames: a history and what follows.

    Held on the host, on the device (`on_device`), or left in its files (`LazyFrames`);
    `take` gathers a batch, so the data may be larger than a device, or than the memory.
    """

    signature: Signature
    frames: Any
    """`(trajectories, times, *grid, features)`: an array of NumPy or JAX, or
    `LazyFrames`.
    """
    past: int
    """How many frames a history has."""
    stride: int
    """How many times one frame of a window is after the frame before it."""
    num_targets: int
    """How many frames that follow belong to a window."""
    gap: int
    """How many times the first target is after the last frame of the history."""
    parameters: Mapping[str, np.ndarray]
    """What conditions the model, by name: one number for each trajectory."""

    @checked
    def __init__(
        self,
        signature: "Signature | str",
        frames: Any,
        past: int,
        *,
        stride: int = 1,
        num_targets: int = 1,
        gap: int | None = None,
        parameters: Mapping[str, Any] | None = None,
    ):
        """**Arguments:**

        - `signature`: what a frame holds.
        - `frames`: `(trajectories, times, *grid, features)`, or `LazyFrames`.
        - `past`: frames in a history.
        - `stride`: from one frame of a window to the next.
        - `num_targets`: frames that follow the history.
        - `gap`: by default `stride`. With another one a model learns to look further
            ahead at once; there are no rollouts then, whose frames are equally apart.
        - `parameters`: numbers by name that condition the model, one for all
            trajectories or one for each. Batches hold them between histories and
            targets, `(batch, parameters)` in this order, as `fit`, `evaluate` and
            `unrolled` hand them to the model. Networks want numbers of about 1, such
            as logarithms; `Nondimensional` those of the data, in the order of its
            units. By default those of `LazyFrames`.

        **Raises:** `ValueError` if the frames are not those of the signature, a
        trajectory is shorter than a window, or a parameter is not finite, or not one
        number or one for each trajectory.
        """
        signature = Signature(signature)
        check_frames(signature, frames)
        if isinstance(frames, LazyFrames) and frames.signature != signature:
            raise ValueError(
                f"`signature` is '{signature}', but the frames are "
                f"'{frames.signature}'."
            )
        gap = stride if gap is None else gap
        numbers = {"stride": stride, "num_targets": num_targets, "gap": gap}
        for name, number in numbers.items():
            if not number >= 1:
                raise ValueError(f"`{name}` must be 1 or more, got {number}.")
        times = frames.shape[1]
        most = (times - 1 - gap - (num_targets - 1) * stride) // stride + 1
        if not 1 <= past <= most:
            raise ValueError(
                f"`past` must be from 1 to {most}, as trajectories have {times} frames "
                f"and a window {num_targets} after its history, the first {gap} and "
                f"each {stride} after the one before; got {past}."
            )
        given = _joined(frames, parameters)
        values = (signature, frames, past, stride, num_targets, gap, given)
        for field, value in zip(dataclasses.fields(self), values, strict=True):
            object.__setattr__(self, field.name, value)

    @property
    def num_spatial_dims(self) -> int:
        """The dimension d of the grid."""
        return len(self.frames.shape) - 3

    @property
    def per_trajectory(self) -> int:
        """How many windows one trajectory has."""
        return self.frames.shape[1] - int(self._times[-1])

    @functools.cached_property
    def _times(self) -> np.ndarray:
        """Those of the frames of a window, from its first one on."""
        history = np.arange(self.past) * self.stride
        targets = np.arange(self.num_targets) * self.stride
        return np.concatenate([history, history[-1] + self.gap + targets])

    @functools.cached_property
    def _parting(self) -> "_Parting":
        return _Parting(self.signature, self.past, self.num_targets == 1)

    @functools.cached_property
    def _rows(self) -> Any:
        """The parameters of each trajectory, where the frames are; `None` for none."""
        if not self.parameters:
            return None
        is_wide = np.dtype(self.frames.dtype) == np.float64
        rows = np.stack(list(self.parameters.values()), axis=-1)
        rows = rows.astype(np.float64 if is_wide else np.float32)
        return jnp.asarray(rows) if self.is_on_device else rows

    def __len__(self) -> int:
        return self.frames.shape[0] * self.per_trajectory

    def take(self, numbers: np.ndarray) -> tuple[Any, ...]:
        """`(histories, next frames)` of the windows `numbers`, each with a leading
        batch axis; with parameters `(histories, parameters, next frames)`.

        The histories have signature `past * signature`, channels oldest first. Of
        several targets the axis of times stands after that of the batch.

        **Raises:** `IndexError` for a number that is no window; `ValueError` if a frame
        that is read from a file is not finite.
        """
        return self._batch(numbers, _parted)

    def take_to_device(self, numbers: np.ndarray) -> tuple[Any, ...]:
        """The batch that `take` gives of `numbers`, on JAX's default device.

        Frames that are on the host are sent as they lie and made into histories there,
        which the host would need far longer for than for gathering them. Numbers of
        float64 become float32, unless JAX is told otherwise.

        **Raises:** what `take` does.
        """
        return self._batch(numbers, _parted_on_device)

    def _batch(self, numbers: np.ndarray, parted: Any) -> tuple[Any, ...]:
        numbers = np.asarray(numbers)
        if np.any((numbers < 0) | (numbers >= len(self))):
            raise IndexError(f"`numbers` must be from 0 to {len(self) - 1}.")
        trajectory, start = np.divmod(numbers, self.per_trajectory)
        times = start[:, None] + self._times
        if self.is_on_device:
            held = self.frames, self._rows
            batch = _taken(held, trajectory, times, self._parting)
        else:
            parts = self._gather(trajectory, times)
            batch = parted(parts, self._given(trajectory), self._parting)
        return self._images(*batch)

    @property
    def is_on_device(self) -> bool:
        """Whether the frames are an array of JAX."""
        return isinstance(self.frames, jax.Array)

    @property
    def nbytes(self) -> int:
        """How many bytes the frames have, or would have as one array."""
        return math.prod(self.frames.shape) * np.dtype(self.frames.dtype).itemsize

    def on_device(self, sharding: Any = None) -> "Windows":
        """The same windows with all frames on JAX's default device, or where a
        `jax.sharding.Sharding` says.

        Batches are then gathered there, and nothing is sent for a step but the numbers
        of its windows. Frames of float64 become float32, unless JAX is told otherwise.
        """
        frames = self.frames
        if sharding is not None:
            held = frames if self.is_on_device else np.asarray(frames)
            frames = jax.device_put(held, sharding)
        elif not self.is_on_device:
            frames = jnp.asarray(np.asarray(frames))
        return self._with(frames, self.num_targets)

    def starts(self, num_steps: int) -> "Starts":
        """For rollouts: each trajectory's first history, and the `num_steps` frames
        after it.

        **Raises:** `ValueError` if trajectories are shorter than that, or `gap` is not
        `stride`.
        """
        check_count("num_steps", num_steps)
        self._check_rolls()
        return Starts(self._with(self.frames, num_steps))

    def _with(self, frames: Any, num_targets: int) -> "Windows":
        return Windows(
            self.signature,
            frames,
            self.past,
            stride=self.stride,
            num_targets=num_targets,
            gap=self.gap,
            parameters=self.parameters,
        )

    def rollouts(self) -> tuple[Any, ...]:
        """The first history of each trajectory, and all frames that follow it; with
        parameters `(histories, parameters, frames)`.

        The frames that follow have shape `(trajectories, times, *grid, features)`, and
        are `stride` times apart; all of them are read.

        **Raises:** `ValueError` if `gap` is not `stride`.
        """
        self._check_rolls()
        times = np.arange(0, self.frames.shape[1], self.stride)
        n = len(self.frames)
        if isinstance(self.frames, LazyFrames):
            # In one array from the first: these may be all that the memory holds.
            shape = (n, len(times), *self.frames.shape[2:])
            frames = np.empty(shape, self.frames.dtype)
            for row in range(n):
                frames[row] = self.frames.read(row, times)
        else:
            frames = self.frames[:, times]
        parting = dataclasses.replace(self._parting, alone=False)
        return self._images(*_parted([frames], self._given(np.arange(n)), parting))

    def _check_rolls(self) -> None:
        if self.gap != self.stride:
            raise ValueError(
                f"A rollout puts predictions behind the history, whose frames are "
                f"`stride` = {self.stride} times apart, but `gap` is {self.gap}: make "
                f"windows with `stride={self.gap}` for it."
            )

    def _images(self, histories: Any, *rest: Any) -> tuple[Any, ...]:
        *given, frames = rest
        d = self.num_spatial_dims
        return (
            GeometricImage(self.past * self.signature, histories, d),
            *given,
            GeometricImage(self.signature, frames, d),
        )

    def _given(self, trajectories: np.ndarray) -> Any:
        return None if self._rows is None else self._rows[trajectories]

    def _gather(self, trajectories: np.ndarray, times: np.ndarray) -> list[Any]:
        """Times `(batch, n)` of trajectories `(batch,)`: arrays that make frames when
        their features are joined.
        """
        if isinstance(self.frames, LazyFrames):
            return self.frames.gather(trajectories, times)
        return [self.frames[trajectories[:, None], times]]


@dataclasses.dataclass(frozen=True, eq=False)
class Starts:
    """One window for each trajectory, its first: what rollouts are measured on."""

    windows: Windows

    def __len__(self) -> int:
        return self.windows.frames.shape[0]

    def take(self, numbers: np.ndarray) -> tuple[Any, ...]:
        """`(histories, frames)` of trajectories, or `(histories, parameters, frames)`;
        frames are `(batch, times, *grid, features)`.
        """
        first = np.asarray(numbers) * self.windows.per_trajectory
        *inputs, frames = self.windows.take(first)
        if self.windows.num_targets == 1:
            frames = frames.with_array(frames.array[:, None])
        return *inputs, frames


def _joined(frames: Any, given: Mapping[str, Any] | None) -> dict[str, np.ndarray]:
    """The parameters of lazy frames, and others that are given with windows."""
    own = frames.parameters if isinstance(frames, LazyFrames) else {}
    further = each_trajectory(given or {}, frames.shape[0])
    for name in own.keys() & further:
        if not np.array_equal(own[name], further[name]):
            raise ValueError(
                f"`parameters`: '{name}' differs from that of the frames, which bring "
                "it along: leave one of them out."
            )
    return own | further


@dataclasses.dataclass(frozen=True)
class _Parting:
    """How the frames of a window are parted: of which signature, how many are past,
    and whether what follows is `alone`, without an axis of times.
    """

    signature: Signature
    past: int
    alone: bool


def _parted(parts: list[Any], parameters: Any, how: _Parting) -> tuple[Any, ...]:
    """`(batch, times, *grid, features)`, or several that make it when they are joined,
    as a history in channels and what follows, parameters between them.
    """
    d = parts[0].ndim - 3
    history = times_as_channels([p[:, : how.past] for p in parts], how.signature, d)
    given = () if parameters is None else (parameters,)
    later = [p[:, how.past if how.alone else slice(how.past, None)] for p in parts]
    return history, *given, joined(later)


_parted_on_device = jax.jit(_parted, static_argnames="how")


@functools.partial(jax.jit, static_argnames="how")
def _taken(
    held: tuple[Any, Any], trajectories: Any, times: Any, how: _Parting
) -> tuple[Any, ...]:
    """`_parted` of what is gathered on the device: one program for each batch size."""
    frames, rows = held
    given = None if rows is None else rows[trajectories]
    return _parted([frames[trajectories[:, None], times]], given, how)
