"""Where the windows of a layer lie on a grid, so that reflections commute."""

import dataclasses

from .._group import Group

FACTOR = 2
"""Fine cells along each axis that a coarse cell stands for, where grids are halved."""


@dataclasses.dataclass(frozen=True)
class Placement:
    """SlidingWindow along one axis of a grid."""

    coarse: int
    """How many windows there are."""
    low: int
    """Cells to add before the first cell; fewer than 0: to leave out."""
    high: int
    """Cells to add after the last one."""
    translation: int
    """The shift along a torus with which the layer commutes; 0 if with none."""


@dataclasses.dataclass(frozen=True)
class PlacedWindow:
    """The windows of a convolution on one grid."""

    axes: tuple[Placement, ...]
    stride: int
    """Cells from one window to the next."""
    dilation: int
    """Cells from one tap of a window to the next."""

    @property
    def padding(self) -> tuple[tuple[int, int], ...]:
        """`(low, high)` cells to add along each axis."""
        return tuple((axis.low, axis.high) for axis in self.axes)


@dataclasses.dataclass(frozen=True)
class SlidingWindow:
    """The windows of a layer, of which a grid makes a `PlacedWindow`.

    - Where `stride` divides a side, a window lies at the centre of the `stride` cells
      that it stands for: for stride 2 an even size.
    - Where the side is one more, as when the grid holds both ends of an interval,
      windows lie at cells 0, `stride`, … and the last one: an odd size. On a torus no
      translation then commutes.
    - A group that reverses no axis has nothing to say: windows begin where they may.
    """

    sizes: tuple[int, ...]
    """Cells along each axis."""
    stride: int
    dilation: int
    group: Group
    """What has to commute."""

    def check(self) -> None:
        """**Raises:** `ValueError` if there is no grid on which they commute."""
        for size in self.sizes:
            if not any(self._lie(2 * self.stride + more, size) for more in (0, 1)):
                raise ValueError(
                    f"A window of {size} cells with stride {self.stride} and dilation "
                    f"{self.dilation} can't be centred on its output cell, and "
                    f"reflections would not commute. Use `size={size + 1}`, or the "
                    "even-sized `geomnet.nn.Down` to halve a grid, or say with "
                    "`remaining` that only elements that reverse no axis are meant to "
                    "commute."
                )

    def on(self, grid: tuple[int, ...], where: str) -> PlacedWindow:
        """Where they lie on a grid of fine cells.

        **Raises:** `ValueError` if a reflection would move them, with the mend.
        """
        placed = [
            place(side, size, self.stride, self.dilation, self.group)
            for side, size in zip(grid, self.sizes, strict=True)
        ]
        found = tuple(axis for axis in placed if axis is not None)
        if len(found) < len(placed):
            raise ValueError(self._refusal(grid, where))
        return PlacedWindow(found, self.stride, self.dilation)

    def back_from(self, grid: tuple[int, ...]) -> tuple[tuple[int, ...], PlacedWindow]:
        """The fine grid on which so many coarse windows lie, and how they lie there.

        **Raises:** `ValueError` if there is none: see `check`.
        """
        pairs = [
            place_back(cells, size, self.stride, self.dilation, self.group)
            for cells, size in zip(grid, self.sizes, strict=True)
        ]
        fine, axes = zip(*pairs, strict=True)
        return fine, PlacedWindow(axes, self.stride, self.dilation)

    def _lie(self, side: int, size: int) -> bool:
        return place(side, size, self.stride, self.dilation, self.group) is not None

    def _refusal(self, grid: tuple[int, ...], where: str) -> str:
        stride, options = self.stride, []
        for offset in (0, 1):
            if all(self._lie(2 * stride + offset, size) for size in self.sizes):
                sides = tuple(
                    stride * max(1, -(-(n - offset) // stride)) + offset for n in grid
                )
                kind = "multiples" if offset == 0 else "one more than multiples"
                options.append(f"sides that are {kind} of {stride}, such as {sides}")
        other = ""
        if not any(n % stride for n in grid) and reverses_an_axis(self.group):
            other = (
                f" For this grid use `size={self.sizes[0] + 1}`, or `geomnet.nn.Down`, "
                "or say with `remaining` that only elements that reverse no axis are "
                "meant to commute."
            )
        return (
            f"{where}: on the grid {grid} windows of {self.sizes} cells with stride "
            f"{stride} can't lie symmetrically, and reflections would not commute. Use "
            f"{' or '.join(options)}.{other}"
        )


def place(
    side: int, size: int, stride: int, dilation: int, group: Group
) -> Placement | None:
    """Where windows lie along one axis of `side` fine cells; `None` if a reflection
    would move them: the rules are those of `SlidingWindow`.
    """
    reach, cells = dilation * (size - 1), side // stride
    excess = reach - (stride - 1)
    if side % stride == 0 and (excess % 2 == 0 or not reverses_an_axis(group)):
        low = excess // 2
        return Placement(cells, low, excess - low, stride)
    if side % stride == 1 and reach % 2 == 0:
        return Placement(cells + 1, reach // 2, reach // 2, 0)
    return None


def place_back(
    coarse: int, size: int, stride: int, dilation: int, group: Group
) -> tuple[int, Placement]:
    """The fine side on which `coarse` windows lie, and how they lie there.

    **Raises:** `ValueError` if there is none.
    """
    for side in (stride * coarse, stride * (coarse - 1) + 1):
        placement = place(side, size, stride, dilation, group)
        if placement is not None:
            return side, placement
    raise ValueError(f"SlidingWindow of {size} cells with stride {stride} lie nowhere.")


def reverses_an_axis(group: Group) -> bool:
    """Whether an element takes some axis to the opposite of an axis."""
    return any(bool((element < 0).any()) for element in group.elements)
