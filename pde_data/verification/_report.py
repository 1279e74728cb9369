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

_COLOURS = {
    "muscl": "C0",
    "aweno5z": "C1",
    "weno5z": "C2",
    "muscl-low-mach": "C3",
    "aweno5z-low-mach": "C4",
}
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
            colour = _COLOURS.get(result.scheme, "C5")
            ax.loglog(result.cells, result.errors, "o-", ms=4, label=label, c=colour)
        every = [e for result in chosen for e in result.errors]
        # One decade at least, so that a small change does not look like a cliff.
        middle, spread = np.sqrt(max(every) * min(every)), max(every) / min(every)
        half = max(spread, 10) ** 0.5 * 1.6
        ax.set_ylim(middle / half, middle * half)
        ax.set_title(name, fontsize=8.5)
        ax.legend(fontsize=7, handlelength=1)
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


def _draw_tube(
    ax: Any, problem: exact.RiemannProblem, jump: float, time: float, schemes: Any
) -> None:
    x = np.linspace(0, 1, 4001)
    ax.plot(x, problem.sample((x - jump) / time)[0], "k-", lw=1, label="exact")
    for scheme in schemes:
        density = tubes.tube(scheme, 100, problem, jump, time)[0]
        centers = (np.arange(100) + 0.5) / 100
        ax.plot(centers, density, ".", ms=4, c=_COLOURS[scheme], label=scheme)


def _draw_sod(ax: Any) -> None:
    _draw_tube(ax, exact.SOD, 0.5, 0.2, ("muscl", "aweno5z"))
    ax.set_title("Sod's tube, density, 100 cells", fontsize=9)


def _draw_toro(ax: Any) -> None:
    _draw_tube(ax, *exact.TORO[3], ("muscl", "aweno5z"))
    ax.set_title("Toro's fourth tube, density, 100 cells", fontsize=9)


def _draw_shu_osher(ax: Any) -> None:
    for scheme, n, style in (
        (tubes.FINE_SCHEME, tubes.FINE, "k-"),
        ("muscl", 400, "."),
        ("aweno5z", 400, "."),
    ):
        x = -5 + 10 * (np.arange(n) + 0.5) / n
        colour = {} if style == "k-" else {"c": _COLOURS[scheme]}
        label = f"{scheme}, {n} cells"
        ax.plot(x, tubes.shu_osher(scheme, n), style, ms=3, lw=1, label=label, **colour)
    ax.set_xlim(-3, 3)
    ax.set_title("Shu-Osher, density", fontsize=9)


def _draw_becker(ax: Any) -> None:
    for mach, marker in ((1.2, "o"), (2.0, "s"), (3.0, "^")):
        x, u, expected = viscous.becker_profile("aweno5z", 128, mach)
        ax.plot(x, expected, "k-", lw=1)
        near = np.abs(x) < 0.15
        ax.plot(x[near], u[near], marker, ms=3, label=f"Mach {mach:g}, 128 cells")
    ax.set_xlim(-0.15, 0.15)
    ax.set_title("Becker's viscous shock, velocity (lines: exact)", fontsize=9)


def _draw_kelvin_helmholtz(ax: Any) -> None:
    for scheme, n, style in (
        ("muscl", 64, ":"),
        ("muscl", 128, "--"),
        ("muscl", 256, "-"),
        ("aweno5z", 128, "--"),
    ):
        times, amplitude = layers.kelvin_helmholtz(scheme, n)
        label = f"{scheme}, {n}²"
        ax.semilogy(times, amplitude, style, lw=1.2, c=_COLOURS[scheme], label=label)
    times = np.array([0.5, 1.2])
    slope = np.exp(layers.GROWTH_RATE * (times - 0.5))
    ax.semilogy(times, 0.7 * amplitude[10] * slope, "k-", lw=1, label="converged rate")
    ax.set_xlabel("time", fontsize=8)
    ax.set_title("Kelvin-Helmholtz (McNally), mode amplitude", fontsize=9)


def _draw_dye(ax: Any) -> None:
    dye = layers.rolled_up("muscl", 64)
    ax.imshow(dye.T, origin="lower", extent=(0, 1, 0, 2), cmap="viridis")
    ax.set_title("viscous layer with dye, muscl, 64 x 128", fontsize=9)
