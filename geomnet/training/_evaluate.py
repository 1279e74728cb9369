"""Means of metrics over a whole data set, nothing left out."""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from .._arguments import check_count, checked, shown
from .._image import GeometricImage
from ._rollout import rollout

Metric = Callable[[GeometricImage, GeometricImage], Float[Array, "*batch"]]
Call = Callable[..., GeometricImage]


def _plain_call(model: Any, *inputs: Any) -> GeometricImage:
    return model(*inputs)


@eqx.filter_jit
def _measured(
    model: Any,
    metrics: tuple[Metric, ...],
    call: Call,
    inputs: tuple[Any, ...],
    targets: GeometricImage,
) -> list[Array]:
    predictions = jax.vmap(lambda *one: call(model, *one))(*inputs)
    return [metric(predictions, targets) for metric in metrics]


@checked
def evaluate(
    model: Any,
    windows: Any,
    metrics: Mapping[str, Metric],
    *,
    batch_size: int,
    call: Call | None = None,
) -> dict[str, float]:
    """The mean of each metric over all windows, dropout switched off.

    The last batch is filled up with windows that are then not counted, so that every
    window counts once and one compilation serves all batches.

    **Arguments:**

    - `windows`: has a length and `take(numbers) -> (*inputs, targets)`, such as
        `(histories, targets)`, or `(histories, parameters, targets)` for a model that
        numbers condition.
    - `metrics`: by name, functions of predictions and targets, such as `smse`.
    - `call`: how to run the model on one sample, `call(model, *inputs)`; by default
        `model(*inputs)`. For targets of several steps it is
        `lambda model, history: rollout(model, history, steps)`; the mean over the
        steps is taken.

    **Raises:** `ValueError` if there is no window, or a batch is no such tuple.
    """
    check_count("batch_size", batch_size)
    check_windows("windows", windows)
    if call is None and not callable(model):
        raise TypeError(
            f"`model` must be a function of images, or `call` say how to run it; got "
            f"{shown(model)}."
        )
    count = len(windows)
    if count == 0:
        raise ValueError("`windows` is empty: there is nothing to measure on.")
    model = eqx.nn.inference_mode(model)
    sums = dict.fromkeys(metrics, 0.0)
    for start in range(0, count, batch_size):
        numbers = np.arange(start, start + batch_size)
        kept = int((numbers < count).sum())
        inputs, targets = _parted(windows.take(np.minimum(numbers, count - 1)))
        values = _measured(
            model, tuple(metrics.values()), call or _plain_call, inputs, targets
        )
        for name, value in zip(metrics, values, strict=True):
            one_each = np.asarray(value, np.float64)[:kept].reshape(kept, -1)
            sums[name] += float(one_each.mean(axis=1).sum())
    return {name: total / count for name, total in sums.items()}


def check_windows(argument: str, windows: Any) -> None:
    """**Raises:** `TypeError` for what gives no batches."""
    has_both = hasattr(windows, "__len__") and hasattr(windows, "take")
    # Arrays have a `take` of their own.
    if not has_both or isinstance(windows, np.ndarray | jax.Array):
        raise TypeError(
            f"`{argument}` must have a length and `take(numbers) -> batch`, as "
            f"`geomnet.Windows` has, got {shown(windows)}."
        )


def check_measurable(
    model: Any,
    windows: Any,
    metrics: Mapping[str, Metric],
    batch_size: int,
    call: Call | None,
) -> None:
    """Traces the first batch of `evaluate`, so that what is wrong is found early."""
    if len(windows) == 0:
        raise ValueError("`validation` is empty: there is nothing to measure on.")
    numbers = np.minimum(np.arange(batch_size), len(windows) - 1)
    inputs, targets = _parted(windows.take(numbers))
    model = eqx.nn.inference_mode(model)
    values = tuple(metrics.values())
    eqx.filter_eval_shape(
        _measured, model, values, call or _plain_call, inputs, targets
    )


def _parted(batch: Any) -> tuple[tuple[Any, ...], GeometricImage]:
    parts = list(batch) if isinstance(batch, tuple | list) else []
    if len(parts) < 2 or not isinstance(parts[-1], GeometricImage):
        raise ValueError(
            "`windows` must give batches `(*inputs, targets)` to be measured on, the "
            "images to predict last. Measure anything else with a function of yours."
        )
    return tuple(parts[:-1]), parts[-1]


@checked
def predict(
    model: Any, histories: GeometricImage, num_steps: int, *inputs: Any
) -> GeometricImage:
    """Rollouts of a batch, `(batch, num_steps, *grid, features)`, dropout switched off.

    **Arguments:**

    - `inputs`: what else the model takes, with a leading batch axis, the same at each
        step: `predict(model, histories, 15, parameters)`.
    """
    check_count("num_steps", num_steps)
    for leaf in jax.tree.leaves(inputs):
        batch = len(histories.array)
        if not eqx.is_array(leaf) or leaf.shape[:1] != (batch,):
            raise TypeError(
                f"`inputs` must be arrays whose first axis is that of the {batch} "
                f"histories, got {shown(leaf)}."
            )
    return _rollouts(eqx.nn.inference_mode(model), histories, int(num_steps), inputs)


@eqx.filter_jit
def _rollouts(
    model: Any, histories: GeometricImage, num_steps: int, inputs: tuple[Any, ...]
) -> GeometricImage:
    def one(history: GeometricImage, *inputs: Any) -> GeometricImage:
        return rollout(model, history, num_steps, *inputs)

    return jax.vmap(one)(histories, *inputs)
