"""Convolution between signatures, exactly equivariant."""

from typing import Any

import equinox as eqx
import jax
from jaxtyping import PRNGKeyArray

from .._arguments import check_count, checked
from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ._bias import Bias, add_bias
from ._boundary import Boundaries, Boundary, Faces, agreed_group, as_faces
from ._contract import check_dimension, check_image
from ._execution import convolve
from ._kernel import AbstractSlidingLayer, Kernel, for_smooth_fields
from ._placement import PlacedWindow


class Conv(AbstractSlidingLayer):
    """A convolution whose kernel is a combination of all invariant kernels.

    After Gregory et al. (2024): one sum over all types and their channels.

    **Exactly equivariant** under `group`, on every grid if `stride` is 1. A larger
    stride needs sides that it divides and windows that sit symmetrically around the
    cells they replace, for `stride=2` an even `size`; or an odd size and sides that are
    one more than a multiple of the stride, as 65 is of 2. Boundaries that differ
    between faces leave the subgroup that keeps them. `equivariant_under` and
    `translation_steps` say it for a grid.
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
        size: int | tuple[int, ...] = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        channel_groups: int = 1,
        boundary: Boundaries = Boundary.PERIODIC,
        remaining: Group | None = None,
        use_bias: bool = True,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `group`: the kernel commutes with it.
        - `in_signature`, `out_signature`: what goes in and comes out.
        - `size`: cells of the window along each axis.
        - `stride`: one output cell for so many input cells along each axis.
        - `dilation`: cells from one tap of the window to the next.
        - `channel_groups`: deals the channels of every entry into so many groups that
            do not mix. With one channel of each type in a group the layer is what is
            called depthwise.
        - `boundary`: one rule, or one for each axis, or `(low, high)` for an axis.
        - `remaining`: where the boundary, or a window that is not centred, keeps only
            part of the group, the subgroup with which the layer then still commutes:
            naming it says that this is meant. It becomes `conv.group`.
        - `use_bias`: add a learned constant to what the group leaves alone: scalars,
            and other types only where the group fixes one of their tensors. `MeanBias`
            serves every type.
        - `key`: draws the coefficients, so that an input of unit variance gives an
            output of unit variance, be its cells independent or equal: of the two
            whichever gives more.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` if the layer would not be equivariant, or if a type of
        the output can't be reached.
        """
        check_count("stride", stride)
        check_count("dilation", dilation)
        kernel = Kernel(
            group,
            in_signature,
            out_signature,
            size,
            channel_groups=channel_groups,
            key=key,
            dtype=dtype,
        )
        self.kernel = for_smooth_fields(kernel)
        self.bias = Bias(group, self.kernel.out_signature, dtype) if use_bias else None
        self.stride = stride
        self.dilation = dilation
        self.faces = as_faces(boundary, group.num_spatial_dims)
        self.group = agreed_group(group, self.faces, remaining)
        self.sliding.check()

    def placement(self, grid: tuple[int, ...]) -> PlacedWindow:
        """Where the windows lie on a `grid`.

        **Raises:** `ValueError` if the layer refuses the grid, with the mend.
        """
        check_dimension(grid, self.group)
        return self.sliding.on(grid, "Conv")

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """The shift along each axis with which the layer commutes; 0 if with none.

        **Raises:** `ValueError` if the layer refuses the grid, with the mend.
        """
        return tuple(
            p.translation if face[0] is Boundary.PERIODIC else 0
            for p, face in zip(self.placement(grid).axes, self.faces, strict=True)
        )

    @jax.named_scope("geomnet.nn.Conv")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Arguments:** `image`, of `in_signature` on a grid `(*grid)`.

        **Returns:** an image of `out_signature` on `grid / stride`.

        **Raises:** `ValueError` if the signature differs or the stride does not fit the
        grid.
        """
        check_image(image, self.kernel.space.source, "Conv")
        placed = self.placement(image.grid)
        kernel = self.kernel
        array = convolve(image.array, kernel.weights, kernel.space, placed, self.faces)
        array = add_bias(array, self.bias)
        return GeometricImage(self.out_signature, array, image.num_spatial_dims)
