"""Normalised units: fields scaled to unit variance, without preferring a direction."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ._group import MAX_SPATIAL_DIMS
from ._signature import SCALAR, Signature


@dataclasses.dataclass(frozen=True)
class Normaliser:
    """Scales fields to unit variance without preferring a direction.

    A scalar has its mean taken off and is divided by its standard deviation. Any other
    tensor keeps its zero, and is divided by the root mean square over all its
    components. So normalising commutes with every group element.

    Made by `fit_normaliser`, for frames of `signature`.
    """

    signature: Signature
    mean: tuple[float, ...]
    """One number per entry: zero but for scalars."""
    scale: tuple[float, ...]
    """One positive number per entry."""
    num_spatial_dims: int
    """The dimension of the grid that the frames had."""

    def normalise(self, array: Any, dtype: Any = None) -> Any:
        """`(array - mean) / scale` for an array `(..., features)` of the signature.

        NumPy arrays are computed in float64, and cast to `dtype` last: a sound wave of
        0.05 Pa on 101325 Pa needs more digits than its normalised values. By default
        the dtype is that of the array. A JAX array stays one, in its own precision,
        unless a `dtype` is given.

        **Raises:** `ValueError` if the features are not those of the signature, or the
        result is too large for `dtype`.
        """
        return self._map(array, dtype, lambda x, mean, scale: (x - mean) / scale)

    def restore(self, array: Any, dtype: Any = None) -> Any:
        """The inverse: an `array` back in the units of the data; `dtype` as in
        `normalise`.

        **Raises:** `ValueError` as `normalise`.
        """
        return self._map(array, dtype, lambda x, mean, scale: x * scale + mean)

    def _map(self, array: Any, dtype: Any, change: Callable[..., Any]) -> Any:
        d = self.num_spatial_dims
        check_features(self.signature, array.shape[-1], d, "array")
        counts = [entry.features(d) for entry in self.signature]
        mean, scale = (np.repeat(x, counts) for x in (self.mean, self.scale))
        if dtype is None and not isinstance(array, np.ndarray):
            own, bare = array.dtype, (1,) * (array.ndim - 1) + (-1,)
            with np.errstate(over="ignore", under="ignore"):
                mean, scale = (x.astype(own).reshape(bare) for x in (mean, scale))
            if not (
                np.isfinite(mean).all() and np.isfinite(scale).all() and scale.all()
            ):
                raise _too_large(own)
            return change(array, mean, scale)
        array = np.asarray(array)
        own = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
        result = np.empty(array.shape, own if dtype is None else dtype)
        # One piece at a time, as float64 may need twice the memory of the array.
        for where in range(len(array)) if array.ndim > 1 else [...]:
            exact = change(array[where].astype(np.float64), mean, scale)
            with np.errstate(over="ignore"):
                result[where] = exact
            if np.isfinite(exact).all() and not np.isfinite(result[where]).all():
                raise _too_large(result.dtype)
        return result


def _too_large(dtype: Any) -> ValueError:
    return ValueError(
        f"`array` does not hold in {np.dtype(dtype)} in these units: pass "
        "`dtype=np.float64`."
    )


def fit_normaliser(signature: "Signature | str", frames: Any) -> Normaliser:
    """The normaliser of some frames, in the units of the data.

    **Arguments:**

    - `signature`: what a frame holds.
    - `frames`: `(trajectories, times, *grid, features)`, as `read_frames` gives, or
      `LazyFrames`, of which a few frames are read at a time. Sums are in float64.

    **Raises:** `ValueError` if the grid and the features are not those of the
    signature, if a number is not finite, or if a field is constant, so that it has no
    scale.
    """
    signature = Signature(signature)
    d = check_frames(signature, frames)
    totals = [_Moments() for _ in signature]
    for number, block in blocks_of(frames):
        for entry, where, total in zip(
            signature, signature.slices(d), totals, strict=True
        ):
            values = np.asarray(block[..., where], np.float64)
            if not np.isfinite(values).all():
                raise ValueError(
                    f"Entry '{entry}' of `frames` is not finite in trajectory "
                    f"{number}: leave it out, or find out what is wrong with it."
                )
            total.add(values, centred=entry.type == SCALAR)
    for entry, total in zip(signature, totals, strict=True):
        if not total.scale > 0:
            raise ValueError(
                f"Entry '{entry}' is constant over all frames and can't be normalised: "
                "leave it out (`fields=` when reading), or use more trajectories."
            )
    means = tuple(total.mean for total in totals)
    return Normaliser(signature, means, tuple(total.scale for total in totals), d)


def check_frames(signature: Signature, frames: Any) -> int:
    """The dimension of the grid of frames that a signature must fit.

    **Raises:** `ValueError` if it does not, `TypeError` for what has no axes.
    """
    if not hasattr(frames, "shape") or not hasattr(frames, "dtype"):
        raise TypeError(
            "`frames` must be an array (trajectories, times, *grid, features), such as "
            f"`read_frames` gives, got {type(frames).__name__}."
        )
    d = len(frames.shape) - 3
    if not 1 <= d <= MAX_SPATIAL_DIMS:
        raise ValueError(
            "`frames` must have axes (trajectories, times, *grid, features), got shape "
            f"{tuple(frames.shape)}."
        )
    if 0 in frames.shape:
        raise ValueError(f"`frames` is empty: it has shape {tuple(frames.shape)}.")
    check_features(signature, frames.shape[-1], d, "frames")
    return d


def check_features(signature: Signature, features: int, d: int, argument: str) -> None:
    """Refuse a last axis that does not hold a signature on a grid of `d` axes.

    **Raises:** `ValueError`.
    """
    wanted = signature.features(d)
    if features != wanted:
        raise ValueError(
            f"`{argument}` has {features} features on a grid of {d} axes, where "
            f"'{signature}' has {wanted}. Name every field in the signature "
            "(`flow_signature(data)`), or read only those in it (`fields=`)."
        )


class _Moments:
    """Mean and spread of blocks of numbers, added up without cancellation."""

    def __init__(self):
        self.count, self.mean, self._peak, self._squares = 0, 0.0, 0.0, 0.0
        self._low, self._high = np.inf, -np.inf

    def add(self, values: np.ndarray, *, centred: bool) -> None:
        """Chan, Golub and LeVeque (1983): the squares of parts from their own means."""
        mean = float(values.mean()) if centred else 0.0
        away = values - mean
        self._low = min(self._low, float(values.min()))
        self._high = max(self._high, float(values.max()))
        shift = mean - self.mean if self.count else 0.0
        peak = max(self._peak, float(np.abs(away).max()), abs(shift))
        total = self.count + values.size
        if centred:
            self.mean = self.mean + shift * values.size / total if self.count else mean
        if peak == 0:
            self.count = total
            return
        # In units of the largest deviation, so that no square is out of range.
        squares = self._squares * (self._peak / peak) ** 2
        squares += float(np.square(away / peak).sum())
        squares += (shift / peak) ** 2 * self.count * values.size / total
        self.count, self._peak, self._squares = total, peak, squares

    @property
    def scale(self) -> float:
        """The root of the mean square of what deviates; 0 for equal numbers, whose
        rounded mean is not quite one of them.
        """
        if self._low == self._high and self.mean != 0:
            return 0.0
        return self._peak * float(np.sqrt(self._squares / max(self.count, 1)))


def blocks_of(frames: Any) -> Iterator[tuple[int, np.ndarray]]:
    """Frames of an array or of `LazyFrames`, a few of one trajectory at a time."""
    if hasattr(frames, "blocks"):
        yield from frames.blocks()
    else:
        for number in range(len(frames)):
            yield number, np.asarray(frames[number])
