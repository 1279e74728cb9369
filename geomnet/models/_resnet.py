"""Residual networks on one grid: plain blocks, or blocks of growing dilation."""

from typing import Any

import equinox as eqx
import jax
from jaxtyping import PRNGKeyArray

from .._arguments import check_count, checked, checked_positive
from .._group import Group, check_group
from .._image import GeometricImage
from .._signature import Signature
from ..nn import (
    Boundaries,
    Boundary,
    Conv,
    Faces,
    Gate,
    LayerNorm,
    as_faces,
    check_dimension,
    check_image,
    periodic_steps,
)
from ..nn._kernel import scaled
from ._contract import AbstractBlock, AbstractNetwork
from ._norm import DEFAULT_NORM, activated, at_unit_size, make_norm
from ._remat import execution_field, rematerialised


class ResidualBlock(AbstractBlock):
    """Norm, gate and convolution, once for each dilation, added to what came in.

    **Exactly equivariant** under `group` and all translations along periodic axes, on
    every grid.
    """

    norms: tuple[LayerNorm | None, ...]
    gates: tuple[Gate, ...]
    convs: tuple[Conv, ...]

    @checked
    def __init__(
        self,
        group: Group,
        signature: "Signature | str",
        dilations: tuple[int, ...] = (1, 1),
        *,
        size: int = 3,
        norm: str = DEFAULT_NORM,
        boundary: Boundaries = Boundary.PERIODIC,
        change_scale: float = 1.0,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `signature`: what goes in and comes out.
        - `dilations`: one convolution for each.
        - `size`, `norm`, `boundary`: as of `ResNet`.
        - `change_scale`: the size of what the block adds to its input before training,
            relative to that of a block without others. Changes as large as what came in
            double the variance at each block; `1 / sqrt(blocks)` keeps it of order 1,
            whatever their number (Hayou et al. 2021).
        - `key`, `dtype`: of the coefficients, as of `Conv`.

        **Raises:** `ValueError` if a type of the signature can't be reached, or if
        `change_scale` is not positive.
        """
        checked_positive("change_scale", change_scale)
        if not dilations:
            raise ValueError("`dilations` is empty: a block needs a convolution.")
        keys = jax.random.split(key, 2 * len(dilations))
        self.norms = tuple(make_norm(norm, group, signature, dtype) for _ in dilations)
        self.gates = tuple(
            Gate(group, signature, key=k, dtype=dtype) for k in keys[: len(dilations)]
        )
        *first, last = (
            Conv(
                group,
                signature,
                signature,
                size,
                dilation=dilation,
                boundary=boundary,
                key=k,
                dtype=dtype,
            )
            for dilation, k in zip(dilations, keys[len(dilations) :], strict=True)
        )
        self.convs = (*first, scaled(last, change_scale))

    @property
    def convolutions(self) -> tuple[Any, ...]:
        """One for each dilation."""
        return self.convs

    def __call__(self, image: GeometricImage) -> GeometricImage:
        """The `image` plus what the block makes of it."""
        change = image
        for norm, gate, conv in zip(self.norms, self.gates, self.convs, strict=True):
            change = activated(norm, gate, change, then=conv)
        return image + change


class _Stack(eqx.Module):
    """Lift, residual blocks, projection: what both networks are made of."""

    lift: Conv
    blocks: tuple[ResidualBlock, ...]
    norm: LayerNorm | None
    gate: Gate
    project: Conv

    def __init__(
        self,
        group: Group,
        signatures: tuple[Signature, Signature, Signature],
        dilations: tuple[tuple[int, ...], ...],
        norm: str,
        output_scale: float,
        key: PRNGKeyArray,
        **shared: Any,
    ):
        """**Arguments:**

        - `signatures`: of the input, inside and of the output.
        - `dilations`: for each block.
        - `shared`: what all convolutions have in common, and the dtype.
        """
        source, hidden, target = signatures
        dtype = shared["dtype"]
        keys = jax.random.split(key, len(dilations) + 3)
        self.lift = Conv(group, source, hidden, key=keys[0], **shared)
        inside = {"norm": norm, "change_scale": len(dilations) ** -0.5, **shared}
        self.blocks = tuple(
            ResidualBlock(group, hidden, d, key=k, **inside)
            for d, k in zip(dilations, keys[3:], strict=True)
        )
        self.norm = make_norm(norm, group, hidden, dtype)
        self.gate = Gate(group, hidden, key=keys[1], dtype=dtype)
        project = Conv(group, hidden, target, key=keys[2], **shared)
        self.project = scaled(project, output_scale)

    def __call__(self, image: GeometricImage, remat: bool) -> GeometricImage:
        image = self.lift(image)
        for block in self.blocks:
            image = rematerialised(block, remat)(image)
        return activated(self.norm, self.gate, image, then=self.project)


class AbstractResNet(AbstractNetwork):
    """A network of residual blocks on one grid."""

    stack: eqx.AbstractVar[_Stack]
    norm: eqx.AbstractVar[str]
    output_scale: eqx.AbstractVar[float]
    size: eqx.AbstractVar[int]
    boundary: eqx.AbstractVar[Faces]
    remat: eqx.AbstractVar[bool]

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """One cell along periodic axes, 0 along others.

        **Raises:** `ValueError` if the grid has another dimension than the group.
        """
        check_dimension(grid, self.group)
        return periodic_steps(self.boundary, 1)

    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` is not
        `in_signature`.
        """
        check_image(image, self.source, type(self).__name__)
        return at_unit_size(
            self.norm, lambda image: self.stack(image, self.remat), image
        )


class ResNet(AbstractResNet):
    """A residual network on one grid (He et al. 2016), pre-activated.

    **Exactly equivariant** under `group`, and under all translations of the torus, on
    every grid.
    """

    stack: _Stack
    group: Group = eqx.field(static=True)
    in_signature: Signature = eqx.field(static=True)
    out_signature: Signature = eqx.field(static=True)
    hidden: Signature = eqx.field(static=True)
    num_blocks: int = eqx.field(static=True)
    size: int = eqx.field(static=True)
    norm: str = eqx.field(static=True)
    output_scale: float = eqx.field(static=True)
    boundary: Faces = eqx.field(static=True)
    remat: bool = execution_field()

    @checked
    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        *,
        hidden: "Signature | str",
        num_blocks: int = 8,
        size: int = 3,
        norm: str = DEFAULT_NORM,
        output_scale: float = 1.0,
        boundary: Boundaries = Boundary.PERIODIC,
        remat: bool = False,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `in_signature`, `out_signature`: what goes in and comes out, such as `4 *
            flow` and `flow`.
        - `hidden`: the fields inside, such as `"16x0+ 16x1+ 4x0-"`.
        - `num_blocks`: residual blocks of two convolutions each.
        - `size`: cells of the windows along each axis; odd.
        - `norm`: `"restored"`, `"layer"` or `"none"`: see `docs/concepts/norms.md`.
        - `output_scale`: the standard deviation of the output before training. A small
            one lets `geomnet.Residual` start from "nothing changes".
        - `boundary`: as in `geomnet.nn.Conv`.
        - `remat`: whether the gradient computes each block anew instead of keeping what
            is inside: for networks that do not fit into memory. The function is the
            same, at the price of a second forward pass in each train step.
        - `key`: draws the coefficients.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` if a type of `hidden` or of the output can't be
        reached, or if `output_scale` is not positive.
        """
        check_group(group)
        check_count("num_blocks", num_blocks)
        self.group = group
        self.in_signature = Signature(in_signature)
        self.out_signature = Signature(out_signature)
        self.hidden = Signature(hidden)
        self.num_blocks = num_blocks
        self.size = size
        self.norm = norm
        self.output_scale = checked_positive("output_scale", output_scale)
        self.remat = remat
        self.boundary = as_faces(boundary, group.num_spatial_dims)
        self.stack = _Stack(
            group,
            (self.in_signature, self.hidden, self.out_signature),
            ((1, 1),) * num_blocks,
            norm,
            output_scale,
            key,
            size=size,
            boundary=boundary,
            dtype=dtype,
        )


class DilatedResNet(AbstractResNet):
    """Residual blocks whose dilations grow and shrink again (Stachenfeld et al. 2022).

    Each block sees far without a coarser grid: 1, 2, 4, 8, 4, 2, 1 by default.

    **Exactly equivariant** under `group`, and under all translations of the torus, on
    every grid.
    """

    stack: _Stack
    group: Group = eqx.field(static=True)
    in_signature: Signature = eqx.field(static=True)
    out_signature: Signature = eqx.field(static=True)
    hidden: Signature = eqx.field(static=True)
    num_blocks: int = eqx.field(static=True)
    dilations: tuple[int, ...] = eqx.field(static=True)
    size: int = eqx.field(static=True)
    norm: str = eqx.field(static=True)
    output_scale: float = eqx.field(static=True)
    boundary: Faces = eqx.field(static=True)
    remat: bool = execution_field()

    @checked
    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        *,
        hidden: "Signature | str",
        num_blocks: int = 4,
        dilations: tuple[int, ...] = (1, 2, 4, 8, 4, 2, 1),
        size: int = 3,
        norm: str = DEFAULT_NORM,
        output_scale: float = 1.0,
        boundary: Boundaries = Boundary.PERIODIC,
        remat: bool = False,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `in_signature`, `out_signature`: what goes in and comes out, such as `4 *
            flow` and `flow`.
        - `hidden`: the fields inside, such as `"16x0+ 16x1+ 4x0-"`.
        - `num_blocks`: residual blocks, each with one convolution per dilation.
        - `dilations`: cells from tap to tap in the convolutions of a block.
        - `size`: cells of the windows along each axis; odd.
        - `norm`: `"restored"`, `"layer"` or `"none"`: see `docs/concepts/norms.md`.
        - `output_scale`: the standard deviation of the output before training. A small
            one lets `geomnet.Residual` start from "nothing changes".
        - `boundary`: as in `geomnet.nn.Conv`.
        - `remat`: whether the gradient computes each block anew instead of keeping what
            is inside: for networks that do not fit into memory. The function is the
            same, at the price of a second forward pass in each train step.
        - `key`: draws the coefficients.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` if a type of `hidden` or of the output can't be
        reached, or if `output_scale` is not positive.
        """
        check_group(group)
        check_count("num_blocks", num_blocks)
        self.group = group
        self.in_signature = Signature(in_signature)
        self.out_signature = Signature(out_signature)
        self.hidden = Signature(hidden)
        self.num_blocks = num_blocks
        self.dilations = dilations
        self.size = size
        self.norm = norm
        self.output_scale = checked_positive("output_scale", output_scale)
        self.remat = remat
        self.boundary = as_faces(boundary, group.num_spatial_dims)
        self.stack = _Stack(
            group,
            (self.in_signature, self.hidden, self.out_signature),
            (dilations,) * num_blocks,
            norm,
            output_scale,
            key,
            size=size,
            boundary=boundary,
            dtype=dtype,
        )
