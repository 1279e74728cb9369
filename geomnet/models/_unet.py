"""The equivariant UNet: fields at several scales, joined on the way back."""

import abc
import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
from jaxtyping import PRNGKeyArray

from .._arguments import check_count, checked, checked_positive
from .._group import Group, check_group
from .._image import GeometricImage, concatenate
from .._signature import Signature
from ..nn import (
    Boundaries,
    Boundary,
    Conv,
    Down,
    Faces,
    FiLM,
    Gate,
    LayerNorm,
    Up,
    as_faces,
    check_dimension,
    check_divides,
    check_image,
    periodic_steps,
)
from ..nn._kernel import scaled
from ._contract import AbstractBlock, AbstractNetwork
from ._norm import (
    DEFAULT_NORM,
    Layer,
    Parameters,
    activated,
    at_unit_size,
    check_given,
    make_condition,
    make_norm,
)
from ._remat import execution_field, has_stand_in, rematerialised

Chain = Callable[[GeometricImage, Callable[[GeometricImage], Any]], Any]
"""Blocks on one level, and what is made of their result."""


class ConvBlock(AbstractBlock):
    """Convolution, norm, gate.

    Before the gate the fields are scaled and shifted by functions of the parameters, if
    there are any.

    **Exactly equivariant** under `group` and all translations along periodic axes, on
    every grid.
    """

    conv: Conv
    norm: LayerNorm | None
    gate: Gate
    condition: FiLM | None

    @checked
    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        *,
        num_parameters: int = 0,
        size: int = 3,
        norm: str = DEFAULT_NORM,
        boundary: Boundaries = Boundary.PERIODIC,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `in_signature`, `out_signature`: what goes in and comes out.
        - `size`, `norm`, `boundary`, `num_parameters`: as of `UNet`.
        - `key`, `dtype`: of the coefficients, as of `Conv`.

        **Raises:** `ValueError` if a type of the output can't be reached.
        """
        conv_key, gate_key = jax.random.split(key)
        # A norm has the bias.
        self.conv = Conv(
            group,
            in_signature,
            out_signature,
            size,
            boundary=boundary,
            use_bias=norm != "layer",
            key=conv_key,
            dtype=dtype,
        )
        self.norm = make_norm(norm, group, out_signature, dtype)
        self.gate = Gate(group, out_signature, key=gate_key, dtype=dtype)
        film_key = jax.random.fold_in(gate_key, 1)
        self.condition = make_condition(
            group, out_signature, num_parameters, key=film_key, dtype=dtype
        )

    @property
    def convolutions(self) -> tuple[Any, ...]:
        """The one."""
        return (self.conv,)

    def __call__(
        self, image: GeometricImage, parameters: Parameters | None = None
    ) -> GeometricImage:
        """From `image` and the numbers `parameters` an image of the output signature on
        the same grid.
        """
        return self.activated(self.conv(image), parameters)

    def activated(
        self,
        image: GeometricImage,
        parameters: Parameters | None,
        then: Callable[[GeometricImage], Any] | None = None,
    ) -> Any:
        """What comes after the convolution, and what `then` makes of it.

        **Arguments:** `image`: what the convolution gave; `parameters`: the numbers of
        its `condition`, where it has one.
        """
        return activated(
            self.norm, self.gate, image, self.condition, parameters, then=then
        )


class AbstractUNet(AbstractNetwork):
    """A network that halves the grid `depth` times and comes back to it."""

    depth: eqx.AbstractVar[int]
    num_parameters: eqx.AbstractVar[int]
    norm: eqx.AbstractVar[str]
    boundary: eqx.AbstractVar[Faces]
    remat: eqx.AbstractVar[bool]

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """`2**depth` cells along periodic axes, 0 along others.

        **Raises:** `ValueError` if the network refuses the grid, with the mend.
        """
        check_dimension(grid, self.group)
        check_divides(
            grid, 2**self.depth, f"{type(self).__name__} of depth {self.depth}"
        )
        return periodic_steps(self.boundary, 2**self.depth)

    def __call__(
        self, image: GeometricImage, parameters: Parameters | None = None
    ) -> GeometricImage:
        """**Arguments:**

        - `image`: of `in_signature`, on a grid with sides that are multiples of
            `2**depth`.
        - `parameters`: `(num_parameters,)`; needed if there are any.

        **Returns:** an image of `out_signature` on the same grid.

        **Raises:** `ValueError` if the signature, the grid or the parameters do not
        fit.
        """
        name = type(self).__name__
        check_image(image, self.source, name)
        self.translation_steps(image.grid)
        check_given(parameters, self.num_parameters, name)
        return at_unit_size(
            self.norm, lambda image: self._layers(image, parameters), image
        )

    @abc.abstractmethod
    def _layers(
        self, image: GeometricImage, parameters: Parameters | None
    ) -> GeometricImage:
        """All layers, on an image that has been checked."""


class UNet(AbstractUNet):
    """A UNet between signatures (Ronneberger et al. 2015), exactly equivariant.

    Two blocks on each level; `Down` halves the grid and doubles the channels, `Up` goes
    back, and the fields of the way down are joined in by concatenation. All fields
    inside have the types of `hidden`.

    **Exactly equivariant** under `group`, and under translations by `2**depth` cells,
    on every grid whose sides are multiples of `2**depth`. Under `trivial(d)` it is the
    plain UNet: see `geomnet.twin`.
    """

    lift: ConvBlock
    encoders: tuple[ConvBlock, ...]
    downs: tuple[Down, ...]
    bottom: ConvBlock
    ups: tuple[Up, ...]
    decoders: tuple[tuple[ConvBlock, ConvBlock], ...]
    project: Conv
    group: Group = eqx.field(static=True)
    in_signature: Signature = eqx.field(static=True)
    out_signature: Signature = eqx.field(static=True)
    hidden: Signature = eqx.field(static=True)
    depth: int = eqx.field(static=True)
    num_parameters: int = eqx.field(static=True)
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
        depth: int = 3,
        num_parameters: int = 0,
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
        - `hidden`: the fields on the finest level, such as `"16x0+ 16x1+ 4x0-"`; level
            n has `2**n` times as many.
        - `depth`: how often the grid is halved.
        - `num_parameters`: how many numbers condition the network. Give them in units
            in which they vary by about 1, such as the logarithm of a viscosity.
        - `size`: cells of the convolutions' windows along each axis; odd.
        - `norm`: `"restored"`, `"layer"` or `"none"`: see `docs/concepts/norms.md`.
        - `output_scale`: the standard deviation of the output before training. A small
            one lets `geomnet.Residual` start from "nothing changes".
        - `boundary`: as in `geomnet.nn.Conv`; `Down` and `Up` never look beyond a face.
        - `remat`: whether the gradient computes each block anew instead of keeping what
            is inside: for networks that do not fit into memory. The function is the
            same, at the price of a second forward pass in each train step.
        - `key`: draws the coefficients.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` if a type of `hidden` or of the output can't be
        reached.
        """
        check_group(group)
        check_shape(depth, output_scale)
        check_count("num_parameters", num_parameters, at_least=0)
        self.group = group
        self.in_signature = Signature(in_signature)
        self.out_signature = Signature(out_signature)
        self.hidden = Signature(hidden)
        self.depth, self.size, self.norm = depth, size, norm
        self.num_parameters = num_parameters
        self.remat = remat
        self.output_scale = output_scale
        self.boundary = as_faces(boundary, group.num_spatial_dims)
        keys = iter(jax.random.split(key, 5 * depth + 3))
        levels = level_signatures(self.hidden, depth)

        shared: dict[str, Any] = {"size": size, "boundary": boundary, "dtype": dtype}
        conditioned = {"num_parameters": num_parameters, "norm": norm, **shared}

        def block(source: Signature, target: Signature) -> ConvBlock:
            return ConvBlock(group, source, target, key=next(keys), **conditioned)

        def resample(layer: Any, source: Signature, target: Signature) -> Any:
            return layer(group, source, target, key=next(keys), dtype=dtype)

        self.lift = block(self.in_signature, levels[0])
        self.encoders = tuple(block(level, level) for level in levels[:-1])
        pairs = list(itertools.pairwise(levels))
        self.downs = tuple(resample(Down, fine, coarse) for fine, coarse in pairs)
        self.bottom = block(levels[-1], levels[-1])
        self.ups = tuple(resample(Up, coarse, fine) for fine, coarse in pairs[::-1])
        self.decoders = tuple(
            (block(fine + fine, fine), block(fine, fine)) for fine, _ in pairs[::-1]
        )
        project = Conv(group, levels[0], out_signature, key=next(keys), **shared)
        self.project = scaled(project, output_scale)

    def _layers(
        self, image: GeometricImage, parameters: Parameters | None
    ) -> GeometricImage:
        def chain(*blocks: ConvBlock) -> Chain:
            return lambda image, then: _through_plain_blocks(
                blocks, image, parameters, self.remat, then
            )

        first, *others = (*self.encoders, self.bottom)
        *encoders, bottom = chain(self.lift, first), *map(chain, others)
        return through_levels(
            image,
            encoders,
            self.downs,
            bottom,
            self.ups,
            [chain(*pair) for pair in self.decoders],
            self.project,
        )


def _through_plain_blocks(
    blocks: Sequence[ConvBlock],
    image: GeometricImage,
    parameters: Parameters | None,
    remat: bool,
    then: Callable[[GeometricImage], Any],
) -> Any:
    """Each block's activation together with the next convolution, which needs nothing
    else of it: that is computed anew where it is cheaper.
    """
    if remat or has_stand_in(blocks):
        return then(through_blocks(blocks, image, parameters, remat))
    image = blocks[0].conv(image)
    for block, following in itertools.pairwise(blocks):
        image = block.activated(image, parameters, following.conv)
    return blocks[-1].activated(image, parameters, then)


def through_blocks(
    blocks: Sequence[Any],
    image: GeometricImage,
    parameters: Parameters | None,
    remat: bool,
) -> GeometricImage:
    for block in blocks:
        image = rematerialised(block, remat)(image, parameters)
    return image


def through_levels(
    image: GeometricImage,
    encoders: Sequence[Chain],
    downs: Sequence[Layer],
    bottom: Chain,
    ups: Sequence[Layer],
    decoders: Sequence[Chain],
    project: Layer,
) -> GeometricImage:
    """Down the levels and up again; each decoder takes what came up, then what its
    level had on the way down, side by side.
    """
    skipped = []
    for encoder, down in zip(encoders, downs, strict=True):
        image, beside = encoder(image, jax.tree_util.Partial(_with_input, down))
        skipped.append(beside)
    for chain, following in zip([bottom, *decoders], [*ups, project], strict=True):
        image = chain(image, following)
        if skipped:
            image = concatenate([image, skipped.pop()])
    return image


def _with_input(layer: Layer, image: GeometricImage) -> Any:
    """What the layer gives, and what it is given."""
    return layer(image), image


def level_signatures(hidden: Signature, depth: int) -> list[Signature]:
    """The fields on each level: `2**n` times as many on level n, without names."""
    unnamed = Signature(dataclasses.replace(entry, name="") for entry in hidden)
    return [2**n * unnamed for n in range(depth + 1)]


def check_shape(depth: int, output_scale: float) -> None:
    """**Raises:** `ValueError` for a depth or a scale that has no meaning."""
    check_count("depth", depth, at_least=0)
    checked_positive("output_scale", output_scale)
