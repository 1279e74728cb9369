"""What moves the fields of a map: a group element, or a shift on the torus."""

import dataclasses

import numpy as np

from .._group import signed_permutation
from ._field import Field


@dataclasses.dataclass(frozen=True)
class Motion:
    """A group element, or a shift on the torus, that moves fields of a model."""

    grid: tuple[int, ...]
    """The grid of the model's input."""
    element: np.ndarray | None = None
    shift: tuple[int, ...] = ()
    """Cells of the model's input along each axis."""

    @property
    def moved_grid(self) -> tuple[int, ...]:
        """The grid of the moved input: an element may exchange its axes."""
        if self.element is None:
            return self.grid
        permutation, _, _ = signed_permutation(self.element)
        return tuple(self.grid[axis] for axis in permutation)

    def __call__(self, field: Field) -> Field:
        """The field moved: coarser ones by as many cells as the shift is of theirs.

        **Raises:** `ValueError` if that is no whole number.
        """
        if self.element is not None:
            return field.moved(self.element)
        cells = []
        for s, n, m in zip(self.shift, self.grid, field.grid, strict=True):
            if s * m % n and m > 1:
                raise ValueError(
                    f"`shift` {self.shift} moves the output, of grid {field.grid}, by "
                    f"a fraction of a cell: use multiples of {n // m} cells."
                )
            cells.append(s * m // n)
        return field.shifted(tuple(cells))
