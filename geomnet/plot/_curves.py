"""Pictures of numbers against steps: learning curves, growth of errors."""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._arguments import checked, shown
from ._styles import every, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What the history of `fit` holds besides curves.
_NO_CURVE = ("seconds_per_step",)


@checked
def learning_curves(
    histories: Mapping[str, Any],
    *,
    x_label: str = "training step",
    y_label: str = "SMSE (normalised units)",
) -> "Figure":
    """Loss against step on a logarithmic axis.

    Models have colours and markers of their own, their curves dashes.

    **Arguments:**

    - `histories`: the history that `geomnet.training.fit` returns, or several of them
        by the names of models: for each curve's name points `(step, loss)`.
    - `x_label`, `y_label`: what is written at the axes.

    **Raises:** `TypeError` for what holds no such points, naming it; `ValueError` if
    there is no point at all.
    """
    import matplotlib.pyplot as plt

    by_model: dict[str, Any] = dict(histories)
    if not any(isinstance(value, Mapping) for value in by_model.values()):
        by_model = {"": by_model}
    curves = [
        (model, name, _points(f"{model}, {name}" if model else name, points))
        for model, curves in by_model.items()
        for name, points in _curves_of(model, curves)
    ]
    if not any(len(points) for _, _, points in curves):
        raise ValueError("`histories` must hold points (step, loss), and has none.")
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    styles = {model: style(i) for i, model in enumerate(by_model)}
    dashes = {
        name: dash
        for name, dash in zip(
            dict.fromkeys(name for _, name, _ in curves),
            itertools.cycle(("-", "--", ":", "-.")),
            strict=False,
        )
    }
    for model, name, points in curves:
        if len(points):
            label = f"{model}, {name}" if model else name
            drawn = {**styles[model], "linestyle": dashes[name], "label": label}
            axes.plot(*points.T, markersize=3, markevery=every(len(points)), **drawn)
    axes.set(yscale="log", xlabel=x_label, ylabel=y_label)
    axes.grid(which="both", alpha=0.25)
    axes.legend(handlelength=3.5)
    return figure


@checked
def error_growth(
    errors: Mapping[str, Sequence[float]],
    *,
    y_label: str = "SMSE (normalised units)",
    time_step: float | None = None,
    time_unit: str = "",
) -> "Figure":
    """The error of rollouts against the number of steps, one curve per model.

    **Arguments:**

    - `errors`: by the names of models, one number for each step.
    - `y_label`: what is written at the axis of errors.
    - `time_step`: the time of one step, for an axis of times in `time_unit`.

    **Raises:** `TypeError` for what holds no numbers, naming it.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for number, (name, given) in enumerate(errors.items()):
        values = _numbers(name, given)
        if values.ndim != 1:
            raise TypeError(
                f"`errors[{name!r}]` must be one number for each step, got "
                f"{shown(given)}."
            )
        x = np.arange(1, len(values) + 1) * (1 if time_step is None else time_step)
        marks: dict[str, Any] = {"markersize": 3, "markevery": every(len(x))}
        axes.plot(x, values, label=name, **marks, **style(number))
    unit = f" [{time_unit}]" if time_unit else ""
    x_label = "steps of the rollout" if time_step is None else f"time{unit}"
    axes.set(yscale="log", xlabel=x_label, ylabel=y_label)
    axes.grid(which="both", alpha=0.25)
    axes.legend(handlelength=3.5)
    return figure


def _curves_of(model: str, curves: Any) -> list[tuple[str, Any]]:
    if not isinstance(curves, Mapping):
        raise TypeError(
            f"`histories[{model!r}]` must be a history, as `geomnet.training.fit` "
            f"returns, got {shown(curves)}."
        )
    return [(str(n), points) for n, points in curves.items() if n not in _NO_CURVE]


def _points(name: str, given: Any) -> np.ndarray:
    points = _numbers(name, given)
    if points.size and (points.ndim != 2 or points.shape[1] != 2):
        raise TypeError(
            f"`histories` must hold points (step, loss), but '{name}' is "
            f"{shown(given)}."
        )
    return points.reshape(-1, 2)


def _numbers(name: str, given: Any) -> np.ndarray:
    try:
        return np.asarray(given, float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"'{name}' must hold numbers, got {shown(given)}.") from error
