"""The filters of the square: draws them, and shows what two of them do to an image.

    python examples/filters.py --out outputs/filters

First the scalar, vector and pseudovector banks for 3x3 and 5x5 cells, with the formula
of each filter. Then a scalar image and its mirror image, each convolved with a
pseudovector and with a pseudoscalar filter: the results of the mirror image are the
mirror images of the results, turned around once more, as the names promise.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import geomnet as gn

GRID = 48
TYPES = {"scalar": "0+", "vector": "1+", "pseudovector": "1-"}


def main(out: str = "outputs/filters", grid: int = GRID) -> list[Path]:
    """Draws everything into the folder `out`; returns the files."""
    group = gn.hyperoctahedral(2)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for size in (3, 5):
        for name, tensor_type in TYPES.items():
            bank = gn.filter_basis(group, tensor_type, size)
            files.append(folder / f"{name}_{size}x{size}.png")
            gn.plot.filters(bank).savefig(files[-1], dpi=200)
    print(gn.filter_basis(group, "1-", 3).report())
    files.append(folder / "convolved.png")
    draw_convolved(group, grid).savefig(files[-1], dpi=200)
    return files


def draw_convolved(group: gn.Group, grid: int) -> Any:
    """An image and its mirror image, and what two filters make of them."""
    from matplotlib.figure import Figure

    turned = gn.filter_basis(group, "1-", 3).array[0]
    handed = gn.filter_basis(group, "0-", 5).array[0]
    image = blobs(grid)
    figure = Figure(figsize=(9.6, 6.6), layout="constrained")
    panels = figure.subplots(2, 3)
    for row, scalar in zip(panels, (image, image[::-1]), strict=True):
        vectors, pseudoscalar = convolve(scalar, turned), convolve(scalar, handed)
        # Arrays are indexed (x, y); pictures take rows from below.
        style: dict[str, Any] = {"origin": "lower", "interpolation": "nearest"}
        row[0].imshow(scalar.T, cmap="RdBu_r", vmin=-1, vmax=1, **style)
        row[1].imshow(scalar.T, cmap="RdBu_r", vmin=-3, vmax=3, **style)
        draw_arrows(row[1], vectors)
        largest = np.abs(pseudoscalar).max()
        row[2].imshow(
            pseudoscalar.T, cmap="PRGn_r", vmin=-largest, vmax=largest, **style
        )
        for axes in row:
            axes.set(xticks=[], yticks=[])
    titles = (
        "scalar image $f$",
        r"$f \ast$ pseudovector filter $(-y,\, x)$",
        r"$f \ast$ pseudoscalar filter $\propto x^3y - xy^3$",
    )
    for axes, title in zip(panels[0], titles, strict=True):
        axes.set_title(title, fontsize=11)
    for axes, label in zip(panels[:, 0], ("image", "mirror image"), strict=True):
        axes.set_ylabel(label, fontsize=11)
    return figure


def blobs(grid: int) -> np.ndarray:
    """A few smooth periodic bumps without any symmetry, between -1 and 1."""
    x = (np.arange(grid) + 0.5) / grid
    total = np.zeros((grid, grid))
    for height, a, b, width in [
        *((1.0, 0.3, 0.65, 0.08), (0.8, 0.42, 0.5, 0.06), (-0.9, 0.68, 0.35, 0.09)),
        *((0.6, 0.75, 0.72, 0.05), (0.7, 0.3, 0.32, 0.045)),
    ]:
        along_x = np.exp((np.cos(2 * np.pi * (x - a)) - 1) / (2 * np.pi * width) ** 2)
        along_y = np.exp((np.cos(2 * np.pi * (x - b)) - 1) / (2 * np.pi * width) ** 2)
        total += height * along_x[:, None] * along_y[None, :]
    return total / np.abs(total).max()


def convolve(scalar: np.ndarray, values: np.ndarray) -> np.ndarray:
    """`y(p) = Σ_x C(x) f(p + x)` on a periodic grid, for one filter C."""
    window = values.shape[:2]
    result = np.zeros((*scalar.shape, *values.shape[2:]))
    for cell in np.ndindex(*window):
        offset = [c - n // 2 for c, n in zip(cell, window, strict=True)]
        moved = np.roll(scalar, [-o for o in offset], axis=(0, 1))
        result += moved.reshape(*scalar.shape, *(1,) * (values.ndim - 2)) * values[cell]
    return result


def draw_arrows(axes: Any, vectors: np.ndarray) -> None:
    """About sixteen arrows along each axis; those too short to see are left out."""
    # Cells of a mirror-symmetric choice, so that the two rows can be compared.
    step = max(1, len(vectors) // 16)
    x, y = np.meshgrid(
        *(np.arange((step - 1) // 2, n, step) for n in vectors.shape[:2]), indexing="ij"
    )
    shown = vectors[x, y]
    lengths = np.linalg.norm(shown, axis=-1)
    longest = lengths.max()
    visible = lengths > 0.08 * longest
    axes.quiver(
        *(x[visible], y[visible], *shown[visible].T),
        angles="xy",
        scale_units="xy",
        scale=longest / (1.4 * step),
        pivot="mid",
        width=0.005,
        color="#4a2566",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", default="outputs/filters")
    for file in main(parser.parse_args().out):
        print(file)
