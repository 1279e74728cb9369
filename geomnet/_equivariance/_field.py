"""Typed fields on the host, and the action of the group on them.

NumPy, since every element on every shape would be one more compilation. A test holds it
to `geomnet.act`.
"""

import dataclasses
from typing import Any

import numpy as np

from .._action import feature_action, move_cells
from .._group import signed_permutation
from .._image import GeometricImage
from .._signature import Signature


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
        array = move_cells(permutation, signs, self.array)[..., index]
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


def widened(array: np.ndarray) -> np.ndarray:
    """In 64 bits for each number; a complex one keeps its imaginary part."""
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
