"""A whole filter bank in one picture: one axes, a few artists, however many filters.

Scalars are signed colour, vectors arrows in their cells, tensors of higher order and
kernels tiles, one per component; three dimensions are cut into slices. What changes
sign under reflections is purple and green, or marked by the sense of a turn.
"""

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..filters import FilterBank, FilterSubspace
from ..filters._words import radius_text, shortest, type_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Positive and negative; the second pair for what reflections turn around.
EVEN_COLOURS = ("#c0392b", "#2c6fad")
ODD_COLOURS = ("#7a3e9d", "#2e8b57")
_INK = "#22303c"
_PALE = "#eef1f4"
_GRID = "#b9c2ca"
_CUT = (math.nan, math.nan)
_INCHES_PER_CELL = 0.26
_MAX_WIDTH = 44
_WIDEST_FILTER = 23
_MOST_TERMS = 9


def filters(
    space: FilterBank | FilterSubspace,
    *,
    columns: int | None = None,
    captions: bool = True,
    max_filters: int = 64,
) -> "Figure":
    """Draws every filter of a bank with its formula.

    x points right, y up; a 3D filter is cut into slices, z growing to the right. Red is
    positive, blue negative; for pseudoscalars and pseudotensors purple and green. A
    pseudovector's arrows are purple. Out of the plane, ⊙ points to the reader.

    **Arguments:**

    - `columns`: filters in a row; by default what fits.
    - `captions`: write under each filter its polynomial in the offset from the centre.
    - `max_filters`: only the first so many are drawn, and the title says so.

    **Returns:** a figure; `figure.savefig("bank.png")`.
    """
    from matplotlib.figure import Figure

    if columns is not None and columns < 1:
        raise ValueError(f"`columns` must be 1 or more, got {columns}.")
    number = min(len(space), max_filters)
    layout = _Layout.of(space)
    texts = _captions(space, number) if captions else [("", "")] * number
    # Widths in cells of a letter of the formula, and of the smaller line below it.
    longest = max(
        [max(0.3 * len(_plain(a)), 0.19 * len(b)) for a, b in texts], default=0
    )
    # Cells shrink where a filter has many; letters do not.
    zoom = min(1.0, _WIDEST_FILTER / layout.width)
    step = max(layout.width, longest / zoom) + 1.2 / zoom
    lines = max([1 + text[0].count("\n") for text in texts], default=1)
    drop = layout.height + (0.75 * lines + 1.9 if captions else 1.0) / zoom
    # As many as fit the width, and more where the page would become a strip.
    fitting = int(_MAX_WIDTH / zoom / step)
    balanced = math.ceil(math.sqrt(number * drop / (1.6 * step)))
    columns = columns or max(1, min(number, max(fitting, balanced)))
    rows = max(1, math.ceil(number / columns))
    used = min(columns, max(number, 1))
    title = _title(space, number)
    # Room above for the title, and for the heights of slices.
    above = (2.3 if layout.window[2] > 1 else 1.7) / zoom
    wide = max(used * step, (0.32 * len(title) + 0.5) / zoom)
    tall = rows * drop + above - 0.3
    scale = _INCHES_PER_CELL * zoom
    figure = Figure(figsize=(scale * wide, scale * tall))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, wide), ylim=(-tall, 0))
    axes.set_axis_off()
    axes.text(
        0.6 / zoom,
        -0.85 / zoom,
        title,
        fontsize=9.5,
        color=_INK,
        va="center",
        weight="bold",
    )
    canvas = _Canvas(axes, zoom)
    for n in range(number):
        left = (n % columns) * step + (step - layout.width) / 2
        top = -above - (n // columns) * drop
        _draw_filter(canvas, layout, space.array[n], left, top)
        if n < columns:
            _write_heights(axes, layout, left, top + 0.3 / zoom)
        if captions:
            middle = left + layout.width / 2
            _write(axes, middle, top - layout.height, texts[n], zoom)
    if not number:
        axes.text(0.6, -2.1, "none", fontsize=10, color=_INK, va="center")
    canvas.finish(layout)
    return figure


@dataclasses.dataclass(frozen=True)
class _Layout:
    """How one filter is cut into slices, rows and columns of tiles."""

    window: tuple[int, ...]
    kind: str
    rows: int
    columns: int
    is_odd: bool

    @staticmethod
    def of(space: FilterBank | FilterSubspace) -> "_Layout":
        d = len(space.window)
        orders = [t.order for t in space.types]
        is_odd = math.prod(t.parity for t in space.types) < 0
        window = (*space.window, *(1,) * (3 - d))
        if sum(orders) == 0:
            return _Layout(window, "scalar", 1, 1, is_odd)
        if sum(orders) == 1:
            return _Layout(window, "vector", 1, 1, is_odd)
        out = orders[0] if len(orders) == 2 else (orders[0] + 1) // 2
        return _Layout(window, "tiles", d**out, d ** (sum(orders) - out), is_odd)

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


class _Canvas:
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

    def finish(self, layout: _Layout) -> None:
        from matplotlib.collections import PolyCollection

        if layout.kind == "vector":
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
            (self.edges, _INK, 0.9),
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
                color=ODD_COLOURS[0] if layout.is_odd else _INK,
                zorder=3,
            )
        for kind, parts in self.marks.items():
            self._draw_marks(kind, np.concatenate(parts), layout)

    def _draw_marks(self, kind: str, points: np.ndarray, layout: _Layout) -> None:
        ink = ODD_COLOURS[0] if layout.is_odd else _INK
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


def _draw_filter(
    canvas: _Canvas, layout: _Layout, values: np.ndarray, left: float, top: float
) -> None:
    nx, ny, nz = layout.window
    cells = values.reshape(nx, ny, nz, -1).astype(float)
    largest = max(np.abs(cells).max(initial=0), 1)
    for k in range(nz):
        slice_left = left + k * (layout.slice_width + layout.slice_gap)
        for tile in range(layout.rows * layout.columns):
            row, column = divmod(tile, layout.columns)
            x0 = slice_left + column * (nx + layout.gap)
            y0 = top - row * (ny + layout.gap) - ny
            canvas.frame((x0, y0), layout.window)
            values = (
                cells[:, :, k] if layout.kind == "vector" else cells[:, :, k, [tile]]
            )
            i, j = np.nonzero(values.any(axis=-1))
            corner = np.stack([x0 + i, y0 + j], axis=1).astype(float)
            canvas.cells.append(corner)
            if layout.kind == "vector":
                canvas.colours.append(np.ones((len(i), 4)))
                _draw_vectors(canvas, corner + 0.5, values[i, j] / largest)
            else:
                signed = values[i, j, 0] / largest
                canvas.colours.append(_signed_colours(signed, layout.colours))
                _draw_signs(canvas, corner + 0.5, signed, layout)


def _draw_vectors(canvas: _Canvas, centre: np.ndarray, vectors: np.ndarray) -> None:
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
    canvas: _Canvas, centre: np.ndarray, signed: np.ndarray, layout: _Layout
) -> None:
    turn = layout.is_odd and layout.kind == "scalar"
    names = ("left turn", "right turn") if turn else ("plus", "minus")
    for name, wanted in zip(names, (signed > 0, signed < 0), strict=True):
        canvas.mark(name, centre[wanted])


def _signed_colours(values: np.ndarray, colours: tuple[str, str]) -> np.ndarray:
    from matplotlib.colors import to_rgba_array

    positive, negative, white = to_rgba_array([*colours, "white"])
    strength = (0.25 + 0.75 * np.abs(values))[:, None]
    strong = np.where(values[:, None] > 0, positive, negative)
    return white + strength * (strong - white)


def _title(space: FilterBank | FilterSubspace, number: int) -> str:
    named = [f"{t} ({type_name(t)})" for t in space.types]
    what = " from ".join(["type " + named[0], *named[1:]]).replace("-", "−")
    if isinstance(space, FilterSubspace):
        what += f", {space.what}"
    window = "×".join(map(str, space.window)) + " cells" * (len(space.window) == 1)
    some = f"{number} of {len(space)}" if number < len(space) else str(number)
    noun = "kernel" if len(space.types) == 2 else "filter"
    plural = "s" * (len(space) != 1)
    return f"{some} {noun}{plural} of {what}, {window}, {space.group}"


def _write_heights(axes: "Axes", layout: _Layout, left: float, y: float) -> None:
    slices = layout.window[2]
    for k in range(slices) if slices > 1 else ():
        x = left + k * (layout.slice_width + layout.slice_gap) + layout.slice_width / 2
        text = f"z = {k - (slices - 1) / 2:g}".replace("-", "−")
        axes.text(*(x, y, text), fontsize=6.5, ha="center", color=_INK, alpha=0.75)


def _captions(space: FilterBank | FilterSubspace, number: int) -> list[tuple[str, str]]:
    polynomials = space.polynomials[:number]
    operators = space.operators[:number]
    bank = space.bank if isinstance(space, FilterSubspace) else space
    found = []
    for n in range(number):
        first = n
        if isinstance(space, FilterSubspace):
            first = int(np.flatnonzero(space.coefficients[n])[0])
        radius = radius_text(bank.orbits[first][0])
        where = f"r = {radius}"
        name = str(operators[n]) if operators[n].is_named else ""
        if len(name) > 34:
            name = ""
        line = f"{where},  {name}".replace("-", "−") if name else where
        found.append((_formula(polynomials[n]), line))
    return found


def _formula(polynomial: Any) -> str:
    """As mathtext where that is short, in rows for two indices, else nothing."""
    import sympy

    shape = getattr(polynomial, "shape", ())
    entries = sympy.flatten(polynomial) if shape else [polynomial]
    terms = sum(len(sympy.Add.make_args(entry)) for entry in entries if entry != 0)
    if terms > _MOST_TERMS or len(shape) > 2:
        return ""
    # Without the number in front of all entries: it is told by "proportional to".
    numbers = [
        number
        for entry in entries
        for number in sympy.expand(entry).as_coefficients_dict().values()
    ]
    factor = sympy.Rational(
        math.gcd(*(int(n.p) for n in numbers)), math.lcm(*(int(n.q) for n in numbers))
    )
    entries = [entry / factor for entry in entries]
    latex = [sympy.latex(shortest(entry)) for entry in entries]
    prefix = "" if factor == 1 else r"\propto "
    if not shape:
        return f"${prefix}{latex[0]}$"
    rows = [latex[i : i + shape[-1]] for i in range(0, len(latex), shape[-1])]
    joined = ["(" + r", \; ".join(row) + ")" for row in rows]
    joined[0] = prefix + joined[0]
    return "\n".join(f"${row}$" for row in joined)


def _plain(text: str) -> str:
    """About the letters that mathtext will show."""
    for word in ("\\left", "\\right", "\\frac", "\\;", "{", "}", "$", "^", "\\"):
        text = text.replace(word, "")
    return max(text.split("\n"), key=len)


def _write(
    axes: "Axes", x: float, y: float, text: tuple[str, str], zoom: float
) -> None:
    formula, line = text
    rows = 1 + formula.count("\n")
    y -= 0.35 / zoom
    style: dict[str, Any] = {"ha": "center", "va": "top", "color": _INK}
    if formula:
        axes.text(x, y, formula, fontsize=9.5, math_fontfamily="cm", **style)
        y -= 0.8 * rows / zoom
    axes.text(x, y, line, fontsize=6.5, alpha=0.75, **style)
