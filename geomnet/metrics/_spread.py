"""Many trajectories or seeds as a few numbers, on the host."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from .._arguments import checked
from .._image import GeometricImage
from ._fields import check_pair


@dataclasses.dataclass(frozen=True)
class Spread:
    """`median`, `mean` and quartiles over trajectories or seeds, one number or one a
    step.

    A rollout that is no longer finite counts as infinitely wrong: the median stands as
    long as half of them hold, the mean does not.
    """

    median: Float[np.ndarray, "*steps"]
    mean: Float[np.ndarray, "*steps"]
    lower: Float[np.ndarray, "*steps"]
    """A quarter of the values is below."""
    upper: Float[np.ndarray, "*steps"]
    """A quarter of the values is above."""
    count: int
    """How many values were put together."""

    @staticmethod
    def of(values: Any) -> "Spread":
        """Over the first axis of `values`; NaN counts as infinite.

        **Raises:** `ValueError` if there is no value.
        """
        numbers = np.asarray(values, np.float64)
        if not numbers.shape or not len(numbers):
            raise ValueError(
                "`values` must have an axis of trajectories or seeds with at least "
                f"one, got shape {numbers.shape}."
            )
        numbers = np.sort(np.where(np.isnan(numbers), np.inf, numbers), axis=0)
        found = [_quantile(numbers, q) for q in (0.5, 0.25, 0.75)]
        median, lower, upper, mean = map(np.asarray, (*found, numbers.mean(axis=0)))
        return Spread(median, mean, lower, upper, len(numbers))


def _quantile(ordered: np.ndarray, q: float) -> Any:
    """As NumPy's, but infinite between a number and infinity, where it has NaN."""
    place = q * (len(ordered) - 1)
    low, high = ordered[int(np.floor(place))], ordered[int(np.ceil(place))]
    part = place - np.floor(place)
    if part == 0:
        return low
    return np.where(low == high, low, (1 - part) * low + part * high)


@checked
def over_trajectories(
    metric: Callable[..., Any],
    prediction: GeometricImage,
    target: GeometricImage,
    **arguments: Any,
) -> Any:
    """A metric's median, mean and quartiles over trajectories: `Spread` for each step.

    `over_trajectories(gn.metrics.vrmse, predicted, true)["velocity"].median` has one
    number for each step.

    **Arguments:**

    - `metric`: such as `smse`, `vrmse` or `energy_ratio`; called with the images and
        `arguments`.
    - `prediction`, `target`: `(trajectories, steps, *grid, features)`.

    **Returns:** a `Spread`, or for a metric of fields one for each.

    **Raises:** `ValueError` if the metric has no value although both images are finite,
    such as the VRMSE of a field that is constant in space, naming trajectory and step.
    """
    check_pair(prediction, target)
    values = metric(prediction, target, **arguments)
    finite = finite_frames(prediction) & finite_frames(target)
    name = getattr(metric, "__name__", "metric")
    if isinstance(values, dict):
        return {
            field: checked_spread(value, finite, f"{name} of {field!r}")
            for field, value in values.items()
        }
    return checked_spread(values, finite, name)


def finite_frames(image: GeometricImage) -> np.ndarray:
    """Whether all numbers of a frame are finite, for each place on the leading axes."""
    axes = (*image.spatial_axes, -1)
    return np.asarray(np.isfinite(np.asarray(image.array, np.float64)).all(axis=axes))


def checked_spread(
    values: Any, finite: Float[np.ndarray, "*batch"] | np.ndarray, what: str
) -> Spread:
    """The spread of a metric that has a value wherever the images are finite.

    **Raises:** `ValueError` where it has none.
    """
    numbers = np.asarray(values, np.float64)
    # A metric may sum over steps, or have an axis of its own, as octaves.
    axes = min(numbers.ndim, finite.ndim)
    known = finite.all(axis=tuple(range(axes, finite.ndim)))
    known = known.reshape(*known.shape, *(1,) * (numbers.ndim - known.ndim))
    bad = np.argwhere(known & ~np.isfinite(numbers))
    if len(bad):
        place = ", ".join(
            f"{axis} {number}"
            for axis, number in zip(("trajectory", "step"), bad[0], strict=False)
        )
        raise ValueError(
            f"{what} has no value at {place}: the true field is constant in space or "
            "zero there, so that nothing can be relative to it. Leave that field or "
            "those frames out (`fields=`), or take `smse`."
        )
    return Spread.of(numbers)
