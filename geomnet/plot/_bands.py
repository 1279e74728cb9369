"""Curves of metrics with their spread: against time, wave number and amount of data.

Each curve has a colour, a dash and a marker of its own, so that it is told from the
others in grey and by the colour-blind.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._arguments import checked, shown
from ..metrics import Spread
from ._styles import STYLES, every

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@checked
def error_bands(
    errors: Mapping[str, Any],
    *,
    time_step: float = 1.0,
    x_label: str = "steps of the rollout",
    y_label: str = "VRMSE",
    logarithmic: bool = True,
) -> "Figure":
    """Errors against time: the median over trajectories or seeds, quartiles as a band.

    **Arguments:**

    - `errors`: for each model's name an array `(trajectories or seeds, steps)`, such as
        `report["vrmse velocity"]`.
    - `time_step`: the time from frame to frame, in the unit that `x_label` names.
    - `x_label`, `y_label`: what is written at the axes.
    - `logarithmic`: whether the axis of errors is.

    **Raises:** `ValueError` if there is no model, or an array has other axes.
    """
    figure, axes = _axes(errors, "errors")
    for style, (name, values) in zip(_styles(errors), errors.items(), strict=True):
        numbers = _two_axes(values, f"errors[{name!r}]", "steps")
        times = time_step * np.arange(1, numbers.shape[1] + 1)
        _band(axes, times, Spread.of(numbers), style, name)
    return _finished(figure, axes, x_label, y_label, "linear", logarithmic)


@checked
def spectra(
    wave_numbers: Any,
    energies: Mapping[str, Any],
    *,
    x_label: str = "wave number (longest wave = 1)",
    y_label: str = "energy ½|û|² in a shell",
) -> "Figure":
    """Energy against wave number on logarithmic axes: truth and predictions.

    The median over trajectories with quartiles as a band; shell 0, the mean, is not
    drawn.

    **Arguments:**

    - `wave_numbers`: those of the shells, such as `report.wave_numbers`.
    - `energies`: for each name, the truth's first, an array `(shells,)` or
        `(trajectories, shells)`, such as `report.true_spectrum[:, step]`.
    - `x_label`, `y_label`: what is written at the axes.

    **Raises:** `ValueError` if there is no spectrum, or one has other shells;
    `TypeError` if `wave_numbers` are none.
    """
    figure, axes = _axes(energies, "energies")
    shells = np.asarray(wave_numbers)
    if shells.ndim != 1 or shells.dtype.kind not in "iuf":
        raise TypeError(
            "`wave_numbers` must be an array (shells,) of numbers, such as those of "
            f"`geomnet.metrics.wave_numbers(grid)`, got {shown(wave_numbers)}."
        )
    kept = shells > 0
    for style, (name, values) in zip(_styles(energies), energies.items(), strict=True):
        numbers = np.atleast_2d(np.asarray(values, np.float64))
        if numbers.ndim != 2 or numbers.shape[1] != len(shells):
            raise ValueError(
                f"`energies[{name!r}]` must have shape (shells,) or (trajectories, "
                f"shells) with {len(shells)} shells, got {np.shape(values)}."
            )
        # A shell without waves has no place on a logarithmic axis.
        numbers = np.where(numbers > 0, numbers, np.nan)[:, kept]
        some = np.isfinite(numbers).all(axis=0)
        spread = Spread.of(numbers[:, some])
        _band(axes, shells[kept][some], spread, style, name)
    return _finished(figure, axes, x_label, y_label, "log", True)


@checked
def data_efficiency(
    errors: Mapping[str, Mapping[int, Any]],
    *,
    x_label: str = "trajectories to train on",
    y_label: str = "VRMSE",
) -> "Figure":
    """Test error against the number of training trajectories, for several models.

    Each seed is a point, the line goes through the medians, the band through quartiles.

    **Arguments:**

    - `errors`: for each model's name, for each number of trajectories, the errors of
        its seeds, `(seeds,)`.
    - `x_label`, `y_label`: what is written at the axes.

    **Raises:** `ValueError` if there is no model, or one has no errors.
    """
    figure, axes = _axes(errors, "errors")
    for style, (name, values) in zip(_styles(errors), errors.items(), strict=True):
        counts = sorted(values)
        if not counts or not all(np.ravel(values[count]).size for count in counts):
            raise ValueError(
                f"`errors[{name!r}]` must hold the errors of some seeds for each "
                "number of trajectories, such as `{16: [0.3, 0.4]}`."
            )
        spreads = [Spread.of(np.ravel(values[count])) for count in counts]
        whole = Spread(
            *(
                np.asarray([getattr(s, part) for s in spreads], np.float64)
                for part in ("median", "mean", "lower", "upper")
            ),
            count=max(s.count for s in spreads),
        )
        _band(axes, np.asarray(counts), whole, style, name)
        for count in counts:
            seeds = np.ravel(values[count])
            axes.plot(
                np.full(seeds.size, count),
                seeds,
                linestyle="none",
                marker=style["marker"],
                markersize=3,
                markerfacecolor="none",
                color=style["color"],
                alpha=0.6,
            )
    figure = _finished(figure, axes, x_label, y_label, "log", True)
    ticks = sorted({count for values in errors.values() for count in values})
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    return figure


def _axes(curves: Mapping[str, Any], argument: str) -> "tuple[Figure, Axes]":
    import matplotlib.pyplot as plt

    if not curves:
        raise ValueError(f"`{argument}` is empty: give at least one named curve.")
    return plt.subplots(figsize=(6, 4), layout="constrained")


def _styles(curves: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    if len(curves) > len(STYLES):
        raise ValueError(
            f"{len(curves)} curves can't be told from each other: draw {len(STYLES)} "
            "at most in one picture."
        )
    return STYLES[: len(curves)]


def _two_axes(values: Any, argument: str, second: str) -> np.ndarray:
    numbers = np.asarray(values, np.float64)
    if numbers.ndim != 2:
        raise ValueError(
            f"`{argument}` must have shape (trajectories or seeds, {second}), got "
            f"{numbers.shape}. Of one it is `array[None]`."
        )
    return numbers


def _band(
    axes: "Axes", x: np.ndarray, spread: Spread, style: dict[str, Any], label: str
) -> None:
    # What is infinite is not drawn: the line ends there.
    middle, low, high = (
        np.where(np.isfinite(part), part, np.nan)
        for part in (spread.median, spread.lower, spread.upper)
    )
    marks: dict[str, Any] = {"markersize": 4, "markevery": every(len(x))}
    axes.plot(x, middle, label=label, **marks, **style)
    if spread.count > 1:
        axes.fill_between(x, low, high, color=style["color"], alpha=0.15, linewidth=0)


def _finished(
    figure: "Figure",
    axes: "Axes",
    x_label: str,
    y_label: str,
    x_scale: str,
    logarithmic: bool,
) -> "Figure":
    axes.set_xscale(x_scale)
    axes.set_yscale("log" if logarithmic else "linear")
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(which="both", alpha=0.25)
    axes.legend(handlelength=3.5)
    return figure
