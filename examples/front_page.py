"""The picture of the README: filters of the square beside a rollout that they learned.

    python examples/front_page.py [--out docs/front.png] [--seed 7]

Left all scalar, vector and pseudovector filters of 3x3 cells. Right one of `--flows`
flows that the network in `trained/` has not seen, the one of median error: its density
as the solver makes it, and as the network predicts it from four frames, each step from
its own last ones.
"""

import dataclasses
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import predict_flow
import tyro

import geomnet as gn

BANKS = {"scalar": "0+", "vector": "1+", "pseudovector": "1-"}
SHOWN = (1, 4, 8, 15)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Which flow, and where the picture goes."""

    out: Path = Path("docs/front.png")
    """The picture."""
    seed: int = 7
    """Of the flows; the network was trained on flows of seed 0."""
    flows: int = 15
    """Of how many the one of median error is drawn."""


def main(settings: Settings) -> Any:
    """Draws the picture; returns the figure."""
    from matplotlib.figure import Figure

    wanted = predict_flow.Settings(
        seed=settings.seed, flows=settings.flows, steps=max(SHOWN)
    )
    true, predicted = predict_flow.predict(wanted)
    figure = Figure(figsize=(11, 3.7), layout="constrained")
    halves: Any = figure.subfigures(1, 2, width_ratios=(1.0, 1.9), wspace=0.03)
    draw_banks(halves[0])
    median = median_flow(true, predicted)
    density = {
        name: np.asarray(flow["density"])[median, ..., 0]
        for name, flow in {"solver": true, "network": predicted}.items()
    }
    draw_rollout(halves[1], density)
    figure.savefig(settings.out, dpi=150)
    print(f"Wrote {settings.out}")
    return figure


def median_flow(true: gn.GeometricImage, predicted: gn.GeometricImage) -> int:
    """The flow whose density is predicted neither best nor worst, over all steps."""
    errors = np.asarray(gn.metrics.vrmse(predicted, true)["density"]).mean(axis=1)
    return int(np.argsort(errors)[len(errors) // 2])


def draw_banks(figure: Any) -> None:
    """One bank below the other, in one scale."""
    square = gn.hyperoctahedral(2)
    drawn = {
        name: as_pixels(gn.plot.filters(gn.filter_basis(square, t, 3), columns=3))
        for name, t in BANKS.items()
    }
    widest = max(pixels.shape[1] for pixels in drawn.values())
    tallest = max(pixels.shape[0] for pixels in drawn.values())
    rows = figure.subplots(len(BANKS), 1)
    for axes, (name, pixels) in zip(rows, drawn.items(), strict=True):
        height, width = pixels.shape[:2]
        margins = ((0, tallest - height), (0, widest - width), (0, 0))
        filled = np.pad(pixels, margins, constant_values=255)
        axes.imshow(filled, interpolation="antialiased")
        axes.set_axis_off()
        axes.set_title(f"{name} filters", fontsize=10, loc="left")


def as_pixels(figure: Any) -> np.ndarray:
    """A figure as an array, without its title line and its empty margins."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    (axes,) = figure.axes
    axes.texts[0].set_visible(False)
    figure.set_dpi(300)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    rows, columns = np.nonzero((pixels < 255).any(-1))
    return pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def draw_rollout(figure: Any, density: dict[str, np.ndarray]) -> None:
    """A row for each of `density`, arrays (steps, x, y)."""
    low, high = density["solver"].min(), density["solver"].max()
    panels = figure.subplots(len(density), len(SHOWN))
    for row, (name, fields) in zip(panels, density.items(), strict=True):
        for axes, step in zip(row, SHOWN, strict=True):
            # Arrays are indexed (x, y); pictures take rows from below.
            style: dict[str, Any] = {"origin": "lower", "vmin": low, "vmax": high}
            axes.imshow(fields[step - 1].T, cmap="viridis", **style)
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(name, fontsize=10)
    for axes, step in zip(panels[0], SHOWN, strict=True):
        axes.set_title(f"step {step}", fontsize=10)
    drawn = panels[0, 0].images[0]
    figure.colorbar(drawn, ax=panels, label="density", shrink=0.8, extend="both")


if __name__ == "__main__":
    matplotlib.use("Agg")
    main(tyro.cli(Settings, description=__doc__))
