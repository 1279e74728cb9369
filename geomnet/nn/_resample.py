"""Halving and doubling the grid, exactly equivariant on even grids.

The usual stride-2 convolution of odd size, and interpolation that aligns corners, keep
every second cell and so prefer one side: a reflection does not commute. Here a coarse
cell lies in the middle of the 2^d fine cells that it replaces.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from .._arguments import checked
from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ._contract import AbstractEveryGridLayer, AbstractHalvingLayer, check_image
from ._execution import gather_blocks, scatter_blocks, times
from ._kernel import AbstractFullKernelLayer, Kernel, for_smooth_fields, scaled
from ._placement import FACTOR


class Down(AbstractFullKernelLayer, AbstractHalvingLayer):
    """Halves the grid: each coarse cell is a learned map of its 2^d fine cells.

    **Exactly equivariant** under `group` and translations by 2 cells, for every grid of
    even sides.
    """

    kernel: Kernel

    @checked
    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        *,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `in_signature`, `out_signature`: what goes in and comes out.
        - `key`: draws the coefficients.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` if a type of the output can't be reached.
        """
        kernel = Kernel(
            group, in_signature, out_signature, FACTOR, key=key, dtype=dtype
        )
        self.kernel = for_smooth_fields(kernel)

    @jax.named_scope("geomnet.nn.Down")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs or a side is
        odd.
        """
        check_image(image, self.kernel.space.source, "Down")
        self.translation_steps(image.grid)
        matrix = self.kernel.dense()
        matrix = matrix.reshape(-1, matrix.shape[-1]).astype(image.dtype)
        array = times(gather_blocks(image.array), matrix)
        return GeometricImage(self.out_signature, array, image.num_spatial_dims)


class Up(AbstractFullKernelLayer, AbstractEveryGridLayer):
    """Doubles the grid: each of the 2^d fine cells is a learned map of its coarse cell.

    The transpose of `Down`. **Exactly equivariant** under `group` and translations by a
    coarse cell, on every grid.
    """

    kernel: Kernel

    @checked
    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        *,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `in_signature`, `out_signature`: what goes in and comes out.
        - `key`: draws the coefficients.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` if a type of the output can't be reached.
        """
        kernel = Kernel(
            group, in_signature, out_signature, FACTOR, key=key, dtype=dtype
        )
        # A fine cell sees one coarse cell, not the whole window: restore unit variance.
        scale = float(np.sqrt(FACTOR**group.num_spatial_dims))
        self.kernel = scaled(kernel, scale)

    @jax.named_scope("geomnet.nn.Up")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` is not
        `in_signature`.
        """
        check_image(image, self.kernel.space.source, "Up")
        kernel = self.kernel.dense().astype(image.dtype)
        in_features, out_features = kernel.shape[-2:]
        matrix = jnp.moveaxis(kernel.reshape(-1, in_features, out_features), 0, 1)
        array = scatter_blocks(
            times(image.array, matrix.reshape(in_features, -1)), out_features
        )
        return GeometricImage(self.out_signature, array, image.num_spatial_dims)
