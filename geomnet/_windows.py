"""Windows of frames, in memory or in files, as batches of `GeometricImage`s."""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._arguments import check_count, checked
from ._data import LazyFrames
from ._history import times_as_channels
from ._image import GeometricImage
from ._normaliser import check_frames
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

    @checked
    def __init__(
        self,
        signature: "Signature | str",
        frames: Any,
        past: int,
        *,
        stride: int = 1,
        num_targets: int = 1,
    ):
        """**Raises:** `ValueError` if the frames are not those of the signature, or a
        trajectory is shorter than a window.
        """
        signature = Signature(signature)
        check_frames(signature, frames)
        if isinstance(frames, LazyFrames) and frames.signature != signature:
            raise ValueError(
                f"`signature` is '{signature}', but the frames are "
                f"'{frames.signature}'."
            )
        times = frames.shape[1]
        for name, number in (("stride", stride), ("num_targets", num_targets)):
            if not number >= 1:
                raise ValueError(f"`{name}` must be 1 or more, got {number}.")
        most = (times - 1) // stride + 1 - num_targets
        if not 1 <= past <= most:
            raise ValueError(
                f"`past` must be from 1 to {most}, as trajectories have {times} frames "
                f"and a window {num_targets} after its history, each {stride} after "
                f"the one before; got {past}."
            )
        values = (signature, frames, past, stride, num_targets)
        for field, value in zip(dataclasses.fields(self), values, strict=True):
            object.__setattr__(self, field.name, value)

    @property
    def num_spatial_dims(self) -> int:
        """The dimension d of the grid."""
        return len(self.frames.shape) - 3

    @property
    def per_trajectory(self) -> int:
        """How many windows one trajectory has."""
        return self.frames.shape[1] - (self.past + self.num_targets - 1) * self.stride

    def __len__(self) -> int:
        return self.frames.shape[0] * self.per_trajectory

    def take(self, numbers: np.ndarray) -> tuple[GeometricImage, GeometricImage]:
        """`(histories, next frames)`, each with a leading batch axis.

        The histories have signature `past * signature`, channels oldest first. Of
        several targets the axis of times stands after that of the batch.

        **Raises:** `IndexError` for a number that is no window; `ValueError` if a frame
        that is read from a file is not finite.
        """
        numbers = np.asarray(numbers)
        if np.any((numbers < 0) | (numbers >= len(self))):
            raise IndexError(f"`numbers` must be from 0 to {len(self) - 1}.")
        trajectory, start = np.divmod(numbers, self.per_trajectory)
        window = np.arange(self.past + self.num_targets) * self.stride
        times = start[:, None] + window
        if self.is_on_device:
            history, target = _taken(
                self.frames, trajectory, times, self.signature, self.past
            )
        else:
            frames = self._gather(trajectory, times)
            history, target = _parted(frames, self.signature, self.past)
        if self.num_targets == 1:
            target = target[:, 0]
        return self._images(history, target)

    @property
    def is_on_device(self) -> bool:
        """Whether the frames are an array of JAX."""
        return isinstance(self.frames, jax.Array)

    @property
    def nbytes(self) -> int:
        """How many bytes the frames have, or would have as one array."""
        return math.prod(self.frames.shape) * np.dtype(self.frames.dtype).itemsize

    def on_device(self) -> "Windows":
        """The same windows with all frames on JAX's default device.

        Batches are then gathered there, and nothing is sent for a step but the numbers
        of its windows. Frames of float64 become float32, unless JAX is told otherwise.
        """
        frames = self.frames
        if not self.is_on_device:
            frames = jnp.asarray(np.asarray(frames))
        return self._with(frames, self.num_targets)

    def starts(self, num_steps: int) -> "Starts":
        """For rollouts: the first history of each trajectory, and the frames after it.

        **Raises:** `ValueError` if trajectories are shorter than that.
        """
        check_count("num_steps", num_steps)
        return Starts(self._with(self.frames, num_steps))

    def _with(self, frames: Any, num_targets: int) -> "Windows":
        return Windows(
            self.signature,
            frames,
            self.past,
            stride=self.stride,
            num_targets=num_targets,
        )

    def rollouts(self) -> tuple[GeometricImage, GeometricImage]:
        """The first history of each trajectory, and all frames that follow it.

        The frames that follow have shape `(trajectories, times, *grid, features)`, and
        are `stride` times apart; all of them are read.
        """
        times = np.arange(0, self.frames.shape[1], self.stride)
        n = self.frames.shape[0]
        frames = self._gather(np.arange(n), np.tile(times, (n, 1)))
        return self._images(*_parted(frames, self.signature, self.past))

    def _images(
        self, histories: Any, frames: Any
    ) -> tuple[GeometricImage, GeometricImage]:
        d = self.num_spatial_dims
        return (
            GeometricImage(self.past * self.signature, histories, d),
            GeometricImage(self.signature, frames, d),
        )

    def _gather(self, trajectories: np.ndarray, times: np.ndarray) -> Any:
        """Times `(batch, n)` of trajectories `(batch,)`."""
        if not isinstance(self.frames, LazyFrames):
            return self.frames[trajectories[:, None], times]
        result = np.empty((*times.shape, *self.frames.shape[2:]), self.frames.dtype)
        for place, (trajectory, chosen) in enumerate(
            zip(trajectories, times, strict=True)
        ):
            result[place] = self.frames.read(int(trajectory), chosen)
        return result


@dataclasses.dataclass(frozen=True, eq=False)
class Starts:
    """One window for each trajectory, its first: what rollouts are measured on."""

    windows: Windows

    def __len__(self) -> int:
        return self.windows.frames.shape[0]

    def take(self, numbers: np.ndarray) -> tuple[GeometricImage, GeometricImage]:
        """`(histories, frames)` of trajectories; frames are `(batch, times, *grid,
        features)`.
        """
        first = np.asarray(numbers) * self.windows.per_trajectory
        histories, frames = self.windows.take(first)
        if self.windows.num_targets == 1:
            frames = frames.with_array(frames.array[:, None])
        return histories, frames


def _parted(frames: Any, signature: Signature, past: int) -> tuple[Any, Any]:
    """`(batch, times, *grid, features)` as a history in channels and what follows."""
    d = frames.ndim - 3
    history = times_as_channels(frames[:, :past], signature, d)
    return history, frames[:, past:]


@functools.partial(jax.jit, static_argnames=("signature", "past"))
def _taken(
    frames: Any, trajectories: Any, times: Any, signature: Signature, past: int
) -> tuple[Any, Any]:
    """`_parted` of what is gathered on the device: one program for each batch size."""
    return _parted(frames[trajectories[:, None], times], signature, past)
