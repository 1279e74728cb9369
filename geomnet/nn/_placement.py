"""Where the windows of a strided layer lie, so that reflections commute."""

import dataclasses

from .._group import Group


@dataclasses.dataclass(frozen=True)
class Placement:
    """Windows along one axis of a grid."""

    coarse: int
    """How many windows there are."""
    low: int
    """Cells to add before the first cell; fewer than 0: to leave out."""
    high: int
    """Cells to add after the last one."""
    translation: int
    """The shift along a torus with which the layer commutes; 0 if with none."""


def place(
    side: int, size: int, stride: int, dilation: int, group: Group
) -> Placement | None:
    """Where windows lie on `side` fine cells, or `None` if a reflection would move
    them.

    - Where `stride` divides the side, a window lies at the centre of the `stride` cells
      that it stands for: for stride 2 an even size.
    - Where the side is one more, as when the grid holds both ends of an interval,
      windows lie at cells 0, `stride`, … and the last one: an odd size. On a torus no
      translation then commutes.
    - A group that reverses no axis has nothing to say: windows begin where they may.
    """
    reach, cells = dilation * (size - 1), side // stride
    excess = reach - (stride - 1)
    if side % stride == 0 and (excess % 2 == 0 or not reverses_an_axis(group)):
        low = excess // 2
        return Placement(cells, low, excess - low, stride)
    if side % stride == 1 and reach % 2 == 0:
        return Placement(cells + 1, reach // 2, reach // 2, 0)
    return None


def can_be_placed(size: int, stride: int, dilation: int, group: Group) -> bool:
    """Whether there is a side on which windows can lie."""
    return any(
        place(side, size, stride, dilation, group) is not None
        for side in (2 * stride, 2 * stride + 1)
    )


def place_back(
    coarse: int, size: int, stride: int, dilation: int, group: Group
) -> tuple[int, Placement]:
    """The fine side on which `coarse` windows lie, and how they lie there.

    **Raises:** `ValueError` if there is none: see `can_be_placed`.
    """
    for side in (stride * coarse, stride * (coarse - 1) + 1):
        placement = place(side, size, stride, dilation, group)
        if placement is not None:
            return side, placement
    raise ValueError(f"Windows of {size} cells with stride {stride} lie nowhere.")


def reverses_an_axis(group: Group) -> bool:
    """Whether an element takes some axis to the opposite of an axis."""
    return any(bool((element < 0).any()) for element in group.elements)
