"""What was measured on a set of rollouts: numbers, a table, JSON and CSV."""

import csv
import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Num

from ._spread import Spread


@dataclasses.dataclass(frozen=True)
class RolloutReport:
    """All metrics of a set of rollouts, of each trajectory and step: print it, or read
    its parts.
    """

    series: dict[str, Float[np.ndarray, "trajectories steps"]]
    """By name such as `"smse"`, `"vrmse velocity"`, `"drift mass"`; `"nrmse"` alone is
    the global one."""
    correlation_times: dict[str, Float[np.ndarray, " trajectories"]]
    """For each field, in units of `time_step`'s; infinite: beyond the end."""
    time_step: float
    """The time from frame to frame."""
    threshold: float
    """Of the correlation, for the correlation time."""
    vector: str | None
    """The field that has spectra."""
    wave_numbers: Num[np.ndarray, " shells"]
    """Those of the spectra, in units of the longest wave."""
    octaves: Num[np.ndarray, " octaves"]
    """The wave numbers where octaves begin."""
    true_spectrum: Float[np.ndarray, "trajectories steps shells"] | None
    """The energy `½|û|²` in each shell."""
    predicted_spectrum: Float[np.ndarray, "trajectories steps shells"] | None
    """The same of the prediction."""
    energy_ratio: Float[np.ndarray, "trajectories steps octaves"] | None
    """Predicted over true energy; NaN where the truth has none."""

    @property
    def trajectories(self) -> int:
        """How many rollouts there are."""
        return self.series["smse"].shape[0]

    @property
    def steps(self) -> int:
        """How many steps each has."""
        return self.series["smse"].shape[1]

    @property
    def rollout_smse(self) -> Float[np.ndarray, " trajectories"]:
        """The SMSE summed over the steps."""
        return self.series["smse"].sum(axis=1)

    def __getitem__(self, name: str) -> Float[np.ndarray, "trajectories steps"]:
        """The series of that name.

        **Raises:** `KeyError` with the names there are.
        """
        if name not in self.series:
            raise KeyError(f"{name!r} was not measured; there are: {', '.join(self)}")
        return self.series[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.series)

    def spread(self, name: str) -> Spread:
        """Median, mean and quartiles over trajectories of `name`, for each step."""
        return Spread.of(self[name])

    def table(self) -> str:
        """Medians over trajectories, with quartiles, as text."""
        shown = sorted({0, (self.steps - 1) // 2, self.steps - 1})
        cells = {
            name: [_text(self.spread(name), step) for step in shown]
            for name in self.series
        }
        width = max(map(len, self.series))
        column = 2 + max(len(cell) for row in cells.values() for cell in row)
        head = "".join(f"{f'step {step + 1}':>{column}}" for step in shown)
        lines = [
            f"{self.trajectories} rollouts of {self.steps} steps: median over rollouts "
            "[quartiles]",
            f"{'':<{width}}{head}",
        ]
        for name, row in cells.items():
            lines.append(f"{name:<{width}}" + "".join(f"{c:>{column}}" for c in row))
        total = _text(Spread.of(self.rollout_smse))
        lines.append(f"smse, sum over steps: {total}")
        for name, times in self.correlation_times.items():
            text = _text(Spread.of(times)).replace("inf", "beyond the end")
            lines.append(f"correlation time (< {self.threshold:g}) {name}: {text}")
        if self.energy_ratio is not None:
            ratios = _known_medians(self.energy_ratio)
            lines.append(
                f"energy of {self.vector}, predicted over true, from wave number "
                + ", ".join(map(str, self.octaves))
            )
            lines += [
                f"  step {step + 1}: " + ", ".join(map(_number, ratios[step]))
                for step in shown
            ]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.table()

    def to_dict(self) -> dict[str, Any]:
        """Median, mean and quartiles of everything, as JSON can say it.

        `None` stands for infinite and for what has no value: a correlation time beyond
        the end, the error of a rollout that diverged, an octave without energy.
        """
        result: dict[str, Any] = {
            "trajectories": self.trajectories,
            "steps": self.steps,
            "time_step": self.time_step,
            "threshold": self.threshold,
            "metrics": {name: _spread_dict(self[name]) for name in self.series},
            "rollout_smse": _spread_dict(self.rollout_smse),
            "correlation_times": {
                name: _spread_dict(times)
                for name, times in self.correlation_times.items()
            },
        }
        if self.energy_ratio is not None:
            result["spectra"] = {
                "field": self.vector,
                "wave_numbers": self.wave_numbers.tolist(),
                "octaves": self.octaves.tolist(),
                "energy_ratio": _plain(_known_medians(self.energy_ratio)),
            }
        return result

    def to_csv(self, path: str | Path) -> None:
        """Every number, one a line, to `path`: metric, trajectory, step, time and
        value.

        Trajectories count from 0, steps from 1; what belongs to a whole rollout has no
        step. A file of that name is replaced.
        """
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("metric", "trajectory", "step", "time", "value"))
            writer.writerows(self._rows())

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        per_step = dict(self.series)
        if self.energy_ratio is not None:
            for i, octave in enumerate(self.octaves):
                name = f"energy ratio {self.vector} octave {octave}"
                per_step[name] = self.energy_ratio[..., i]
        for name, values in per_step.items():
            for (trajectory, step), value in np.ndenumerate(values):
                time = (step + 1) * self.time_step
                yield name, trajectory, step + 1, time, float(value)
        whole = {"smse sum over steps": self.rollout_smse}
        for name, times in self.correlation_times.items():
            whole[f"correlation time {name}"] = times
        for name, values in whole.items():
            for trajectory, value in enumerate(values):
                yield name, trajectory, "", "", float(value)


def _text(spread: Spread, place: Any = ()) -> str:
    low, middle, high = (
        _number(x[place]) for x in (spread.lower, spread.median, spread.upper)
    )
    return f"{middle} [{low}, {high}]"


def _number(value: Any) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"


def _known_medians(values: np.ndarray) -> np.ndarray:
    """Medians over trajectories, of those that have a value."""
    result = np.full(values.shape[1:], np.nan)
    for place in np.ndindex(result.shape):
        column = values[(slice(None), *place)]
        known = column[~np.isnan(column)]
        if known.size:
            result[place] = np.median(known)
    return result


def _spread_dict(values: np.ndarray) -> dict[str, Any]:
    spread = Spread.of(values)
    return {
        name: _plain(getattr(spread, name))
        for name in ("median", "mean", "lower", "upper")
    }


def _plain(values: Any) -> Any:
    """Numbers and lists of them, `None` for what is not finite."""
    if values.ndim:
        return [_plain(part) for part in values]
    return float(values) if np.isfinite(values) else None
