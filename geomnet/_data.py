"""The adapter: windows of a data file as `GeometricImage`s, in normalised units.

Anything that looks like what `pde_data.load` gives will do: `fields` with name, order
and parity, `data[name]` of shape `(trajectory, time, *grid[, d…])`, `num_spatial_dims`.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from ._group import MAX_SPATIAL_DIMS
from ._history import times_as_channels
from ._image import GeometricImage
from ._signature import Entry, Signature, TensorType

SCALAR = TensorType(0, 1)


@runtime_checkable
class FlowLike(Protocol):
    """What a data set must offer."""

    @property
    def fields(self) -> Sequence[Any]:
        """Each with `name`, `order` and `parity`."""
        ...

    @property
    def num_spatial_dims(self) -> int:
        """The dimension d of the grid."""
        ...

    def __getitem__(self, name: str) -> Any:
        """The field of that name, `(trajectory, time, *grid[, d…])`."""
        ...


@dataclasses.dataclass(frozen=True)
class Normaliser:
    """Scales fields to unit variance without preferring a direction.

    A scalar has its mean taken off and is divided by its standard deviation. Any other
    tensor keeps its zero, and is divided by the root mean square over all its
    components. So normalising commutes with every group element.
    """

    signature: Signature
    mean: tuple[float, ...]
    """One number per entry: zero but for scalars."""
    scale: tuple[float, ...]
    """One positive number per entry."""

    def normalise(self, array: Any) -> Any:
        """`(array - mean) / scale` for an array `(..., features)` of the signature."""
        mean, scale = self._per_feature(array)
        return (array - mean) / scale

    def restore(self, array: Any) -> Any:
        """The inverse: back to the units of the data."""
        mean, scale = self._per_feature(array)
        return array * scale + mean

    def _per_feature(self, array: Any) -> tuple[np.ndarray, np.ndarray]:
        d = _dims_of(self.signature, array.shape[-1], "array")
        counts = [entry.features(d) for entry in self.signature]
        shape = (1,) * (array.ndim - 1) + (-1,)
        mean = np.repeat(self.mean, counts).astype(array.dtype).reshape(shape)
        return mean, np.repeat(self.scale, counts).astype(array.dtype).reshape(shape)


def flow_signature(data: FlowLike) -> Signature:
    """The signature of one frame: each field with its tensor type."""
    return Signature(
        Entry(field.name, 1, TensorType(field.order, field.parity))
        for field in data.fields
    )


def read_frames(
    data: FlowLike, trajectories: slice | None = None, dtype: Any = np.float32
) -> Float[np.ndarray, "trajectories times *grid features"]:
    """All frames of some trajectories as one array, features in signature order.

    **Arguments:**

    - `trajectories`: which ones; by default all.

    **Raises:** `ValueError` if there is none, or a number is not finite, naming the
    trajectory.
    """
    where = slice(None) if trajectories is None else trajectories
    parts = []
    for field in data.fields:
        values = np.asarray(data[field.name][where], dtype)
        if values.shape[0] == 0:
            raise ValueError(
                f"`trajectories` ({where}) picks none of the data's "
                f"{data[field.name].shape[0]} trajectories."
            )
        finite = np.isfinite(values)
        if not finite.all():
            trajectory, time = np.argwhere(~finite)[0][:2]
            raise ValueError(
                f"Field '{field.name}' is not finite in trajectory "
                f"{trajectory + (where.start or 0)}, time {time}. Generate the file "
                "anew or leave that trajectory out: a network trained on it learns "
                "nothing. `python -m pde_data check FILE` lists what is wrong."
            )
        grid = values.shape[: 2 + data.num_spatial_dims]
        parts.append(values.reshape(*grid, -1))
    return np.concatenate(parts, axis=-1)


def fit_normaliser(signature: Signature, frames: np.ndarray) -> Normaliser:
    """The normaliser of some frames, `(..., features)`, in the units of the data.

    **Raises:** `ValueError` if a field is constant, so that it has no scale.
    """
    d = _dims_of(signature, frames.shape[-1], "frames")
    means, scales = [], []
    for entry, where in zip(signature, signature.slices(d), strict=True):
        values = frames[..., where].astype(np.float64)
        mean = float(values.mean()) if entry.type == SCALAR else 0.0
        scale = float(np.sqrt(np.square(values - mean).mean()))
        if not scale > 0:
            raise ValueError(
                f"Entry '{entry}' is constant over all frames and can't be normalised: "
                "leave it out of the signature, or use more trajectories."
            )
        means.append(mean)
        scales.append(scale)
    return Normaliser(signature, tuple(means), tuple(scales))


@dataclasses.dataclass(frozen=True, eq=False)
class Windows:
    """Every window of consecutive frames: a history and the frame that follows.

    Held on the host; `take` gathers a batch, so the data may be larger than a device.
    """

    signature: Signature
    frames: Float[np.ndarray, "trajectories times *grid features"]
    past: int
    """How many frames a history has."""

    def __post_init__(self):
        if not 1 <= self.past < self.frames.shape[1]:
            raise ValueError(
                f"`past` must be from 1 to {self.frames.shape[1] - 1}, one less than "
                f"the frames of a trajectory, got {self.past}."
            )

    @property
    def num_spatial_dims(self) -> int:
        """The dimension d of the grid."""
        return self.frames.ndim - 3

    @property
    def per_trajectory(self) -> int:
        """How many windows one trajectory has."""
        return self.frames.shape[1] - self.past

    def __len__(self) -> int:
        return self.frames.shape[0] * self.per_trajectory

    def take(self, numbers: np.ndarray) -> tuple[GeometricImage, GeometricImage]:
        """`(histories, next frames)`, each with a leading batch axis.

        The histories have signature `past * signature`, channels oldest first.
        """
        trajectory, start = np.divmod(np.asarray(numbers), self.per_trajectory)
        times = start[:, None] + np.arange(self.past)
        target = self.frames[trajectory, start + self.past]
        history = self._history(self.frames[trajectory[:, None], times])
        return history, GeometricImage(self.signature, target, self.num_spatial_dims)

    def rollouts(self) -> tuple[GeometricImage, GeometricImage]:
        """The first history of each trajectory, and all frames that follow it.

        The frames that follow have shape `(trajectories, times, *grid, features)`.
        """
        rest = self.frames[:, self.past :]
        history = self._history(self.frames[:, : self.past])
        return history, GeometricImage(self.signature, rest, self.num_spatial_dims)

    def _history(self, frames: np.ndarray) -> GeometricImage:
        """From `(batch, past, *grid, features)` to an image of `past * signature`."""
        d = self.num_spatial_dims
        array = times_as_channels(frames, self.signature, d)
        return GeometricImage(self.past * self.signature, array, d)


def _dims_of(signature: Signature, features: int, argument: str) -> int:
    """The dimension in which the signature has so many features."""
    for d in range(1, MAX_SPATIAL_DIMS + 1):
        if signature.features(d) == features:
            return d
    raise ValueError(
        f"`{argument}` has {features} features, which do not hold '{signature}'."
    )
