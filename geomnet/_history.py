"""Frames in time as channels: `4 * flow` holds four frames of `flow`, oldest first."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

from ._arguments import checked
from ._image import GeometricImage
from ._signature import Signature, check_signature


@checked
def latest_frame(
    history: GeometricImage, signature: "Signature | str"
) -> GeometricImage:
    """The last channels of every entry: the newest frame of a history.

    **Arguments:**

    - `history`: an image of signature `n * signature`; further entries after those of
        the frames, such as fields that do not change, are let be.
    - `signature`: that of one frame.

    **Raises:** `ValueError` if the history does not hold such frames.
    """
    frame = Signature(signature)
    _check_holds(history.signature, frame)
    d = history.num_spatial_dims
    parts = [
        history.array[..., where.stop - entry.features(d) : where.stop]
        for entry, where in zip(frame, history.signature.slices(d), strict=False)
    ]
    return GeometricImage(frame, jnp.concatenate(parts, axis=-1), d)


@checked
def push_frame(history: GeometricImage, frame: GeometricImage) -> GeometricImage:
    """Drops the oldest frame of a `history`, `n * flow`, and appends `frame`, a `flow`.

    Further entries after those of the frames stay as they are.

    **Raises:** `ValueError` if the history does not hold such frames.
    """
    _check_holds(history.signature, frame.signature)
    d = history.num_spatial_dims
    parts = []
    entries = len(frame.signature)
    places = history.signature.slices(d)
    for entry, old, new in zip(
        frame.signature, places[:entries], frame.signature.slices(d), strict=True
    ):
        oldest = entry.features(d)
        parts.append(history.array[..., old.start + oldest : old.stop])
        parts.append(frame.array[..., new].astype(history.dtype))
    parts += [history.array[..., where] for where in places[entries:]]
    return history.with_array(jnp.concatenate(parts, axis=-1))


@checked
def stack_frames(frames: GeometricImage, num_frames: int) -> GeometricImage:
    """Turns a leading time axis into channels: the history that ends with the last one.

    **Arguments:**

    - `frames`: an image whose array is `(time, *grid, features)`, time ≥ `num_frames`.
    - `num_frames`: how many of the last frames to keep.

    **Raises:** `ValueError` if there are fewer times, or other axes.
    """
    d = frames.num_spatial_dims
    if frames.array.ndim != d + 2 or frames.array.shape[0] < num_frames:
        raise ValueError(
            f"`frames` must have shape (time, *grid, features) with at least "
            f"{num_frames} times, got {frames.array.shape}."
        )
    kept = frames.array[frames.array.shape[0] - num_frames :]
    array = times_as_channels(kept, frames.signature, d)
    return GeometricImage(num_frames * frames.signature, array, d)


def times_as_channels(frames: Any, signature: Signature, num_spatial_dims: int) -> Any:
    """`(*batch, time, *grid, features)` to `(*batch, *grid, time * features)`.

    Of JAX or NumPy; in the layout of `times * signature`. `frames` may also be a list:
    of one such array, or of one for each entry, which make it when they are joined.
    """
    d = num_spatial_dims
    entries = frames if isinstance(frames, list) else [frames]
    if len(entries) < len(signature):
        entries = [entries[0][..., where] for where in signature.slices(d)]
    time = entries[0].ndim - d - 2
    shape = (*entries[0].shape[:time], *entries[0].shape[time + 1 : -1], -1)
    numpy = _library_of(entries[0])
    return joined([numpy.moveaxis(entry, time, -2).reshape(shape) for entry in entries])


def joined(parts: list[Any]) -> Any:
    """Arrays of JAX or NumPy, joined along their features."""
    if len(parts) == 1:
        return parts[0]
    return _library_of(parts[0]).concatenate(parts, axis=-1)


def _library_of(array: Any) -> Any:
    return np if isinstance(array, np.ndarray) else jnp


def channels_as_times(array: Any, frame: Signature, num_spatial_dims: int) -> Any:
    """`(*grid, times * features)` to `(times, *grid, features)`: the way back.

    **Arguments:** `frame`: the signature of one of the frames that a history holds.
    """
    sizes = [entry.features(num_spatial_dims) for entry in frame]
    times = array.shape[-1] // sum(sizes)
    parts, start = [], 0
    for size in sizes:
        part = array[..., start : start + times * size]
        parts.append(part.reshape(*array.shape[:-1], times, size))
        start += times * size
    return jnp.moveaxis(jnp.concatenate(parts, axis=-1), -2, 0)


def _check_holds(history: Signature, frame: Signature) -> None:
    if len(history) >= len(frame):
        held = Signature(history.entries[: len(frame)])
        pairs = list(zip(frame, held, strict=True))
        widened = Signature(
            dataclasses.replace(f, channels=h.channels) for f, h in pairs
        )
        enough = all(h.channels >= f.channels for f, h in pairs)
        if enough and held.agrees_with(widened):
            return
        if enough and len(history) == len(frame):
            check_signature(held, widened, "history", "A history of frames")
    raise ValueError(
        f"`history` has signature '{history}', which holds no frames of '{frame}'. "
        f"A history of n frames has signature `n * Signature('{frame}')`."
    )
