"""Means of metrics over a whole data set, nothing left out."""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from .._image import GeometricImage
from ._rollout import rollout

Metric = Callable[[GeometricImage, GeometricImage], Float[Array, "*batch"]]


@eqx.filter_jit
def _one_step(
    model: Any,
    metrics: tuple[Metric, ...],
    histories: GeometricImage,
    targets: GeometricImage,
) -> list[Array]:
    predictions = jax.vmap(model)(histories)
    return [metric(predictions, targets) for metric in metrics]


def evaluate(
    model: Any,
    windows: Any,
    metrics: Mapping[str, Metric],
    *,
    batch_size: int,
) -> dict[str, float]:
    """The mean of each metric over all windows, one step ahead.

    The last batch is filled up with windows that are then not counted, so that every
    window counts once and one compilation serves all batches.

    **Arguments:**

    - `windows`: has a length and `take(numbers) -> (histories, targets)`.
    - `metrics`: by name, functions of predictions and targets, such as `smse`.
    """
    count = len(windows)
    sums = dict.fromkeys(metrics, 0.0)
    for start in range(0, count, batch_size):
        numbers = np.arange(start, start + batch_size)
        kept = int((numbers < count).sum())
        histories, targets = windows.take(np.minimum(numbers, count - 1))
        values = _one_step(model, tuple(metrics.values()), histories, targets)
        for name, value in zip(metrics, values, strict=True):
            sums[name] += float(np.asarray(value, np.float64)[:kept].sum())
    return {name: total / count for name, total in sums.items()}


@eqx.filter_jit
def predict(model: Any, histories: GeometricImage, num_steps: int) -> GeometricImage:
    """Rollouts of a batch, `(batch, num_steps, *grid, features)`."""
    return jax.vmap(lambda history: rollout(model, history, num_steps))(histories)
