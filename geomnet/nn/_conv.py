"""Convolution between signatures, exactly equivariant."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from .._count import check_count
from .._group import Group, check_group
from .._image import GeometricImage
from .._signature import Signature, check_signature
from ._boundary import Boundaries, Boundary, Faces, as_faces, extend, surviving_group
from ._channel_groups import from_groups, to_groups
from ._contract import AbstractLayer, check_dimension
from ._kernel import AbstractKernelLayer, Bias, Kernel
from ._lowering import convolve
from ._placement import Placement, can_be_placed, place, reverses_an_axis
from ._reduced import convolve_reduced, prefers_reduced


class Conv(AbstractKernelLayer, AbstractLayer):
    """A convolution whose kernel is a combination of all invariant kernels.

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

        **Raises:** `ValueError` if the layer would not be equivariant, or if a type of
        the output can't be reached.
        """
        check_count("stride", stride)
        check_count("dilation", dilation)
        self.kernel = Kernel(
            group,
            in_signature,
            out_signature,
            size,
            channel_groups=channel_groups,
            key=key,
            dtype=dtype,
        )
        self.bias = Bias(group, self.kernel.out_signature, dtype) if use_bias else None
        self.stride = stride
        self.dilation = dilation
        self.faces = as_faces(boundary, group.num_spatial_dims)
        self.group = agreed_group(group, self.faces, remaining)
        check_window(self.kernel.window, stride, dilation, self.group)

    def placement(self, grid: tuple[int, ...]) -> tuple[Placement, ...]:
        """Where the windows lie along each axis.

        **Raises:** `ValueError` if the layer refuses the grid, with the mend.
        """
        check_dimension(grid, self.group)
        placed = [
            place(side, size, self.stride, self.dilation, self.group)
            for side, size in zip(grid, self.kernel.window, strict=True)
        ]
        found = [p for p in placed if p is not None]
        if len(found) < len(placed):
            raise ValueError(_refusal(self, grid))
        return tuple(found)

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """The shift along each axis with which the layer commutes; 0 if with none.

        **Raises:** `ValueError` if the layer refuses the grid, with the mend.
        """
        return tuple(
            p.translation if face[0] is Boundary.PERIODIC else 0
            for p, face in zip(self.placement(grid), self.faces, strict=True)
        )

    @jax.named_scope("geomnet.nn.Conv")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Arguments:** an image of `in_signature` on a grid `(*grid)`.

        **Returns:** an image of `out_signature` on `grid / stride`.

        **Raises:** `ValueError` if the signature differs or the stride does not fit the
        grid.
        """
        check_image(image, self.group, self.in_signature, "Conv")
        placed = self.placement(image.grid)
        array = self._convolved(image.array, placed)
        array = add_bias(array, self.bias)
        return GeometricImage(self.out_signature, array, image.num_spatial_dims)

    def _convolved(self, array: jax.Array, placed: tuple[Placement, ...]) -> jax.Array:
        kernel, groups = self.kernel, self.kernel.channel_groups
        signatures = kernel.in_signature, kernel.out_signature
        is_torus = all(pair[0] is Boundary.PERIODIC for pair in self.faces)
        if (
            is_torus
            and self.stride == 1
            and groups == 1
            and prefers_reduced(
                kernel.group,
                *signatures,
                kernel.window,
                array.shape[:-1],
                array.dtype,
            )
        ):
            return convolve_reduced(
                array,
                kernel.weights,
                kernel.group,
                *signatures,
                kernel.window,
                self.dilation,
            )
        padding = [(p.low, p.high) for p in placed]
        array = extend(array, self.in_signature, self.faces, padding)
        d = self.group.num_spatial_dims
        array = convolve(
            to_groups(array, self.in_signature, groups, d),
            kernel.dense(),
            stride=self.stride,
            dilation=self.dilation,
            groups=groups,
        )
        return from_groups(array, self.out_signature, groups, d)


def agreed_group(group: Group, faces: Faces, remaining: Group | None) -> Group:
    """The group that a layer with these faces commutes with.

    **Raises:** `ValueError` if that is not the whole group and `remaining` does not
    name a part that is left.
    """
    surviving = surviving_group(group, faces)
    if remaining is not None:
        check_group(remaining, "remaining")
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


def check_window(
    window: tuple[int, ...], stride: int, dilation: int, group: Group
) -> None:
    """**Raises:** `ValueError` if there is no grid on which such windows commute."""
    for size in window:
        if not can_be_placed(size, stride, dilation, group):
            raise ValueError(
                f"A window of {size} cells with stride {stride} and dilation "
                f"{dilation} can't be centred on its output cell, and reflections "
                f"would not commute. Use `size={size + 1}`, or the even-sized "
                "`geomnet.nn.Down` to halve a grid, or say with `remaining` that only "
                "elements that reverse no axis are meant to commute."
            )


def _refusal(conv: Conv, grid: tuple[int, ...]) -> str:
    stride, window = conv.stride, conv.kernel.window
    options = []
    for offset in (0, 1):
        if can_be_placed_on(conv, offset):
            sides = tuple(
                stride * max(1, -(-(n - offset) // stride)) + offset for n in grid
            )
            kind = "multiples" if offset == 0 else "one more than multiples"
            options.append(f"sides that are {kind} of {stride}, such as {sides}")
    mend = " or ".join(options)
    other = ""
    if not any(n % stride for n in grid) and reverses_an_axis(conv.group):
        other = (
            f" For this grid use `size={window[0] + 1}`, or `geomnet.nn.Down`, or "
            "say with `remaining` that only elements that reverse no axis are meant "
            "to commute."
        )
    return (
        f"Conv: on the grid {grid} windows of {window} cells with stride {stride} "
        f"can't lie symmetrically, and reflections would not commute. Use {mend}."
        f"{other}"
    )


def can_be_placed_on(conv: Conv, offset: int) -> bool:
    """Whether windows lie on sides that are `offset` more than a multiple."""
    side = 2 * conv.stride + offset
    return all(
        place(side, size, conv.stride, conv.dilation, conv.group) is not None
        for size in conv.kernel.window
    )


def add_bias(array: jax.Array, bias: Bias | None) -> jax.Array:
    """The array plus the constant that the group allows, if any."""
    constant = bias.dense() if bias is not None else None
    if constant is None:
        return array
    return array + jnp.expand_dims(constant.astype(array.dtype), range(array.ndim - 1))


def check_image(
    image: GeometricImage, group: Group, signature: Signature, where: str
) -> None:
    """**Raises:** `ValueError` unless the image fits a layer: dimension, signature and
    no batch axis; `TypeError` if it is no image, or not of floating-point numbers.
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
    if not jnp.issubdtype(image.dtype, jnp.floating):
        raise TypeError(
            f"{where}: `image` must hold floating-point numbers, got {image.dtype}: "
            "weights would be rounded to that. Use `image.astype(jax.numpy.float32)`; "
            "a complex field is two real ones."
        )
    if 0 in image.grid:
        raise ValueError(
            f"{where}: `image` has no cells, its grid is {image.grid}. Give every side "
            "at least 1."
        )
