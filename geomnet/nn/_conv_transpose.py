"""The transpose of a strided convolution: to a finer grid."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._arguments import check_count, checked
from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ._bias import Bias, add_bias
from ._boundary import Boundaries, Boundary, Faces, agreed_group, as_faces
from ._contract import check_dimension, check_image
from ._execution import convolve_transposed, spread
from ._kernel import AbstractSlidingLayer, Kernel, for_smooth_fields, scaled
from ._placement import PlacedWindow


class ConvTranspose(AbstractSlidingLayer):
    """Sends every coarse cell to the window of fine cells that `Conv` would read.

    With the same `size`, `stride` and `dilation` it maps the grids that `Conv` gives
    back to those that it takes; on the torus, with its kernel turned and transposed, it
    is the transpose. An even size with stride 2 doubles the sides; an odd one takes m
    cells to 2m - 1. Beyond the faces, coarse cells follow the boundary rule.

    **Exactly equivariant** under `group` on every grid, and where the sides are
    multiplied, under translations by one coarse cell along periodic axes.
    """

    kernel: Kernel
    bias: Bias | None
    group: Group = eqx.field(static=True)
    stride: int = eqx.field(static=True)
    dilation: int = eqx.field(static=True)
    faces: Faces = eqx.field(static=True)

    @checked
    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        size: int | tuple[int, ...] = 4,
        *,
        stride: int = 2,
        dilation: int = 1,
        boundary: Boundaries = Boundary.PERIODIC,
        remaining: Group | None = None,
        use_bias: bool = True,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:** as for `Conv`; `stride` is how many fine cells stand for a
        coarse one along each axis.

        **Raises:** `ValueError` if the layer would not be equivariant, or if a type of
        the output can't be reached.
        """
        check_count("stride", stride)
        check_count("dilation", dilation)
        kernel = Kernel(group, in_signature, out_signature, size, key=key, dtype=dtype)
        # A fine cell sees one of `stride**d` taps: restore unit variance.
        scale = float(np.sqrt(stride**group.num_spatial_dims))
        self.kernel = for_smooth_fields(scaled(kernel, scale), stride, dilation)
        self.bias = Bias(group, self.kernel.out_signature, dtype) if use_bias else None
        self.stride = stride
        self.dilation = dilation
        self.faces = as_faces(boundary, group.num_spatial_dims)
        self.group = agreed_group(group, self.faces, remaining)
        self.sliding.check()

    def fine_grid(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """The grid of the output on a coarse `grid`."""
        return self._placed(grid)[0]

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """Coarse cells along each axis by which a shift commutes; 0 if by none."""
        return tuple(
            1 if face[0] is Boundary.PERIODIC and p.translation else 0
            for p, face in zip(self._placed(grid)[1].axes, self.faces, strict=True)
        )

    @jax.named_scope("geomnet.nn.ConvTranspose")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` is not
        `in_signature`.
        """
        check_image(image, self.kernel.space.source, "ConvTranspose")
        fine, placed = self._placed(image.grid)
        kernel = self.kernel
        array = convolve_transposed(
            image.array, kernel.weights, kernel.space, placed, self.faces, fine
        )
        array = add_bias(array, self.bias)
        return GeometricImage(self.out_signature, array, image.num_spatial_dims)

    def dilated(
        self, array: Float[Array, "*coarse_grid features"]
    ) -> Float[Array, "*larger_grid features"]:
        """The coarse cells of `array` `stride` apart with zeros between, and as many as
        windows read.

        A convolution without padding of stride 1 does the rest.
        """
        fine, placed = self._placed(array.shape[:-1])
        space = self.kernel.space
        return spread(array, space.source, space.window, placed, self.faces, fine)

    def _placed(self, grid: tuple[int, ...]) -> tuple[tuple[int, ...], PlacedWindow]:
        """The fine grid, and where `Conv` lays windows on it."""
        check_dimension(grid, self.group)
        return self.sliding.back_from(grid)
