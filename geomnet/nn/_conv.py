"""Convolution between signatures on the torus, exactly equivariant."""

from typing import Any

import equinox as eqx
import jax
from jaxtyping import PRNGKeyArray

from .._group import Group
from .._image import GeometricImage
from .._signature import Signature, check_signature
from ._kernel import Bias, Kernel
from ._lowering import convolve


class Conv(eqx.Module):
    """A periodic convolution whose kernel is a combination of all invariant kernels.

    **Exactly equivariant** under `group` and under translations by `stride` cells, for
    every grid whose sides are multiples of `stride`. Strides above 1 need windows that
    sit symmetrically around the cells they replace: `stride=2` an even `size`.
    """

    kernel: Kernel
    bias: Bias | None
    stride: int = eqx.field(static=True)
    dilation: int = eqx.field(static=True)

    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        size: int | tuple[int, ...] = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        use_bias: bool = True,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `size`: cells of the window along each axis.
        - `stride`: one output cell for so many input cells along each axis.
        - `dilation`: cells from one tap of the window to the next.
        - `use_bias`: add a learned constant to what the group leaves alone: scalars,
            and other types only where the group fixes one of their tensors.

        **Raises:** `ValueError` if the layer would not be equivariant, or if a type of
        the output can't be reached.
        """
        for name, value in (("stride", stride), ("dilation", dilation)):
            if not (isinstance(value, int) and value >= 1):
                raise ValueError(f"`{name}` must be a positive integer, got {value!r}.")
        self.kernel = Kernel(
            group, in_signature, out_signature, size, key=key, dtype=dtype
        )
        self.bias = Bias(group, self.kernel.out_signature, dtype) if use_bias else None
        self.stride = stride
        self.dilation = dilation
        for n in self.kernel.window:
            if (stride - 1 + dilation * (n - 1)) % 2:
                raise ValueError(
                    f"A window of {n} cells with stride {stride} and dilation "
                    f"{dilation} can't be centred on its output cell, and reflections "
                    f"would not commute. Use `size={n + 1}`, or the even-sized "
                    "`geomnet.nn.Down` to halve a grid."
                )

    @property
    def group(self) -> Group:
        """The group that the layer commutes with."""
        return self.kernel.group

    @property
    def in_signature(self) -> Signature:
        """What the layer takes."""
        return self.kernel.in_signature

    @property
    def out_signature(self) -> Signature:
        """What the layer gives."""
        return self.kernel.out_signature

    @jax.named_scope("geomnet.nn.Conv")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Arguments:** an image of `in_signature` on a grid `(*grid)`.

        **Returns:** an image of `out_signature` on `grid / stride`.

        **Raises:** `ValueError` if the signature differs or the stride does not divide
        the grid.
        """
        check_image(image, self.group, self.in_signature, "Conv")
        check_divides(image.grid, self.stride, "Conv")
        array = convolve(
            image.array,
            self.kernel.dense(),
            stride=self.stride,
            dilation=self.dilation,
        )
        bias = self.bias.dense() if self.bias is not None else None
        if bias is not None:
            array = array + bias.astype(array.dtype).reshape(
                (1,) * (array.ndim - 1) + bias.shape
            )
        return GeometricImage(self.out_signature, array, image.num_spatial_dims)


def check_image(
    image: GeometricImage, group: Group, signature: Signature, where: str
) -> None:
    """**Raises:** `ValueError` unless the image fits a layer: dimension, signature and
    no batch axis; `TypeError` if it is no image.
    """
    if not isinstance(image, GeometricImage):
        raise TypeError(
            f"{where}: `image` must be a GeometricImage, got {type(image).__name__}. "
            f"Wrap the array: `GeometricImage('{signature}', array)`."
        )
    d = group.num_spatial_dims
    check_signature(image.signature, signature, "image", where)
    if image.num_spatial_dims != d:
        raise ValueError(
            f"{where}: `image` has {image.num_spatial_dims} spatial dimensions, the "
            f"layer's {group} acts in {d}."
        )
    if image.array.ndim != d + 1:
        raise ValueError(
            f"{where}: `image` has shape {image.array.shape}, expected (*grid, "
            f"features) with {d + 1} axes. For a batch use `jax.vmap(layer)(images)`."
        )


def check_divides(grid: tuple[int, ...], factor: int, where: str) -> None:
    """**Raises:** `ValueError` unless `factor` divides every side of the grid."""
    if any(n % factor for n in grid):
        fitting = tuple(factor * max(1, round(n / factor)) for n in grid)
        raise ValueError(
            f"{where}: the sides of the grid {grid} must be multiples of {factor}, "
            "else the coarse cells can't lie symmetrically and reflections would not "
            f"commute. Use a grid such as {fitting}."
        )
