"""Convolution between signatures, exactly equivariant."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from .._group import Group
from .._image import GeometricImage
from .._signature import Signature, check_signature
from ._boundary import Boundaries, Boundary, Faces, as_faces, extend, surviving_group
from ._kernel import Bias, Kernel
from ._lowering import centred_padding, convolve
from ._reduced import convolve_reduced, prefers_reduced


class Conv(eqx.Module):
    """A convolution whose kernel is a combination of all invariant kernels.

    **Exactly equivariant** under `group`, for every grid whose sides are multiples of
    `stride`, and under translations by `stride` cells along periodic axes. Strides
    above 1 need windows that sit symmetrically around the cells they replace:
    `stride=2` an even `size`. Boundaries that differ between faces leave the subgroup
    that keeps them.
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
        size: int | tuple[int, ...] = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        boundary: Boundaries = Boundary.PERIODIC,
        remaining: Group | None = None,
        use_bias: bool = True,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `group`: the kernel commutes with it.
        - `size`: cells of the window along each axis.
        - `stride`: one output cell for so many input cells along each axis.
        - `dilation`: cells from one tap of the window to the next.
        - `boundary`: one rule, or one for each axis, or `(low, high)` for an axis.
        - `remaining`: where `boundary` is not the same on faces that the group
            exchanges, the subgroup with which the layer then still commutes: naming it
            says that this is meant. It becomes `conv.group`.
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
        self.faces = as_faces(boundary, group.num_spatial_dims)
        self.group = _agreed_group(group, self.faces, remaining)
        for n in self.kernel.window:
            if (stride - 1 + dilation * (n - 1)) % 2:
                raise ValueError(
                    f"A window of {n} cells with stride {stride} and dilation "
                    f"{dilation} can't be centred on its output cell, and reflections "
                    f"would not commute. Use `size={n + 1}`, or the even-sized "
                    "`geomnet.nn.Down` to halve a grid."
                )

    @property
    def in_signature(self) -> Signature:
        """What the layer takes."""
        return self.kernel.in_signature

    @property
    def out_signature(self) -> Signature:
        """What the layer gives."""
        return self.kernel.out_signature

    @property
    def padding(self) -> tuple[tuple[int, int], ...]:
        """Cells added before and after each axis, so that windows are centred."""
        return tuple(
            centred_padding(n, self.stride, self.dilation) for n in self.kernel.window
        )

    def equivariant_under(self, grid: tuple[int, ...]) -> Group:
        """The elements of the group that the layer commutes with on this grid.

        Elements that exchange sides of different length are among them: the layer then
        commutes as a map between images of both grids.

        **Raises:** `ValueError` if the layer refuses the grid, with the mend.
        """
        if len(grid) != self.group.num_spatial_dims:
            raise ValueError(
                f"`grid` must have {self.group.num_spatial_dims} sides, got {grid}."
            )
        check_divides(grid, self.stride, "Conv")
        return self.group

    @jax.named_scope("geomnet.nn.Conv")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Arguments:** an image of `in_signature` on a grid `(*grid)`.

        **Returns:** an image of `out_signature` on `grid / stride`.

        **Raises:** `ValueError` if the signature differs or the stride does not divide
        the grid.
        """
        check_image(image, self.group, self.in_signature, "Conv")
        check_divides(image.grid, self.stride, "Conv")
        array = self._convolved(image.array)
        bias = self.bias.dense() if self.bias is not None else None
        if bias is not None:
            bias = bias.astype(array.dtype)
            array = array + jnp.expand_dims(bias, range(array.ndim - 1))
        return GeometricImage(self.out_signature, array, image.num_spatial_dims)

    def _convolved(self, array: jax.Array) -> jax.Array:
        kernel = self.kernel
        is_torus = all(pair[0] is Boundary.PERIODIC for pair in self.faces)
        if (
            is_torus
            and self.stride == 1
            and prefers_reduced(
                kernel.group,
                kernel.in_signature,
                kernel.out_signature,
                kernel.window,
                array.shape[:-1],
                array.dtype,
            )
        ):
            return convolve_reduced(
                array,
                kernel.weights,
                kernel.group,
                kernel.in_signature,
                kernel.out_signature,
                kernel.window,
                self.dilation,
            )
        array = extend(array, self.in_signature, self.faces, self.padding)
        return convolve(
            array, kernel.dense(), stride=self.stride, dilation=self.dilation
        )


def _agreed_group(group: Group, faces: Faces, remaining: Group | None) -> Group:
    surviving = surviving_group(group, faces)
    if remaining is None and surviving != group:
        raise ValueError(
            f"`boundary` is not the same on all faces that {group} exchanges: only "
            f"{surviving.order} of its {group.order} elements keep it. Give such faces "
            "one rule, or a smaller `group`, or say that this is meant with "
            "`remaining=geomnet.nn.surviving_group(group, faces)`."
        )
    if remaining is not None and not remaining.is_subgroup(surviving):
        raise ValueError(
            f"`remaining` ({remaining}) has elements that are not in {group} or do not "
            f"keep the boundary. The largest that will do has {surviving.order} "
            "elements: `geomnet.nn.surviving_group(group, faces)`."
        )
    return group if remaining is None else remaining


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
            f"layer's {group} acts in {d}. (A batch of scalars alone does not show its "
            f"dimension: `GeometricImage(signature, array, num_spatial_dims={d})`.)"
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
