"""Halving and doubling the grid, exactly equivariant on even grids.

The usual stride-2 convolution of odd size, and interpolation that aligns corners, keep
every second cell and so prefer one side: a reflection does not commute. Here a coarse
cell lies in the middle of the 2^d fine cells that it replaces.
"""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ._contract import FACTOR, AbstractEveryGridLayer, AbstractHalvingLayer
from ._conv import check_image
from ._kernel import AbstractKernelLayer, Kernel
from ._matmul import times


class Down(AbstractKernelLayer, AbstractHalvingLayer):
    """Halves the grid: each coarse cell is a learned map of its 2^d fine cells.

    **Exactly equivariant** under `group` and translations by 2 cells, for every grid of
    even sides.
    """

    kernel: Kernel

    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        *,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Raises:** `ValueError` if a type of the output can't be reached."""
        self.kernel = Kernel(
            group, in_signature, out_signature, FACTOR, key=key, dtype=dtype
        )

    @property
    def group(self) -> Group:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The group that the layer commutes with."""
        return self.kernel.group

    @jax.named_scope("geomnet.nn.Down")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature differs or a side is odd."""
        check_image(image, self.group, self.in_signature, "Down")
        self.translation_steps(image.grid)
        matrix = self.kernel.dense()
        matrix = matrix.reshape(-1, matrix.shape[-1]).astype(image.dtype)
        array = times(gather_blocks(image.array), matrix)
        return GeometricImage(self.out_signature, array, image.num_spatial_dims)


class Up(AbstractKernelLayer, AbstractEveryGridLayer):
    """Doubles the grid: each of the 2^d fine cells is a learned map of its coarse cell.

    The transpose of `Down`. **Exactly equivariant** under `group` and translations by a
    coarse cell, on every grid.
    """

    kernel: Kernel

    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        *,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Raises:** `ValueError` if a type of the output can't be reached."""
        kernel = Kernel(
            group, in_signature, out_signature, FACTOR, key=key, dtype=dtype
        )
        # A fine cell sees one coarse cell, not the whole window: restore unit variance.
        scale = float(np.sqrt(FACTOR**group.num_spatial_dims))
        self.kernel = jax.tree.map(lambda c: c * scale, kernel)

    @property
    def group(self) -> Group:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The group that the layer commutes with."""
        return self.kernel.group

    @jax.named_scope("geomnet.nn.Up")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` is not
        `in_signature`.
        """
        check_image(image, self.group, self.in_signature, "Up")
        kernel = self.kernel.dense().astype(image.dtype)
        in_features, out_features = kernel.shape[-2:]
        matrix = jnp.moveaxis(kernel.reshape(-1, in_features, out_features), 0, 1)
        array = scatter_blocks(
            times(image.array, matrix.reshape(in_features, -1)), out_features
        )
        return GeometricImage(self.out_signature, array, image.num_spatial_dims)


def gather_blocks(array: Array) -> Array:
    """`(*grid, f)` to `(*grid / 2, 2^d f)`: the fine cells of a coarse cell, row-major.

    Strided slices side by side: a transpose of ever so small axes is far slower.
    """
    d = array.ndim - 1
    parts = [
        array[tuple(slice(start, None, FACTOR) for start in corner)]
        for corner in itertools.product(range(FACTOR), repeat=d)
    ]
    return jnp.concatenate(parts, axis=-1)


def scatter_blocks(array: Array, features: int) -> Array:
    """`(*grid, 2^d f)` to `(*2 grid, f)`: the inverse of `gather_blocks`."""
    d = array.ndim - 1
    grid = array.shape[:-1]
    blocks = array.reshape(*grid, *(FACTOR,) * d, features)
    axes = [axis for i in range(d) for axis in (i, d + i)]
    blocks = blocks.transpose(*axes, 2 * d)
    # One axis at a time: the rules for explicit sharding know no more.
    for axis in range(d):
        shape = blocks.shape
        merged = FACTOR * shape[axis]
        blocks = blocks.reshape(*shape[:axis], merged, *shape[axis + 2 :])
    return blocks
