"""The transpose of a strided convolution: to a finer grid."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._count import check_count
from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ._boundary import Boundaries, Boundary, Faces, as_faces, extend
from ._contract import AbstractLayer, check_dimension
from ._conv import add_bias, agreed_group, check_image, check_window
from ._kernel import AbstractKernelLayer, Bias, Kernel
from ._lowering import convolve
from ._placement import Placement, place_back


class ConvTranspose(AbstractKernelLayer, AbstractLayer):
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
        self.kernel = jax.tree.map(lambda weights: scale * weights, kernel)
        self.bias = Bias(group, self.kernel.out_signature, dtype) if use_bias else None
        self.stride = stride
        self.dilation = dilation
        self.faces = as_faces(boundary, group.num_spatial_dims)
        self.group = agreed_group(group, self.faces, remaining)
        check_window(self.kernel.window, stride, dilation, self.group)

    def fine_grid(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """The grid of the output."""
        return tuple(side for side, _ in self._placed(grid))

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """Coarse cells along each axis by which a shift commutes; 0 if by none."""
        return tuple(
            1 if face[0] is Boundary.PERIODIC and p.translation else 0
            for (_, p), face in zip(self._placed(grid), self.faces, strict=True)
        )

    @jax.named_scope("geomnet.nn.ConvTranspose")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` is not
        `in_signature`.
        """
        check_image(image, self.group, self.in_signature, "ConvTranspose")
        array = self.dilated(image.array)
        array = convolve(array, self.kernel.dense(), dilation=self.dilation)
        array = add_bias(array, self.bias)
        return GeometricImage(self.out_signature, array, image.num_spatial_dims)

    def dilated(
        self, array: Float[Array, "*coarse_grid features"]
    ) -> Float[Array, "*larger_grid features"]:
        """Coarse cells `stride` apart with zeros between, and as many as windows read.

        A convolution without padding of stride 1 does the rest.
        """
        ghosts, edges = [], []
        grid = array.shape[:-1]
        for (side, p), cells, size in zip(
            self._placed(grid), grid, self.kernel.window, strict=True
        ):
            before = self.dilation * (size - 1) - p.low
            after = side - 1 + p.low - self.stride * (cells - 1)
            low, high = (max(0, n // self.stride) for n in (before, after))
            ghosts.append((low, high))
            edges.append((before - self.stride * low, after - self.stride * high))
        array = extend(array, self.in_signature, self.faces, ghosts)
        spread = [(low, high, self.stride - 1) for low, high in edges]
        return jax.lax.pad(array, jnp.zeros((), array.dtype), [*spread, (0, 0, 0)])

    def _placed(self, grid: tuple[int, ...]) -> list[tuple[int, Placement]]:
        """The fine side along each axis, and where `Conv` lays windows on it."""
        check_dimension(grid, self.group)
        return [
            place_back(cells, size, self.stride, self.dilation, self.group)
            for cells, size in zip(grid, self.kernel.window, strict=True)
        ]
