"""A periodic flow as an observer in uniform motion sees it.

**Convention.** Displacements are in cells per time step, one for each axis. A boost by
the velocity U adds U to the flow; what lay at x at the time t then lies at x + U t,
with t = 0 at the newest frame of a history.

**The waves of two cells.** A field of the torus is moved by a fraction of a cell by its
Fourier series. The wave of two cells along an axis of even side has no partner that
would say where it is: it is multiplied by `cos(π cells)`, which keeps fields real,
prefers no direction and is exact for whole cells. But two such moves are not one.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._arithmetic import accumulator
from ._history import channels_as_times, times_as_channels
from ._image import GeometricImage
from ._signature import Signature, TensorType

VECTOR = TensorType(1, 1)


def check_velocity(frame: Signature, velocity: str) -> None:
    """**Raises:** `ValueError` unless a frame has one vector of that name."""
    if not any(
        e.name == velocity and e.type == VECTOR and e.channels == 1 for e in frame
    ):
        raise ValueError(
            f"`velocity` must name one vector, '1+', of a frame '{frame}', got "
            f"{velocity!r}."
        )


def mean_velocity(
    frame: GeometricImage, velocity: str, density: str | None
) -> Float[Array, " d"]:
    """The mean over cells, or momentum over mass; in float32 at least."""
    dtype = accumulator(frame.dtype)
    axes = tuple(range(frame.num_spatial_dims))
    values = frame[velocity][..., 0, :].astype(dtype)
    if density is None:
        return values.mean(axis=axes)
    weight = frame[density][..., 0].astype(dtype)
    return (weight[..., None] * values).mean(axis=axes) / weight.mean()


@functools.partial(jax.jit, static_argnames="velocity")
def boosted_frame(
    frame: GeometricImage,
    velocity: str,
    speed: Float[Array, " d"],
    cells: Float[Array, " d"],
) -> GeometricImage:
    """A frame moved by so many cells, with a velocity added."""
    array = _moved(frame.array.astype(accumulator(frame.dtype)), cells)
    return _faster(frame.with_array(array), velocity, speed).astype(frame.dtype)


@functools.partial(jax.jit, static_argnames=("frame", "velocity"))
def boosted_history(
    history: GeometricImage,
    frame: Signature,
    velocity: str,
    speed: Float[Array, " d"],
    cells: Float[Array, " d"],
) -> GeometricImage:
    """A history of frames with a velocity added, which moves by so many cells from one
    frame to the next. The newest stays where it is.
    """
    d = history.num_spatial_dims
    frames = channels_as_times(
        history.array.astype(accumulator(history.dtype)), frame, d
    )
    moved = [
        _moved(one, -age * cells) if age else one
        for age, one in zip(range(len(frames) - 1, -1, -1), frames, strict=True)
    ]
    array = times_as_channels(jnp.stack(moved), frame, d)
    faster = _faster(history.with_array(array), velocity, speed)
    return faster.astype(history.dtype)


def _faster(image: GeometricImage, velocity: str, speed: Array) -> GeometricImage:
    place = image.signature.names.index(velocity)
    where = image.signature.slices(image.num_spatial_dims)[place]
    times = (where.stop - where.start) // len(speed)
    added = jnp.tile(speed.astype(image.dtype), times)
    return image.with_array(image.array.at[..., where].add(added))


def _moved(array: Float[Array, "*grid features"], cells: Float[Array, " d"]) -> Array:
    """A periodic array moved by any number of cells.

    Whole cells are rolled, bit for bit; the rest is added as a change of the waves,
    which is zero where there is no rest, and has its derivative there too.
    """
    grid = array.shape[:-1]
    axes = tuple(range(len(grid)))
    cells = cells.astype(array.dtype)
    whole = jnp.round(cells)
    rest = cells - whole
    shift = jnp.mod(whole, jnp.asarray(grid, array.dtype)).astype(jnp.int32)
    rolled = jnp.roll(array, shift, axes)
    waves = jnp.fft.rfftn(rolled, axes=axes)
    factor = jnp.ones((), waves.dtype)
    for axis, n in enumerate(grid):
        numbers = _wave_numbers(n, is_last=axis == len(grid) - 1)
        angle = jnp.asarray(2 * math.pi * numbers / n, array.dtype) * rest[axis]
        sine = jnp.where(2 * np.abs(numbers) == n, 0, jnp.sin(angle))
        along = [1] * len(grid)
        along[axis] = len(numbers)
        phase = jax.lax.complex(jnp.cos(angle), -sine)
        factor = factor * jnp.reshape(phase, along)
    change = jnp.fft.irfftn(waves * (factor - 1)[..., None], s=grid, axes=axes)
    return rolled + change.astype(array.dtype)


def _wave_numbers(n: int, *, is_last: bool) -> np.ndarray:
    numbers = np.fft.rfftfreq(n) if is_last else np.fft.fftfreq(n)
    return np.rint(numbers * n)
