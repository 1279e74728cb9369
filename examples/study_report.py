"""Tables, figures and power laws of the rows that `study.py` left."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import geomnet as gn

TESTS = ("as drawn", "turned", "other units", "other family")
ERROR = "smse_rollout_median"
"""What curves and power laws are of: the median over test flows, as drawn."""

Rows = list[dict[str, Any]]


def line(row: dict[str, Any]) -> str:
    """One line on a cell."""
    drawn = row["tests"]["as drawn"]
    fields = ", ".join(
        f"{name} {number(first)} to {number(last)}"
        for name, (first, last) in drawn["vrmse"].items()
    )
    return (
        f"SMSE {number(drawn['smse_one_step'])}, rollout {number(drawn[ERROR])} "
        f"({fields}), {row['seconds']:.0f} s"
    )


def write(rows: Rows, out: Path) -> None:
    """`table.md` and the figures, of as many cells as there are."""
    if not rows:
        return
    rows = with_averages(rows)
    parts = [main_table(rows), ablation_table(rows), law_table(rows)]
    (out / "table.md").write_text("\n\n".join(part for part in parts if part) + "\n")
    for name, figure in figures(rows).items():
        figure.savefig(out / f"{name}.png", dpi=130)


def with_averages(rows: Rows) -> Rows:
    """The rows, and averages over the group as arms of their own."""
    found = []
    for row in rows:
        found.append(row)
        if "averaged" in row:
            name = f"{row['arm']}, group average"
            found.append(row | {"arm": name, "tests": row["averaged"]})
    return found


def main_table(rows: Rows) -> str:
    """Errors of every arm on every flow and amount of data: mean ± deviation of seeds.

    SMSE of one step (mean over flows) and of the rollout (median and mean over flows),
    how many flows were lost by all seeds, and the VRMSE of the last step, the mean over
    fields of medians over flows; of the other family, whose density and pressure hardly
    vary, that of the velocity.
    """
    plain = [row for row in rows if row["width"] == row["length"] == 1]
    lines = [
        "| flow | trajectories | arm | seeds | parameters | s / step | one step | "
        "rollout | mean | lost | "
        + " | ".join(f"last VRMSE, {test}" for test in TESTS)
        + " (velocity) |",
        "|---|---|---|---|---|---|---|---|---|---|" + "---|" * len(TESTS),
    ]
    for (flow, count, arm), group in grouped(plain, "flow", "trajectories", "arm"):
        lines.append(cells_line(flow, count, arm, group))
    return "\n".join(lines)


def cells_line(flow: str, count: int, arm: str, group: Rows) -> str:
    """A row of the table."""
    tests = [row["tests"] for row in group]
    seconds = float(np.median([row["seconds_per_step"] for row in group]))
    shown = [spread(test["as drawn"][name] for test in tests) for name in SMSES]
    shown.append(str(sum(test["as drawn"]["lost"] for test in tests)))
    shown += [spread(last_vrmse(test[name]) for test in tests) for name in TESTS[:-1]]
    shown.append(spread(test[TESTS[-1]]["vrmse"]["velocity"][-1] for test in tests))
    parameters = f"{group[0]['parameters']:,}"
    return (
        f"| {flow} | {count} | {arm} | {len(group)} | {parameters} | {seconds:.3f} | "
        + " | ".join(shown)
        + " |"
    )


SMSES = ("smse_one_step", ERROR, "smse_rollout")


def ablation_table(rows: Rows) -> str:
    """What each choice is worth: rollout error over that of the equivariant arm."""
    plain = [row for row in rows if row["width"] == row["length"] == 1]
    groups = dict(grouped(plain, "flow", "trajectories", "arm"))
    lines = []
    for (flow, count, arm), group in groups.items():
        base = groups.get((flow, count, "equivariant"))
        if base is None or arm == "equivariant":
            continue
        ratio = np.median([error_of(r) for r in group]) / np.median(
            [error_of(r) for r in base]
        )
        lines.append(f"| {flow} | {count} | {arm} | {ratio:.2f} |")
    if not lines:
        return ""
    head = "| flow | trajectories | arm | rollout over the equivariant one's |"
    return "\n".join([head, "|---|---|---|---|", *lines])


def law_table(rows: Rows) -> str:
    """Power laws `error ~ x^-exponent` with 95 % intervals, over all seeds."""
    lines = []
    for axis, arm, points in law_points(rows):
        exponent, half_width, at_one = power_law(*np.transpose(points))
        lines.append(
            f"| {axis} | {arm} | {len(points)} | {exponent:.2f} ± {half_width:.2f} | "
            f"{at_one:.3g} |"
        )
    if not lines:
        return ""
    head = "| against | arm | cells | exponent | error at the geometric mean |"
    return "\n".join([head, "|---|---|---|---|---|", *lines])


def law_points(rows: Rows) -> Iterable[tuple[str, str, list[tuple[float, float]]]]:
    """`(axis, arm, [(x, error)])` with at least three values of x."""
    axes = {
        "trajectories": ("length", "width"),
        "parameters": ("length", "trajectories"),
        "training steps": ("width", "trajectories"),
    }
    names = {"trajectories": "trajectories", "parameters": "parameters"}
    for axis, fixed in axes.items():
        key = names.get(axis, "training_steps")
        for (flow, arm), group in grouped(rows, "flow", "arm"):
            if arm not in ("equivariant", "twin"):
                continue
            most = max(row["trajectories"] for row in group)
            usual = {"length": 1, "width": 1, "trajectories": most}
            chosen = [r for r in group if all(r[n] == usual[n] for n in fixed)]
            points = [(float(r[key]), error_of(r)) for r in chosen]
            points = [p for p in points if math.isfinite(p[1])]
            if len({x for x, _ in points}) >= 3:
                yield f"{axis}, {flow}", arm, points


def power_law(x: Any, y: Any) -> tuple[float, float, float]:
    """Exponent, half of its 95 % interval, and the value at the mean of log x.

    By least squares of logarithms, with Student's t for the interval.
    """
    a, b = np.log(np.asarray(x, float)), np.log(np.asarray(y, float))
    centred = a - a.mean()
    slope = (centred * b).sum() / (centred**2).sum()
    rest = b - b.mean() - slope * centred
    free = len(a) - 2
    deviation = math.sqrt((rest**2).sum() / free / (centred**2).sum()) if free else 0.0
    return -slope, student_95(free) * deviation, math.exp(b.mean())


def student_95(free: int) -> float:
    """The two-sided 95 % point of Student's t, to 1 % (Cornish and Fisher 1938)."""
    exact = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}
    if free < 1:
        return math.nan
    z, n = 1.959964, free
    series = z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
    return exact.get(n, series)


def figures(rows: Rows) -> dict[str, Any]:
    """Rollout error against the number of trajectories, parameters and steps."""
    found: dict[str, Any] = {}
    plain = [row for row in rows if row["width"] == row["length"] == 1]
    for (flow,), group in grouped(plain, "flow"):
        curves: dict[str, dict[int, list[float]]] = defaultdict(dict)
        for (arm, count), cells in grouped(group, "arm", "trajectories"):
            errors = [error_of(row) for row in cells if math.isfinite(error_of(row))]
            if errors:
                curves[arm][count] = errors
        shown = {arm: values for arm, values in curves.items() if len(values) > 1}
        if shown:
            name = f"trajectories_{flow.replace(' ', '_').lower()}"
            found[name] = gn.plot.data_efficiency(
                shown, y_label=f"rollout SMSE, {flow}"
            )
    for axis in ("parameters", "training steps"):
        shown = {
            arm: by_x(points)
            for name, arm, points in law_points(rows)
            if name.startswith(axis)
        }
        if shown:
            found[axis.replace(" ", "_")] = gn.plot.data_efficiency(
                shown, x_label=axis, y_label="rollout SMSE"
            )
    return found


def by_x(points: Sequence[tuple[float, float]]) -> dict[int, list[float]]:
    """Errors by the value of x."""
    result: dict[int, list[float]] = defaultdict(list)
    for x, error in points:
        result[int(x)].append(error)
    return dict(result)


def grouped(rows: Rows, *names: str) -> list[tuple[tuple[Any, ...], Rows]]:
    """Rows with the same values of these, in the order of their first."""
    groups: dict[tuple[Any, ...], Rows] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return list(groups.items())


def error_of(row: dict[str, Any]) -> float:
    """The rollout error of a cell; infinite where it is no number."""
    error = row["tests"]["as drawn"][ERROR]
    return math.inf if error is None else float(error)


def last_vrmse(scores: dict[str, Any]) -> float | None:
    """The mean over fields at the last step."""
    values = [last for _, last in scores["vrmse"].values()]
    return None if None in values else float(np.mean(values))


def spread(values: Iterable[float | None]) -> str:
    """`mean ± deviation` of seeds."""
    given = list(values)
    if None in given:
        return "not finite"
    numbers = np.array(given, float)
    deviation = f" ± {numbers.std(ddof=1):.2g}" if len(numbers) > 1 else ""
    return f"{numbers.mean():.3g}{deviation}"


def number(value: float | None) -> str:
    """Three digits."""
    return "not finite" if value is None else f"{value:.3g}"
