"""A whole filter bank in one picture: one axes, a few artists, however many filters.

Scalars are signed colour, vectors arrows in their cells, tensors of higher order and
kernels tiles, one per component; three dimensions are cut into slices. What changes
sign under reflections is purple and green, or marked by the sense of a turn.
"""

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._arguments import checked
from ..filters import FilterBank, FilterSubspace
from ..filters._words import radius_text, shortest, type_name
from ._tiles import INK, Canvas, Tiling, draw_filter, write_heights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INCHES_PER_CELL = 0.26
_MAX_WIDTH = 44
_WIDEST_FILTER = 23
_MOST_TERMS = 9


@checked
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

    - `space`: a bank, or a part of one, in 1D to 3D.
    - `columns`: filters in a row; by default what fits.
    - `captions`: write under each filter its polynomial in the offset from the centre.
    - `max_filters`: only the first so many are drawn, and the title says so.

    **Returns:** a figure; `figure.savefig("bank.png")`.

    **Raises:** `ValueError` for `columns` below 1; `TypeError` for another kind of
    argument.
    """
    from matplotlib.figure import Figure

    if columns is not None and columns < 1:
        raise ValueError(f"`columns` must be 1 or more, got {columns}.")
    number = min(len(space), max_filters)
    tiling = Tiling.of(space)
    texts = _captions(space, number) if captions else [("", "")] * number
    page = _Page.of(tiling, texts, _title(space, number), captions, columns)
    figure = Figure(figsize=page.inches)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, page.wide), ylim=(-page.tall, 0))
    axes.set_axis_off()
    axes.text(
        0.6 / page.zoom,
        -0.85 / page.zoom,
        page.title,
        fontsize=9.5,
        color=INK,
        va="center",
        weight="bold",
    )
    canvas = Canvas(axes, page.zoom)
    for n in range(number):
        left, top = page.corner(n)
        draw_filter(canvas, tiling, space.array[n], left, top)
        if n < page.columns:
            write_heights(axes, tiling, left, top + 0.3 / page.zoom)
        if captions:
            middle = left + tiling.width / 2
            _write(axes, middle, top - tiling.height, texts[n], page.zoom)
    if not number:
        axes.text(0.6, -2.1, "none", fontsize=10, color=INK, va="center")
    canvas.finish(tiling)
    return figure


@dataclasses.dataclass(frozen=True)
class _Page:
    """Where filters stand; lengths in cells."""

    tiling: Tiling
    title: str
    columns: int
    step: float
    """From one filter to the next in a row."""
    drop: float
    """From one row to the next."""
    above: float
    """Room for the title, and for the heights of slices."""
    zoom: float
    """Cells shrink where a filter has many; letters do not."""
    wide: float
    tall: float

    @staticmethod
    def of(
        tiling: Tiling,
        texts: list[tuple[str, str]],
        title: str,
        captions: bool,
        columns: int | None,
    ) -> "_Page":
        number = len(texts)
        # Widths in cells of a letter of the formula, and of the smaller line below it.
        longest = max(
            [max(0.3 * len(_plain(a)), 0.19 * len(b)) for a, b in texts], default=0
        )
        zoom = min(1.0, _WIDEST_FILTER / tiling.width)
        step = max(tiling.width, longest / zoom) + 1.2 / zoom
        lines = max([1 + text[0].count("\n") for text in texts], default=1)
        drop = tiling.height + (0.75 * lines + 1.9 if captions else 1.0) / zoom
        # As many as fit the width, and more where the page would become a strip.
        fitting = int(_MAX_WIDTH / zoom / step)
        balanced = math.ceil(math.sqrt(number * drop / (1.6 * step)))
        columns = columns or max(1, min(number, max(fitting, balanced)))
        rows = max(1, math.ceil(number / columns))
        used = min(columns, max(number, 1))
        above = (2.3 if tiling.window[2] > 1 else 1.7) / zoom
        wide = max(used * step, (0.32 * len(title) + 0.5) / zoom)
        tall = rows * drop + above - 0.3
        return _Page(tiling, title, columns, step, drop, above, zoom, wide, tall)

    @property
    def inches(self) -> tuple[float, float]:
        """The size of the figure."""
        scale = _INCHES_PER_CELL * self.zoom
        return scale * self.wide, scale * self.tall

    def corner(self, n: int) -> tuple[float, float]:
        """Left and top of the n-th filter."""
        row, column = divmod(n, self.columns)
        left = column * self.step + (self.step - self.tiling.width) / 2
        return left, -self.above - row * self.drop


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
    style: dict[str, Any] = {"ha": "center", "va": "top", "color": INK}
    if formula:
        axes.text(x, y, formula, fontsize=9.5, math_fontfamily="cm", **style)
        y -= 0.8 * rows / zoom
    axes.text(x, y, line, fontsize=6.5, alpha=0.75, **style)
