"""Windows of frames, in memory or in files, as batches of `GeometricImage`s."""

import dataclasses
from typing import Any

import numpy as np

from ._arguments import checked
from ._data import LazyFrames
from ._history import times_as_channels
from ._image import GeometricImage
from ._normaliser import check_frames
from ._signature import Signature


@dataclasses.dataclass(frozen=True, eq=False, init=False)
class Windows:
    """Every window of frames: a history and what follows.

    Held on the host, or left in its files (`LazyFrames`); `take` gathers a batch, so
    the data may be larger than a device, or than the memory.
    """

    signature: Signature
    frames: Any
    """`(trajectories, times, *grid, features)`: an array, or `LazyFrames`."""
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
        frames = self._gather(trajectory, start[:, None] + window)
        target = frames[:, self.past :]
        if self.num_targets == 1:
            target = target[:, 0]
        history = self._history(frames[:, : self.past])
        return history, GeometricImage(self.signature, target, self.num_spatial_dims)

    def rollouts(self) -> tuple[GeometricImage, GeometricImage]:
        """The first history of each trajectory, and all frames that follow it.

        The frames that follow have shape `(trajectories, times, *grid, features)`, and
        are `stride` times apart; all of them are read.
        """
        times = np.arange(0, self.frames.shape[1], self.stride)
        n = self.frames.shape[0]
        frames = self._gather(np.arange(n), np.tile(times, (n, 1)))
        history = self._history(frames[:, : self.past])
        rest = frames[:, self.past :]
        return history, GeometricImage(self.signature, rest, self.num_spatial_dims)

    def _gather(self, trajectories: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Times `(batch, n)` of trajectories `(batch,)`."""
        if not isinstance(self.frames, LazyFrames):
            return self.frames[trajectories[:, None], times]
        result = np.empty((*times.shape, *self.frames.shape[2:]), self.frames.dtype)
        for place, (trajectory, chosen) in enumerate(
            zip(trajectories, times, strict=True)
        ):
            result[place] = self.frames.read(int(trajectory), chosen)
        return result

    def _history(self, frames: np.ndarray) -> GeometricImage:
        """From `(batch, past, *grid, features)` to an image of `past * signature`."""
        d = self.num_spatial_dims
        array = times_as_channels(frames, self.signature, d)
        return GeometricImage(self.past * self.signature, array, d)
