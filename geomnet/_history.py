"""Frames in time as channels: `4 * flow` holds four frames of `flow`, oldest first."""

import dataclasses

import jax.numpy as jnp

from ._image import GeometricImage
from ._signature import Signature, check_signature


def latest_frame(
    history: GeometricImage, signature: "Signature | str"
) -> GeometricImage:
    """The last channels of every entry: the newest frame of a history.

    **Arguments:**

    - `history`: an image of signature `n * signature`.
    - `signature`: that of one frame.

    **Raises:** `ValueError` if the history does not hold such frames.
    """
    frame = Signature(signature)
    _check_holds(history.signature, frame)
    d = history.num_spatial_dims
    parts = [
        history.array[..., where.stop - entry.features(d) : where.stop]
        for entry, where in zip(frame, history.signature.slices(d), strict=True)
    ]
    return GeometricImage(frame, jnp.concatenate(parts, axis=-1), d)


def push_frame(history: GeometricImage, frame: GeometricImage) -> GeometricImage:
    """Drops the oldest frame of a history and appends a new one.

    **Raises:** `ValueError` if the history does not hold such frames.
    """
    _check_holds(history.signature, frame.signature)
    d = history.num_spatial_dims
    parts = []
    for entry, old, new in zip(
        frame.signature,
        history.signature.slices(d),
        frame.signature.slices(d),
        strict=True,
    ):
        oldest = entry.features(d)
        parts.append(history.array[..., old.start + oldest : old.stop])
        parts.append(frame.array[..., new].astype(history.dtype))
    return history.with_array(jnp.concatenate(parts, axis=-1))


def stack_frames(frames: GeometricImage, num_frames: int) -> GeometricImage:
    """Turns a leading time axis into channels: the history that ends with the last one.

    **Arguments:**

    - `frames`: an image whose array is `(time, *grid, features)`, time ≥ `num_frames`.
    - `num_frames`: how many of the last frames to keep.
    """
    d = frames.num_spatial_dims
    if frames.array.ndim != d + 2 or frames.array.shape[0] < num_frames:
        raise ValueError(
            f"`frames` must have shape (time, *grid, features) with at least "
            f"{num_frames} times, got {frames.array.shape}."
        )
    array = frames.array[frames.array.shape[0] - num_frames :]
    parts = []
    for where in frames.signature.slices(d):
        parts += [array[i, ..., where] for i in range(num_frames)]
    return GeometricImage(
        num_frames * frames.signature, jnp.concatenate(parts, axis=-1), d
    )


def _check_holds(history: Signature, frame: Signature) -> None:
    if len(history) == len(frame):
        widened = Signature(
            dataclasses.replace(f, channels=h.channels)
            for f, h in zip(frame, history, strict=True)
        )
        enough = all(
            h.channels >= f.channels for f, h in zip(frame, history, strict=True)
        )
        if enough:
            check_signature(history, widened, "history", "A history of frames")
            return
    raise ValueError(
        f"`history` has signature '{history}', which holds no frames of '{frame}'. "
        f"A history of n frames has signature `n * Signature('{frame}')`."
    )
