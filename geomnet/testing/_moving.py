"""The action on arrays of the host, and how far two of them differ.

NumPy, since every element on every shape would be one more compilation. A test holds it
to `geomnet.act`.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._action import feature_action
from .._group import signed_permutation
from .._image import GeometricImage
from .._signature import Signature

# An entry that is smaller than this part of the largest one is measured against that
# part: it carries the rounding of the sums that it shares with the others.
_SMALLEST_PART = 0.1

# Roundings of the largest input that a sum which cancels leaves.
_CANCELLED = 16


@dataclasses.dataclass(frozen=True)
class Field:
    """An array `(*batch, *grid, features)` on the host, and what its last axis
    holds.
    """

    signature: Signature
    array: np.ndarray
    num_spatial_dims: int

    @property
    def batch(self) -> tuple[int, ...]:
        """The sizes of the leading axes."""
        return self.array.shape[: -1 - self.num_spatial_dims]

    @property
    def grid(self) -> tuple[int, ...]:
        """The number of cells along each axis."""
        return self.array.shape[-1 - self.num_spatial_dims : -1]

    def moved(self, element: Any) -> "Field":
        """`g·f`, as `geomnet.act` has it."""
        permutation, signs, _ = signed_permutation(element)
        index, sign = feature_action(
            self.signature, self.num_spatial_dims, permutation, signs
        )
        array = turn_cells(self.array, permutation, signs)[..., index]
        return self.with_array(array * sign.astype(array.dtype))

    def shifted(self, cells: tuple[int, ...]) -> "Field":
        """The field on the torus, moved by so many cells along each axis."""
        axes = tuple(range(-1 - self.num_spatial_dims, -1))
        return self.with_array(np.roll(self.array, cells, axes))

    def with_array(self, array: np.ndarray) -> "Field":
        """The same signature with other numbers."""
        return Field(self.signature, array, self.num_spatial_dims)

    def image(self) -> GeometricImage:
        """The field as an image."""
        return GeometricImage(self.signature, self.array, self.num_spatial_dims)

    @staticmethod
    def of(image: GeometricImage) -> "Field":
        """An image's numbers, on the host."""
        return Field(image.signature, np.asarray(image.array), image.num_spatial_dims)


def turn_cells(
    array: np.ndarray, permutation: tuple[int, ...], signs: tuple[int, ...]
) -> np.ndarray:
    """Turns the grid of `array`, `(*batch, *grid, features)`, leaving features
    alone.
    """
    d = len(permutation)
    batch = array.ndim - d - 1
    axes = (*range(batch), *(batch + axis for axis in permutation), array.ndim - 1)
    flipped = tuple(batch + axis for axis in range(d) if signs[axis] < 0)
    return np.flip(np.transpose(array, axes), flipped)


def cancelled(x: Field) -> float:
    """Results no larger than this are the rounding of sums of `x` that cancel."""
    if not np.issubdtype(x.array.dtype, np.inexact) and x.array.dtype.kind != "V":
        return 0.0
    eps = float(jnp.finfo(x.array.dtype).eps)
    return _CANCELLED * eps * float(np.abs(widened(x.array)).max(initial=0))


def widened(array: np.ndarray) -> np.ndarray:
    """In 64 bits for each number; a complex one keeps its imaginary part."""
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


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


@dataclasses.dataclass(frozen=True)
class Difference:
    """Where two fields differ most, and by how much."""

    relative: float
    entry: str
    batch: tuple[int, ...]
    cell: tuple[int, ...]


def difference(found: Field, expected: Field, zero: float = 0.0) -> Difference:
    """How far `found` is from `expected`, relative to the largest of each entry.

    Where both are nowhere larger than `zero`, they are equal: sums that cancel.

    **Raises:** `ValueError` if the shapes differ.
    """
    if found.array.shape != expected.array.shape:
        raise ValueError(
            f"f(g·x) has shape {found.array.shape}, g·f(x) {expected.array.shape}: the "
            "grid is not moved with the image."
        )
    wide = widened(expected.array)
    distance = np.abs(widened(found.array) - wide)
    largest = np.abs(wide).max(initial=0)
    worst = Difference(0.0, str(expected.signature.entries[0]), (), ())
    if largest <= zero and np.abs(found.array).max(initial=0) <= zero:
        return worst
    slices = expected.signature.slices(expected.num_spatial_dims)
    for entry, where in zip(expected.signature, slices, strict=True):
        part = distance[..., where]
        scale = max(np.abs(wide[..., where]).max(initial=0), _SMALLEST_PART * largest)
        *place, _ = np.unravel_index(
            np.argmax(np.where(np.isnan(part), np.inf, part)), part.shape
        )
        relative = float(part[tuple(place)].max()) / float(scale if scale > 0 else 1.0)
        if not relative <= worst.relative or not worst.cell:
            cut = len(place) - expected.num_spatial_dims
            cell = tuple(map(int, place))
            worst = Difference(relative, str(entry), cell[:cut], cell[cut:])
        if np.isnan(relative):
            break
    return worst
