"""One filter as tiles of cells, arrows and signs; all filters in a few artists."""

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from ..filters import FilterBank, FilterSubspace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Positive and negative; the second pair for what reflections turn around.
EVEN_COLOURS = ("#c0392b", "#2c6fad")
ODD_COLOURS = ("#7a3e9d", "#2e8b57")
INK = "#22303c"
_PALE = "#eef1f4"
_GRID = "#b9c2ca"
_CUT = (math.nan, math.nan)


@dataclasses.dataclass(frozen=True)
class Tiling:
    """How one filter is cut into slices, rows and columns of tiles."""

    window: tuple[int, ...]
    kind: str
    rows: int
    columns: int
    is_odd: bool

    @staticmethod
    def of(space: FilterBank | FilterSubspace) -> "Tiling":
        d = len(space.window)
        orders = [t.order for t in space.types]
        is_odd = math.prod(t.parity for t in space.types) < 0
        window = (*space.window, *(1,) * (3 - d))
        if sum(orders) == 0:
            return Tiling(window, "scalar", 1, 1, is_odd)
        if sum(orders) == 1:
            return Tiling(window, "vector", 1, 1, is_odd)
        out = orders[0] if len(orders) == 2 else (orders[0] + 1) // 2
        return Tiling(window, "tiles", d**out, d ** (sum(orders) - out), is_odd)

    @property
    def gap(self) -> float:
        return 0.35

    @property
    def slice_gap(self) -> float:
        return 1.2 if self.kind == "tiles" else 0.7

    @property
    def slice_width(self) -> float:
        return self.columns * (self.window[0] + self.gap) - self.gap

    @property
    def width(self) -> float:
        slices = self.window[2]
        return slices * (self.slice_width + self.slice_gap) - self.slice_gap

    @property
    def height(self) -> float:
        return self.rows * (self.window[1] + self.gap) - self.gap

    @property
    def colours(self) -> tuple[str, str]:
        return ODD_COLOURS if self.is_odd else EVEN_COLOURS


class Canvas:
    """Collects the cells, arrows and marks of all filters; draws each kind once."""

    def __init__(self, axes: "Axes", zoom: float):
        self.axes = axes
        self.zoom = zoom
        self.cells: list[np.ndarray] = []
        self.colours: list[np.ndarray] = []
        self.arrows: list[np.ndarray] = []
        self.marks: dict[str, list[np.ndarray]] = {}
        self.lines: list[tuple[float, float]] = []
        self.edges: list[tuple[float, float]] = []

    def mark(self, kind: str, points: np.ndarray) -> None:
        if len(points):
            self.marks.setdefault(kind, []).append(points)

    def frame(self, corner: tuple[float, float], window: tuple[int, ...]) -> None:
        """A tile of empty cells: its background, the lines between cells, its edge."""
        (x, y), (nx, ny) = corner, window[:2]
        self.edges += [(x, y), (x + nx, y), (x + nx, y + ny), (x, y + ny), (x, y), _CUT]
        for i in range(1, nx):
            self.lines += [(x + i, y), (x + i, y + ny), _CUT]
        for j in range(1, ny):
            self.lines += [(x, y + j), (x + nx, y + j), _CUT]

    def finish(self, tiling: Tiling) -> None:
        from matplotlib.collections import PolyCollection

        if tiling.kind == "vector":
            tiles = np.array(self.edges).reshape(-1, 6, 2)[:, :4]
            self.axes.add_collection(PolyCollection(list(tiles), facecolors=_PALE))
        if self.cells:
            corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
            squares = np.concatenate(self.cells)[:, None, :] + corners
            colours = np.concatenate(self.colours)
            self.axes.add_collection(PolyCollection(list(squares), facecolors=colours))
        # Lines broken by NaN: one artist for all of them.
        for points, colour, width in [
            (self.lines, _GRID, 0.5),
            (self.edges, INK, 0.9),
        ]:
            if points:
                x, y = np.array(points).T
                self.axes.plot(
                    x, y, color=colour, linewidth=width * self.zoom, zorder=2
                )
        if self.arrows:
            x, y, u, v = np.concatenate(self.arrows).T
            self.axes.quiver(
                *(x, y, u, v),
                angles="xy",
                scale_units="xy",
                scale=1,
                pivot="mid",
                units="xy",
                width=0.085,
                headwidth=4,
                headlength=4.2,
                headaxislength=3.8,
                color=ODD_COLOURS[0] if tiling.is_odd else INK,
                zorder=3,
            )
        for kind, parts in self.marks.items():
            self._draw_marks(kind, np.concatenate(parts), tiling)

    def _draw_marks(self, kind: str, points: np.ndarray, tiling: Tiling) -> None:
        ink = ODD_COLOURS[0] if tiling.is_odd else INK
        marker, size, colour = {
            "plus": ("+", 22, "white"),
            "minus": ("_", 22, "white"),
            "left turn": (r"$\circlearrowleft$", 62, "white"),
            "right turn": (r"$\circlearrowright$", 62, "white"),
            "ring": ("o", 46, ink),
            "towards": (".", 16, ink),
            "away": ("x", 12, ink),
        }[kind]
        style = {"facecolors": "none", "edgecolors": colour} if kind == "ring" else {}
        if kind != "ring":
            style["color"] = colour
        turn = "turn" in kind
        self.axes.scatter(
            *points.T,
            s=size * self.zoom**2,
            marker=marker,
            linewidths=(0.3 if turn else 1.1) * self.zoom,
            zorder=3,
            **style,
        )


def draw_filter(
    canvas: Canvas, tiling: Tiling, values: np.ndarray, left: float, top: float
) -> None:
    nx, ny, nz = tiling.window
    cells = values.reshape(nx, ny, nz, -1).astype(float)
    largest = max(np.abs(cells).max(initial=0), 1)
    for k in range(nz):
        slice_left = left + k * (tiling.slice_width + tiling.slice_gap)
        for tile in range(tiling.rows * tiling.columns):
            row, column = divmod(tile, tiling.columns)
            x0 = slice_left + column * (nx + tiling.gap)
            y0 = top - row * (ny + tiling.gap) - ny
            canvas.frame((x0, y0), tiling.window)
            values = (
                cells[:, :, k] if tiling.kind == "vector" else cells[:, :, k, [tile]]
            )
            i, j = np.nonzero(values.any(axis=-1))
            corner = np.stack([x0 + i, y0 + j], axis=1).astype(float)
            canvas.cells.append(corner)
            if tiling.kind == "vector":
                canvas.colours.append(np.ones((len(i), 4)))
                _draw_vectors(canvas, corner + 0.5, values[i, j] / largest)
            else:
                signed = values[i, j, 0] / largest
                canvas.colours.append(_signed_colours(signed, tiling.colours))
                _draw_signs(canvas, corner + 0.5, signed, tiling)


def _draw_vectors(canvas: Canvas, centre: np.ndarray, vectors: np.ndarray) -> None:
    padded = np.pad(vectors, ((0, 0), (0, 3 - vectors.shape[1])))
    length = np.linalg.norm(padded[:, :2], axis=1)
    flat, upright = length > 0, padded[:, 2] != 0
    # The longest arrow fits into its cell; behind a mark it is shorter and further on.
    along = padded[:, :2] / max(length.max(initial=0), 1)
    arrows = np.where(upright, 0.45, 0.8)[:, None] * along
    shift = (flat & upright)[:, None] * along
    start = np.concatenate([centre + 0.2 * shift, arrows], axis=1)
    canvas.arrows.append(start[flat])
    points = centre - 0.22 * shift
    canvas.mark("ring", points[upright])
    canvas.mark("towards", points[padded[:, 2] > 0])
    canvas.mark("away", points[padded[:, 2] < 0])


def _draw_signs(
    canvas: Canvas, centre: np.ndarray, signed: np.ndarray, tiling: Tiling
) -> None:
    turn = tiling.is_odd and tiling.kind == "scalar"
    names = ("left turn", "right turn") if turn else ("plus", "minus")
    for name, wanted in zip(names, (signed > 0, signed < 0), strict=True):
        canvas.mark(name, centre[wanted])


def _signed_colours(values: np.ndarray, colours: tuple[str, str]) -> np.ndarray:
    from matplotlib.colors import to_rgba_array

    positive, negative, white = to_rgba_array([*colours, "white"])
    strength = (0.25 + 0.75 * np.abs(values))[:, None]
    strong = np.where(values[:, None] > 0, positive, negative)
    return white + strength * (strong - white)


def write_heights(axes: "Axes", tiling: Tiling, left: float, y: float) -> None:
    slices = tiling.window[2]
    for k in range(slices) if slices > 1 else ():
        x = left + k * (tiling.slice_width + tiling.slice_gap) + tiling.slice_width / 2
        text = f"z = {k - (slices - 1) / 2:g}".replace("-", "−")
        axes.text(*(x, y, text), fontsize=6.5, ha="center", color=INK, alpha=0.75)
