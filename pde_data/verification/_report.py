"""The verification suite on paper: table as text, JSON and Markdown, and pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import exact
from .._json import json_text
from .._whole_file import whole
from . import (
    _layers as layers,
    _tubes as tubes,
    _viscous_flows as viscous,
)
from ._cases import HEADER, Result

# Told apart without their colours, which are those of Okabe and Ito (2008).
_STYLES: dict[str, dict[str, Any]] = {
    "muscl": {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    "aweno5z": {"color": "#D55E00", "linestyle": "--", "marker": "^"},
    "weno5z": {"color": "#009E73", "linestyle": "-.", "marker": "s"},
    "muscl-low-mach": {"color": "#CC79A7", "linestyle": ":", "marker": "D"},
    "aweno5z-low-mach": {"color": "#E69F00", "linestyle": (0, (8, 2)), "marker": "v"},
}
_OTHER = {"color": "#000000", "linestyle": (0, (1, 1)), "marker": "x"}
_DPI = 100


def write_report(results: Sequence[Result], folder: Path) -> None:
    """The table in three forms, and a plot of error against resolution."""
    table = "\n".join([HEADER, *map(str, results)]) + "\n"
    texts = {
        "table.txt": table,
        "table.json": json_text([result.to_dict() for result in results]),
        "table.md": markdown(results),
    }
    for name, text in texts.items():
        with whole(folder / name) as path:
            path.write_text(text)
    converging = [r for r in results if len(r.cells) > 1 and min(r.errors) > 0]
    if converging:
        draw_convergence(converging, folder / "convergence.png")
    if any(result.case.startswith("Kelvin-Helmholtz") for result in results):
        draw_flows(folder / "flows.png")


def markdown(results: Sequence[Result]) -> str:
    """The table in Markdown, one line per row."""
    lines = [
        "| case | scheme | cells | error | order | claim | |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        cells = " / ".join(map(str, result.cells))
        errors = " / ".join(f"{e:.2e}" if e else "0" for e in result.errors)
        order = result.observed_order
        mark = (
            ("pass" if result.passed else "**fail**") if result.claims else "recorded"
        )
        shown = "" if order is None else f"{order:.2f}"
        lines.append(
            f"| {result.case} | {result.scheme} | {cells} | {errors} | {shown} "
            f"| {result.claims.replace('<=', '≤').replace('>=', '≥')} | {mark} |"
        )
    return "\n".join(lines) + "\n"


def draw_convergence(results: Sequence[Result], path: Path) -> None:
    """Error against cells, one panel per case, with the slope of the best order."""
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(result.case for result in results))
    columns = 4
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(12, 2.5 * rows), squeeze=False, layout="constrained"
    )
    for ax in axes.flat[len(names) :]:
        ax.set_visible(False)
    for ax, name in zip(axes.flat, names, strict=False):
        chosen: list[Any] = [r for r in results if r.case == name]
        for result in chosen:
            label = f"{result.scheme} ({result.observed_order:.1f})"
            style = _STYLES.get(result.scheme, _OTHER)
            ax.loglog(result.cells, result.errors, ms=4, label=label, **style)
        every = [e for result in chosen for e in result.errors]
        # One decade at least, so that a small change does not look like a cliff.
        middle, spread = np.sqrt(max(every) * min(every)), max(every) / min(every)
        half = max(spread, 10) ** 0.5 * 1.6
        ax.set_ylim(middle / half, middle * half)
        ax.set_title(name, fontsize=8.5)
        ax.legend(fontsize=7, handlelength=2.5)
        ticks = sorted({n for result in chosen for n in result.cells})
        ax.set_xticks(ticks, [str(n) for n in ticks], fontsize=8)
        ax.tick_params(axis="y", labelsize=8)
        ax.minorticks_off()
        ax.grid(alpha=0.3)
    figure.supxlabel("cells along an axis", fontsize=10)
    figure.supylabel("error (the observed order is in brackets)", fontsize=10)
    with whole(path) as staging:
        figure.savefig(staging, dpi=_DPI)
    plt.close(figure)


def draw_flows(path: Path) -> None:
    """Six of the flows beside what they must be; runs what has not been run yet."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(12, 6.4), layout="constrained")
    drawers = (
        _draw_sod,
        _draw_toro,
        _draw_shu_osher,
        _draw_becker,
        _draw_kelvin_helmholtz,
        _draw_dye,
    )
    for ax, draw in zip(axes.flat, drawers, strict=True):
        draw(ax)
        ax.tick_params(labelsize=8)
        if ax.get_legend_handles_labels()[0]:
            ax.legend(fontsize=7.5, handlelength=1.2)
    with whole(path) as staging:
        figure.savefig(staging, dpi=_DPI)
    plt.close(figure)


def _points(scheme: str) -> dict[str, Any]:
    """The style of a scheme without its line."""
    return {**_STYLES[scheme], "linestyle": "none"}


def _draw_tube(
    ax: Any, problem: exact.RiemannProblem, jump: float, time: float, schemes: Any
) -> None:
    x = np.linspace(0, 1, 4001)
    ax.plot(x, problem.sample((x - jump) / time)[0], "k-", lw=1, label="exact")
    for scheme in schemes:
        density = tubes.tube(scheme, 100, problem, jump, time)[0]
        centers = (np.arange(100) + 0.5) / 100
        ax.plot(centers, density, ms=2.5, label=scheme, **_points(scheme))
    ax.set(xlabel="x", ylabel="density")


def _draw_sod(ax: Any) -> None:
    _draw_tube(ax, exact.SOD, 0.5, 0.2, ("muscl", "aweno5z"))
    ax.set_title("Sod's tube, 100 cells", fontsize=9)


def _draw_toro(ax: Any) -> None:
    _draw_tube(ax, *exact.TORO[3], ("muscl", "aweno5z"))
    ax.set_title("Toro's fourth tube, 100 cells", fontsize=9)


def _draw_shu_osher(ax: Any) -> None:
    for scheme, n, style in (
        (tubes.FINE_SCHEME, tubes.FINE, {"color": "black"}),
        ("muscl", 400, _points("muscl")),
        ("aweno5z", 400, _points("aweno5z")),
    ):
        x = -5 + 10 * (np.arange(n) + 0.5) / n
        label = f"{scheme}, {n} cells"
        ax.plot(x, tubes.shu_osher(scheme, n), ms=2, lw=1, label=label, **style)
    ax.set(xlim=(-3, 3), xlabel="x", ylabel="density")
    ax.set_title("Shu-Osher", fontsize=9)


def _draw_becker(ax: Any) -> None:
    for mach, marker in ((1.2, "o"), (2.0, "s"), (3.0, "^")):
        x, u, expected = viscous.becker_profile("aweno5z", 128, mach)
        ax.plot(x, expected, "k-", lw=1)
        near = np.abs(x) < 0.15
        ax.plot(x[near], u[near], marker, ms=3, label=f"Mach {mach:g}, 128 cells")
    ax.set(xlim=(-0.15, 0.15), xlabel="x", ylabel="velocity")
    ax.set_title("Becker's viscous shock (lines: exact)", fontsize=9)


def _draw_kelvin_helmholtz(ax: Any) -> None:
    for scheme, n, dash in (
        ("muscl", 64, ":"),
        ("muscl", 128, "--"),
        ("muscl", 256, "-"),
        ("aweno5z", 128, "none"),
    ):
        times, amplitude = layers.kelvin_helmholtz(scheme, n)
        label = f"{scheme}, {n}²"
        # Two of them are one line: one is drawn as points.
        style = _points(scheme) if dash == "none" else {**_STYLES[scheme], "marker": ""}
        style["linestyle"] = dash
        ax.semilogy(times, amplitude, lw=1.2, ms=4, label=label, **style)
    times = np.array([0.5, 1.2])
    slope = np.exp(layers.GROWTH_RATE * (times - 0.5))
    ax.semilogy(times, 0.7 * amplitude[10] * slope, "k-", lw=1, label="converged rate")
    ax.set(xlabel="time", ylabel="amplitude of the mode")
    ax.set_title("Kelvin-Helmholtz (McNally)", fontsize=9)


def _draw_dye(ax: Any) -> None:
    dye = layers.rolled_up("muscl", 64)
    box = (0, 1, 0, 2)
    image = ax.imshow(dye.T, origin="lower", extent=box, cmap="viridis")
    ax.figure.colorbar(image, ax=ax, label="dye")
    ax.set(xlabel="x", ylabel="y")
    ax.set_title("viscous layer with dye, muscl, 64 x 128", fontsize=9)
