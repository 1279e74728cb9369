"""Validation during training: what is measured, what is kept, and when it is enough."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from .._arguments import check_count, check_kind, check_number
from ..metrics import smse
from ._evaluate import Call, Metric, check_measurable, evaluate
from ._layout import Layout
from ._run import Run

# The columns of logs and the keys of the history.
_TAKEN = ("step", "loss", "losses", "seconds", "seconds_per_step")


@dataclasses.dataclass(frozen=True)
class EarlyStopping:
    """Ends a run when a metric of validation has not become smaller for some time.

    **Raises:** `ValueError` for a patience below 1 or a negative gain; `TypeError` for
    another kind.
    """

    metric: str
    """Its name in `validation_metrics`. Of what should be large give the negative."""
    patience: int
    """How many validations may pass without a smaller value; 5 to 20 are usual."""
    least_gain: float = 0.0
    """By how much a value must be below the best one to count as smaller."""

    def __post_init__(self):
        check_kind("metric", self.metric, str)
        check_count("patience", self.patience)
        check_number("least_gain", self.least_gain)
        if not self.least_gain >= 0:
            raise ValueError(
                f"`least_gain` must be 0 or more, got {self.least_gain!r}."
            )

    def is_enough(self, values: list[float]) -> bool:
        """Whether the last of `values`, as many as the patience, brought nothing."""
        best, since = float("inf"), 0
        for value in values:
            is_better = value < best - self.least_gain
            best, since = (value, 0) if is_better else (best, since + 1)
        return since >= self.patience


class Validation:
    """What `fit` measures; its results are in the history of the run alone."""

    def __init__(
        self,
        run: Run,
        windows: Any,
        metrics: Mapping[str, Metric] | None,
        *,
        every: int,
        batch_size: int,
        call: Call | None,
        stopping: EarlyStopping | None,
        layout: Layout,
    ):
        check_count("validate_every", every)
        self._run, self._windows, self._every = run, windows, every
        self._options = {"batch_size": batch_size, "call": call, "mesh": layout.mesh}
        self._is_default = metrics is None
        self._stopping = stopping
        if windows is None:
            if metrics is not None:
                raise ValueError(
                    "`validation_metrics` are given, but no `validation` to measure on."
                )
            self.metrics: dict[str, Metric] = {}
        else:
            self.metrics = _checked({"smse": smse} if metrics is None else metrics)
            model = run.state.model
            check_measurable(model, windows, self.metrics, batch_size, call, layout)
        if stopping is not None:
            self.check_name("early_stopping", stopping.metric)

    def check_name(self, argument: str, metric: str) -> None:
        """**Raises:** `ValueError` unless validation measures a metric of that name."""
        if metric not in self.metrics:
            known = ", ".join(map(repr, self.metrics)) or "none without `validation`"
            raise ValueError(
                f"`{argument}` names the metric {metric!r}, which validation does not "
                f"measure: {known}. Add it to `validation_metrics`."
            )

    def is_due(self, step: int) -> bool:
        """At multiples of `validate_every`."""
        return step % self._every == 0

    def measure(self) -> dict[str, float]:
        """Measures the model as it is returned, and adds to the history."""
        if not self.metrics:
            return {}
        model = self._run.state.averaged
        found = evaluate(model, self._windows, self.metrics, **self._options)
        history, step = self._run.history, self._run.done
        history["validation"].append((step, next(iter(found.values()))))
        if not self._is_default:
            for name, value in found.items():
                history.setdefault(f"validation {name}", []).append((step, value))
        return found

    def values(self, metric: str) -> list[float]:
        """All that have been measured so far, in order."""
        key = "validation" if self._is_default else f"validation {metric}"
        return [float(value) for _, value in self._run.history.get(key, [])]

    def is_best(self, metric: str) -> bool:
        """Whether the last value is smaller than all before it."""
        *before, last = self.values(metric)
        return last < min((x for x in before if x == x), default=float("inf"))

    def is_enough(self) -> bool:
        """Whether the patience of early stopping is at its end."""
        stopping = self._stopping
        return stopping is not None and stopping.is_enough(self.values(stopping.metric))


def _checked(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    if not metrics:
        raise TypeError(
            "`validation_metrics` must be a dict of functions by name, such as "
            f"{{'smse': geomnet.training.smse}}, got {metrics!r}."
        )
    for name in metrics:
        if not isinstance(name, str) or name in _TAKEN:
            raise ValueError(
                f"`validation_metrics` has the name {name!r}, which logs use for "
                "something else, or is no text: rename it."
            )
    return dict(metrics)
