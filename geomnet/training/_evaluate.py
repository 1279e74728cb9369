"""Means of metrics over a whole data set, nothing left out."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from .._arguments import check_count, check_kind, checked, shown
from .._arithmetic import check_precision
from .._image import GeometricImage
from ._layout import Layout
from ._rollout import rollout

Metric = Callable[[GeometricImage, GeometricImage], Float[Array, "*batch"]]
Call = Callable[..., GeometricImage]


@dataclasses.dataclass(frozen=True)
class RolloutMetric:
    """A `metric` of rollouts from the first window of each trajectory.

    For `evaluate` and `fit(validation_metrics=...)`, beside metrics of one step:
    `{"smse": smse, "nrmse of 15 steps": RolloutMetric(nrmse, 15)}`. The mean over the
    steps and trajectories is taken. Windows must have `starts(num_steps)`, as
    `geomnet.Windows` has.

    **Raises:** `TypeError` if the metric is no function, `ValueError` for less than a
    step.
    """

    metric: Metric
    num_steps: int

    def __post_init__(self):
        check_kind("metric", self.metric, Metric)
        check_count("num_steps", self.num_steps)

    def __call__(
        self, prediction: GeometricImage, target: GeometricImage
    ) -> Float[Array, "*batch"]:
        """The metric of what a rollout has given, `prediction`, and of `target`."""
        return self.metric(prediction, target)


@dataclasses.dataclass(frozen=True)
class _Rollout:
    """How a model is rolled out; equal for equal numbers, so that it compiles once."""

    num_steps: int

    def __call__(self, model: Any, *inputs: Any) -> GeometricImage:
        history, *rest = inputs
        return rollout(model, history, self.num_steps, *rest)


def _plain_call(model: Any, *inputs: Any) -> GeometricImage:
    return model(*inputs)


class _Part(NamedTuple):
    """Metrics that are measured on the same predictions."""

    windows: Any
    metrics: dict[str, Metric]
    call: Call


def _parts(
    windows: Any, metrics: Mapping[str, Metric], call: Call | None
) -> Iterator[_Part]:
    def steps_of(metric: Metric) -> int | None:
        return metric.num_steps if isinstance(metric, RolloutMetric) else None

    for steps in dict.fromkeys(map(steps_of, metrics.values())):
        own = {n: m for n, m in metrics.items() if steps_of(m) == steps}
        if steps is None:
            yield _Part(windows, own, call or _plain_call)
        elif hasattr(windows, "starts"):
            yield _Part(windows.starts(steps), own, _Rollout(steps))
        else:
            raise TypeError(
                f"A `RolloutMetric` needs windows with `starts(num_steps)`, as "
                f"`geomnet.Windows` has; {type(windows).__name__} has none. It gives "
                "what has a length and `take(numbers) -> (*inputs, targets)`, where "
                "targets are `num_steps` frames."
            )


@eqx.filter_jit
def _predicted(model: Any, call: Call, inputs: tuple[Any, ...]) -> Any:
    """Without metrics: those of other ones are of the same program, which is what takes
    long to compile.
    """
    return jax.vmap(lambda *one: call(model, *one))(*inputs)


@eqx.filter_jit
def _measured(
    metrics: tuple[Metric, ...],
    predictions: GeometricImage,
    targets: GeometricImage,
    layout: Layout,
) -> list[Array]:
    return layout.kept_whole([metric(predictions, targets) for metric in metrics])


@checked
def evaluate(
    model: Any,
    windows: Any,
    metrics: Mapping[str, Metric],
    *,
    batch_size: int,
    call: Call | None = None,
    mesh: Any = None,
) -> dict[str, float]:
    """The mean of each metric over all windows, dropout switched off.

    The last batch is filled up with windows that are then not counted, so that every
    window counts once and one compilation serves all batches.

    **Arguments:**

    - `windows`: has a length and `take(numbers) -> (*inputs, targets)`, such as
        `(histories, targets)`, or `(histories, parameters, targets)` for a model that
        numbers condition.
    - `metrics`: by name, functions of predictions and targets, such as `smse`, and
        a `RolloutMetric` of them.
    - `batch_size`: windows at a time.
    - `call`: how to run the model on one sample, `call(model, *inputs)`; by default
        `model(*inputs)`. For targets of several steps it is
        `lambda model, history: rollout(model, history, steps)`; the mean over the
        steps is taken.
    - `mesh`: a `jax.sharding.Mesh` to share the samples out over, as in `fit`.

    **Raises:** `ValueError` if there is no window, a batch is no such tuple, or the
    mesh does not divide the batch.
    """
    layout = Layout.of(mesh)
    check_count("batch_size", batch_size)
    check_precision()
    check_windows("windows", windows)
    _check_callable(model, call)
    if len(windows) == 0:
        raise ValueError("`windows` is empty: there is nothing to measure on.")
    layout.check_batch("batch_size", batch_size)
    model = layout.whole(eqx.nn.inference_mode(model))
    found: dict[str, float] = {}
    with layout.context():
        for part in _parts(windows, metrics, call):
            found |= _means(model, part, batch_size, layout)
    return {name: found[name] for name in metrics}


def _means(
    model: Any, part: _Part, batch_size: int, layout: Layout
) -> dict[str, float]:
    windows, metrics, call = part
    count = len(windows)
    batch_size = layout.filled(min(batch_size, count))
    sums = dict.fromkeys(metrics, 0.0)
    for start in range(0, count, batch_size):
        numbers = np.arange(start, start + batch_size)
        kept = int((numbers < count).sum())
        batch = layout.batch(windows, np.minimum(numbers, count - 1))
        inputs, targets = _parted(batch)
        predictions = _predicted(model, call, inputs)
        values = _measured(tuple(metrics.values()), predictions, targets, layout)
        for name, value in zip(metrics, values, strict=True):
            one_each = np.asarray(value, np.float64)[:kept].reshape(kept, -1)
            sums[name] += float(one_each.mean(axis=1).sum())
    return {name: total / count for name, total in sums.items()}


def _check_callable(model: Any, call: Call | None) -> None:
    if call is None and not callable(model):
        raise TypeError(
            f"`model` must be a function of images, or `call` say how to run it; got "
            f"{shown(model)}."
        )


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
    layout: Layout,
) -> None:
    """Traces the first batch of `evaluate`, so that what is wrong is found early."""
    _check_callable(model, call)
    if len(windows) == 0:
        raise ValueError("`validation` is empty: there is nothing to measure on.")
    model = eqx.nn.inference_mode(model)
    for part in _parts(windows, metrics, call):
        count = len(part.windows)
        numbers = np.arange(layout.filled(min(batch_size, count)))
        batch = layout.batch(part.windows, np.minimum(numbers, count - 1))
        inputs, targets = _parted(batch)
        predictions = eqx.filter_eval_shape(_predicted, model, part.call, inputs)
        each = tuple(part.metrics.values())
        eqx.filter_eval_shape(_measured, each, predictions, targets, layout)


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
    model: Any,
    histories: GeometricImage,
    num_steps: int,
    *inputs: Any,
    mesh: Any = None,
) -> GeometricImage:
    """Rollouts of a batch, `(batch, num_steps, *grid, features)`, dropout switched off.

    **Arguments:**

    - `inputs`: what else the model takes, with a leading batch axis, the same at each
        step: `predict(model, histories, 15, parameters)`.
    - `mesh`: a `jax.sharding.Mesh` to share batch and grid out over, as in `fit`;
        predictions lie there. All processes give the same histories.

    **Raises:** `ValueError` if the mesh does not divide batch or grid.
    """
    check_count("num_steps", num_steps)
    layout = Layout.of(mesh)
    batch = len(histories.array)
    layout.check_batch("histories", batch)
    for leaf in jax.tree.leaves(inputs):
        if not eqx.is_array(leaf) or leaf.shape[:1] != (batch,):
            raise TypeError(
                f"`inputs` must be arrays whose first axis is that of the {batch} "
                f"histories, got {shown(leaf)}."
            )
    histories, inputs = layout.placed((histories, inputs), batch)
    model = layout.whole(eqx.nn.inference_mode(model))
    with layout.context():
        return _rollouts(model, histories, int(num_steps), inputs)


@eqx.filter_jit
def _rollouts(
    model: Any, histories: GeometricImage, num_steps: int, inputs: tuple[Any, ...]
) -> GeometricImage:
    def one(history: GeometricImage, *inputs: Any) -> GeometricImage:
        return rollout(model, history, num_steps, *inputs)

    return jax.vmap(one)(histories, *inputs)
