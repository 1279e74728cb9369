"""How the train step of a UNet grows with cells, batch and channels; with a plot.

    python benchmarks/scaling.py [--out docs/scaling.png] [--repeats 5]

Each is varied alone, for the equivariant UNet and its plain twin of `equinox.nn`; the
exponent is the slope of log seconds against log size. Seconds of all cores. Results:
benchmarks/README.md.
"""

import argparse
from pathlib import Path

import numpy as np
from _measure import interleaved, machine
from _plain_unet import contestants, train_step

BASE = {"cells": 48, "batch": 4, "channels": 12}
VARIED = {
    "cells": [24, 32, 48, 64, 96],
    "batch": [1, 2, 4, 8, 16],
    "channels": [6, 8, 12, 16, 24],
}
NAMES = ("geomnet", "equinox")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("scaling.png"))
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    print(machine())
    seconds = {
        what: [measure({**BASE, what: size}, args.repeats) for size in sizes]
        for what, sizes in VARIED.items()
    }
    for what, sizes in VARIED.items():
        x = np.log(size(what))
        for name in NAMES:
            times = [row[name] for row in seconds[what]]
            slope = np.polyfit(x, np.log(times), 1)[0]
            steps = " ".join(f"{1e3 * t:.0f}" for t in times)
            print(f"{what:9s} {sizes}  {name:8s} {steps} ms  exponent {slope:.2f}")
    draw(seconds, args.out)


def size(what: str) -> np.ndarray:
    """Cells of the grid, samples, or channels of either type."""
    sizes = np.array(VARIED[what], float)
    return sizes**2 if what == "cells" else sizes


def measure(shape: dict[str, int], repeats: int) -> dict[str, float]:
    """Seconds of all cores for one train step of each contestant."""
    channels = shape["channels"]
    models = contestants(
        2, f"{channels}x0+ {channels}x1+", 3, shape["cells"], shape["batch"]
    )
    steps = {}
    for name in NAMES:
        step, arguments = train_step(*models[name])
        steps[name] = lambda step=step, arguments=arguments: step(*arguments)
    taken = interleaved(steps, repeats)
    print(f"  {shape}: " + ", ".join(f"{n} {t}" for n, t in taken.items()), flush=True)
    return {name: taken[name].cpu for name in NAMES}


def draw(seconds: dict[str, list[dict[str, float]]], path: Path) -> None:
    """One panel for each of the sizes varied."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained", sharey=True)
    labels = {
        "cells": "cells of the grid",
        "batch": "samples in a batch",
        "channels": "channels of scalars and of vectors",
    }
    for ax, (what, rows) in zip(axes, seconds.items(), strict=True):
        for name, marker in zip(NAMES, "os", strict=True):
            times = [1e3 * row[name] for row in rows]
            slope = np.polyfit(np.log(size(what)), np.log(times), 1)[0]
            ax.loglog(size(what), times, f"{marker}-", label=f"{name}, ∝ n^{slope:.2f}")
        ax.set_xlabel(labels[what])
        ax.legend(fontsize=8)
        ax.minorticks_off()
        ax.set_xticks(size(what), [f"{n:.0f}" for n in size(what)], fontsize=8)
    axes[0].set_ylabel("train step, ms of all cores")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
