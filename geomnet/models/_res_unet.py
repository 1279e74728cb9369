"""A UNet of residual blocks, which numbers such as a viscosity may condition."""

import itertools
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
    Down,
    Faces,
    FiLM,
    Gate,
    LayerNorm,
    Linear,
    Up,
    as_faces,
)
from ..nn._kernel import scaled
from ._contract import AbstractBlock
from ._norm import DEFAULT_NORM, Parameters, activated, make_condition, make_norm
from ._remat import execution_field
from ._unet import (
    AbstractUNet,
    Chain,
    check_shape,
    level_signatures,
    through_blocks,
    through_levels,
)


class ConditionedBlock(AbstractBlock):
    """Two times norm, gate and convolution, added to what came in.

    Between the convolutions the fields are scaled and shifted by functions of the
    parameters, if there are any; what came in passes a `Linear` where the output has
    other fields.

    **Exactly equivariant** under `group` and all translations along periodic axes, on
    every grid.
    """

    norms: tuple[LayerNorm | None, LayerNorm | None]
    gates: tuple[Gate, Gate]
    convs: tuple[Conv, Conv]
    condition: FiLM | None
    shortcut: Linear | None

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
        change_scale: float = 1.0,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `in_signature`, `out_signature`: what goes in and comes out.
        - `size`, `norm`, `boundary`, `num_parameters`: as of `UNet`.
        - `change_scale`: the size of what the block adds to its input before training,
            relative to that of a block without others. Changes as large as what came in
            double the variance at each block; `1 / sqrt(blocks)` keeps it of order 1,
            whatever their number (Hayou et al. 2021).
        - `key`, `dtype`: of the coefficients, as of `Conv`.

        **Raises:** `ValueError` if a type of the output can't be reached in a point
        from the input, or if `change_scale` is not positive.
        """
        checked_positive("change_scale", change_scale)
        keys = iter(jax.random.split(key, 6))
        source, target = Signature(in_signature), Signature(out_signature)

        def conv(source: Signature) -> Conv:
            return Conv(
                group,
                source,
                target,
                size,
                boundary=boundary,
                key=next(keys),
                dtype=dtype,
            )

        self.norms = (
            make_norm(norm, group, source, dtype),
            make_norm(norm, group, target, dtype),
        )
        self.gates = (
            Gate(group, source, key=next(keys), dtype=dtype),
            Gate(group, target, key=next(keys), dtype=dtype),
        )
        self.convs = conv(source), scaled(conv(target), change_scale)
        film_key, shortcut_key = next(keys), next(keys)
        self.condition = make_condition(
            group, target, num_parameters, key=film_key, dtype=dtype
        )
        self.shortcut = (
            None
            if source == target
            else Linear(
                group, source, target, use_bias=False, key=shortcut_key, dtype=dtype
            )
        )

    @property
    def convolutions(self) -> tuple[Any, ...]:
        """Both."""
        return self.convs

    def __call__(
        self, image: GeometricImage, parameters: Parameters | None = None
    ) -> GeometricImage:
        """From `image` and the numbers `parameters` an image of the output signature on
        the same grid.
        """
        (first, second), norms, gates = self.convs, self.norms, self.gates
        change = activated(norms[0], gates[0], image, then=first)
        change = activated(
            norms[1], gates[1], change, self.condition, parameters, then=second
        )
        return change + (image if self.shortcut is None else self.shortcut(image))


class ResUNet(AbstractUNet):
    """A UNet of pre-activated residual blocks, with or without conditioning.

    The modern form of `UNet` (Gupta & Brandstetter 2022): `num_blocks` residual blocks
    on each level on either way, two at the bottom, `Down` and `Up` between them.
    Numbers that hold for the whole image (time, Mach number, viscosity, step size)
    scale and shift the fields inside every block.

    **Exactly equivariant** under `group`, and under translations by `2**depth` cells,
    on every grid whose sides are multiples of `2**depth`; the parameters are the same
    for the moved image.
    """

    lift: Conv
    encoders: tuple[tuple[ConditionedBlock, ...], ...]
    downs: tuple[Down, ...]
    bottom: tuple[ConditionedBlock, ...]
    ups: tuple[Up, ...]
    decoders: tuple[tuple[ConditionedBlock, ...], ...]
    final_norm: LayerNorm | None
    gate: Gate
    project: Conv
    group: Group = eqx.field(static=True)
    in_signature: Signature = eqx.field(static=True)
    out_signature: Signature = eqx.field(static=True)
    hidden: Signature = eqx.field(static=True)
    depth: int = eqx.field(static=True)
    num_blocks: int = eqx.field(static=True)
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
        num_blocks: int = 2,
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
        - `num_blocks`: residual blocks on each level, on the way down and up.
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
        check_count("num_blocks", num_blocks)
        check_count("num_parameters", num_parameters, at_least=0)
        self.group = group
        self.in_signature = Signature(in_signature)
        self.out_signature = Signature(out_signature)
        self.hidden = Signature(hidden)
        self.depth, self.size, self.norm = depth, size, norm
        self.num_blocks, self.num_parameters = num_blocks, num_parameters
        self.output_scale, self.remat = output_scale, remat
        self.boundary = as_faces(boundary, group.num_spatial_dims)
        keys = iter(jax.random.split(key, 2 * depth * (num_blocks + 1) + 5))
        levels = level_signatures(self.hidden, depth)

        shared: dict[str, Any] = {"size": size, "boundary": boundary, "dtype": dtype}
        conditioned = {"num_parameters": num_parameters, "norm": norm, **shared}
        conditioned["change_scale"] = (2 * depth * num_blocks + 2) ** -0.5

        def conv(*signatures: Signature) -> Conv:
            return Conv(group, *signatures, key=next(keys), **shared)  # pyright: ignore

        def blocks(source: Signature, target: Signature, number: int) -> Any:
            return tuple(
                ConditionedBlock(group, fields, target, key=next(keys), **conditioned)
                for fields in [source, *(target,) * (number - 1)]
            )

        def resample(layer: Any, *signatures: Signature) -> Any:
            return layer(group, *signatures, key=next(keys), dtype=dtype)

        pairs = list(itertools.pairwise(levels))
        self.lift = conv(self.in_signature, levels[0])
        self.encoders = tuple(blocks(n, n, num_blocks) for n in levels[:-1])
        self.downs = tuple(resample(Down, *pair) for pair in pairs)
        self.bottom = blocks(levels[-1], levels[-1], 2)
        self.ups = tuple(resample(Up, *pair[::-1]) for pair in pairs[::-1])
        joined = [(fine + fine, fine) for fine, _ in pairs[::-1]]
        self.decoders = tuple(blocks(*both, num_blocks) for both in joined)
        self.final_norm = make_norm(norm, group, levels[0], dtype)
        self.gate = Gate(group, levels[0], key=next(keys), dtype=dtype)
        self.project = scaled(conv(levels[0], self.out_signature), output_scale)

    def _layers(
        self, image: GeometricImage, parameters: Parameters | None
    ) -> GeometricImage:
        def chain(blocks: tuple[ConditionedBlock, ...]) -> Chain:
            return lambda image, then: then(
                through_blocks(blocks, image, parameters, self.remat)
            )

        def project(image: GeometricImage) -> GeometricImage:
            return activated(self.final_norm, self.gate, image, then=self.project)

        return through_levels(
            self.lift(image),
            [chain(blocks) for blocks in self.encoders],
            self.downs,
            chain(self.bottom),
            self.ups,
            [chain(blocks) for blocks in self.decoders],
            project,
        )
