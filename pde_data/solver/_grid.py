"""A uniform Cartesian grid: number of cells, extent, cell centres."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from .._arguments import checked


@dataclasses.dataclass(frozen=True)
class Grid:
    """A box of `shape` cells: `origin + [0, extent]` along each axis.

    **Arguments:**

    - `shape`: the number of cells along each of 1 to 3 axes, at least 4.
    - `extent`: the length of the box along each axis, or one number for all of them;
      non-dimensional.
    - `origin`: the lower corner of the box, in the same way.

    **Raises:** `ValueError` for a number of axes, of cells, or a length that is none.

    **Good values:** `Grid((128, 128))`, the unit box.
    """

    shape: tuple[int, ...]
    extent: tuple[float, ...] = (1.0,)
    origin: tuple[float, ...] = (0.0,)

    @checked
    def __init__(
        self,
        shape: Sequence[int],
        extent: float | Sequence[float] = 1.0,
        origin: float | Sequence[float] = 0.0,
    ):
        shape = tuple(int(n) for n in shape)
        if not 1 <= len(shape) <= 3:
            raise ValueError(
                f"`shape` must have 1, 2 or 3 axes, got {len(shape)}: {shape}."
            )
        if any(n < 4 for n in shape):
            raise ValueError(
                f"`shape` must have at least 4 cells along each axis, got {shape}."
            )
        # A frozen dataclass lets its own `__init__` set a field only in this way.
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "extent", _per_axis("extent", extent, len(shape)))
        object.__setattr__(self, "origin", _per_axis("origin", origin, len(shape)))
        if not all(length > 0 and math.isfinite(length) for length in self.extent):
            raise ValueError(f"`extent` must be positive, got {self.extent}.")

    @property
    def num_spatial_dims(self) -> int:
        """The number of axes, d."""
        return len(self.shape)

    @property
    def spacing(self) -> tuple[float, ...]:
        """The width of a cell along each axis."""
        return tuple(
            length / n for length, n in zip(self.extent, self.shape, strict=True)
        )

    @property
    def num_cells(self) -> int:
        """The number of cells of the whole grid."""
        return math.prod(self.shape)

    def coordinates(self, axis: int) -> np.ndarray:
        """The cell centres along one `axis`, float64 `(n,)`."""
        n = self.shape[axis]
        return self.origin[axis] + (np.arange(n) + 0.5) * self.spacing[axis]

    def centers(self) -> tuple[np.ndarray, ...]:
        """The coordinates of all cell centres, one float64 array `(*grid)` per axis."""
        axes = [self.coordinates(axis) for axis in range(self.num_spatial_dims)]
        return tuple(np.meshgrid(*axes, indexing="ij"))

    def refined(self, factor: int) -> "Grid":
        """The same box with `factor` times the cells along each axis."""
        return Grid([n * factor for n in self.shape], self.extent, self.origin)


@dataclasses.dataclass(frozen=True, init=False)
class PartOfGrid(Grid):
    """Some cells of a `whole` grid, whose box, spacing and coordinates they keep.

    **Arguments:**

    - `shape`: the number of cells along each axis; `first`: which is the first.
    """

    whole: Grid
    first: tuple[int, ...]

    def __init__(self, whole: Grid, shape: tuple[int, ...], first: tuple[int, ...]):
        fields = {"extent": whole.extent, "origin": whole.origin, "shape": shape}
        for name, value in {**fields, "whole": whole, "first": first}.items():
            object.__setattr__(self, name, value)

    @property
    def spacing(self) -> tuple[float, ...]:
        """The width of a cell along each axis."""
        return self.whole.spacing

    def coordinates(self, axis: int) -> np.ndarray:
        """The cell centres along one `axis`, float64 `(n,)`: the bits of the whole."""
        start = self.first[axis]
        return self.whole.coordinates(axis)[start : start + self.shape[axis]]


def _per_axis(
    name: str, value: float | Sequence[float], num_axes: int
) -> tuple[float, ...]:
    if isinstance(value, (int, float)):
        return (float(value),) * num_axes
    values = tuple(float(v) for v in value)
    if len(values) != num_axes:
        raise ValueError(
            f"`{name}` must be one number or one per axis ({num_axes}), got {values}."
        )
    return values
