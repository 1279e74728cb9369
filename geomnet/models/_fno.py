"""The equivariant Fourier neural operator: convolutions on small wave numbers."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from .._arguments import check_count, checked, checked_positive
from .._group import Group
from .._image import GeometricImage
from .._signature import Signature, TensorType
from ..filters import kernel_basis
from ..nn import (
    Conv,
    Gate,
    LayerNorm,
    Linear,
    SpectralConv,
    check_image,
    common_steps,
)
from ..nn._kernel import scaled
from ..nn._spectral import as_modes
from ._contract import AbstractBlock, AbstractNetwork
from ._norm import DEFAULT_NORM, activated, at_unit_size, make_norm
from ._remat import execution_field, rematerialised


class FourierBlock(AbstractBlock):
    """A spectral and a local convolution, summed; norm, gate (Li et al. 2021).

    The local one serves the waves that the spectral one does not resolve.

    **Exactly equivariant** under `group` and all translations of the torus, on every
    grid of at least `2 * modes + 1` cells a side.
    """

    spectral: SpectralConv
    local: Linear | Conv
    norm: LayerNorm | None
    gate: Gate

    @checked
    def __init__(
        self,
        group: Group,
        signature: "Signature | str",
        modes: int | tuple[int, ...] = 12,
        *,
        size: int = 1,
        norm: str = DEFAULT_NORM,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:** as for `FNO`, and

        - `signature`: what goes in and comes out.

        **Raises:** `ValueError` if the modes don't fit the group.
        """
        keys = jax.random.split(key, 3)
        spectral = SpectralConv(
            group, signature, signature, modes, key=keys[0], dtype=dtype
        )
        # A norm has the bias.
        biased = norm != "layer"
        options: dict[str, Any] = {"use_bias": biased, "key": keys[1], "dtype": dtype}
        local = (
            Linear(group, signature, signature, **options)
            if size == 1
            else Conv(group, signature, signature, size, **options)
        )
        # Each makes unit variance; so shall their sum.
        self.spectral = scaled(spectral, math.sqrt(0.5))
        self.local = scaled(local, math.sqrt(0.5))
        self.norm = make_norm(norm, group, signature, dtype)
        self.gate = Gate(group, signature, key=keys[2], dtype=dtype)

    @property
    def convolutions(self) -> tuple[Any, ...]:
        """The spectral and the local one."""
        return self.spectral, self.local

    def __call__(self, image: GeometricImage) -> GeometricImage:
        """The block applied to `image`: the same signature on the same grid."""
        image = self.spectral(image) + self.local(image)
        return activated(self.norm, self.gate, image)


class FNO(AbstractNetwork):
    """A Fourier neural operator (Li et al. 2021), exactly equivariant on the torus.

    A pointwise lift, Fourier blocks, a pointwise projection. Fields of `hidden` that no
    pointwise map makes from the input, such as pseudoscalars from vectors, start at
    zero: the first block fills them. Under `trivial(d)` it is the plain FNO: see
    `geomnet.twin`.

    With `size=1` no length of a cell is in it, and it may be evaluated on other grids
    than it was trained on. But under a large group a pointwise map keeps types apart:
    scalars and vectors then exchange only waves up to `modes`. A `size` of 3 lets them
    meet on all scales, by stencils that belong to one grid.

    **Exactly equivariant** under `group`, and under all translations of the torus, on
    every grid of at least `2 * modes + 1` cells a side.
    """

    lift: Linear
    blocks: tuple[FourierBlock, ...]
    project: Linear
    group: Group = eqx.field(static=True)
    in_signature: Signature = eqx.field(static=True)
    out_signature: Signature = eqx.field(static=True)
    hidden: Signature = eqx.field(static=True)
    modes: tuple[int, ...] = eqx.field(static=True)
    num_blocks: int = eqx.field(static=True)
    size: int = eqx.field(static=True)
    norm: str = eqx.field(static=True)
    output_scale: float = eqx.field(static=True)
    remat: bool = execution_field()

    @checked
    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        *,
        hidden: "Signature | str",
        modes: int | tuple[int, ...] = 12,
        num_blocks: int = 4,
        size: int = 1,
        norm: str = DEFAULT_NORM,
        output_scale: float = 1.0,
        remat: bool = False,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `in_signature`, `out_signature`: what goes in and comes out, such as `4 *
            flow` and `flow`.
        - `hidden`: the fields inside, such as `"16x0+ 16x1+ 4x0-"`; with the types of
            the output among them.
        - `modes`: the largest wave number of the spectral convolutions along each axis;
            one number or one per axis.
        - `num_blocks`: Fourier blocks.
        - `size`: cells of the local convolutions' windows along each axis; odd. 1 is
            the pointwise map of the reference.
        - `norm`: `"restored"`, `"layer"` or `"none"`: see `docs/concepts/norms.md`.
        - `output_scale`: the standard deviation of the output before training. A small
            one lets `geomnet.Residual` start from "nothing changes".
        - `remat`: whether the gradient computes each block anew instead of keeping what
            is inside: for networks that do not fit into memory. The function is the
            same, at the price of a second forward pass in each train step.
        - `key`: draws the coefficients.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` if the modes don't fit the group, if a type of `hidden`
        or of the output can't be reached, or if `output_scale` is not positive.
        """
        check_count("num_blocks", num_blocks)
        self.group = group
        self.in_signature = Signature(in_signature)
        self.out_signature = Signature(out_signature)
        self.hidden = Signature(hidden)
        self.modes = as_modes(group, modes)
        self.num_blocks = num_blocks
        self.size = size
        self.norm = norm
        self.output_scale = checked_positive("output_scale", output_scale)
        self.remat = remat
        lifted = self._lifted_types()
        self._check_types(lifted)
        keys = jax.random.split(key, num_blocks + 2)
        self.lift = Linear(
            group,
            self.in_signature,
            Signature(entry for entry in self.hidden if entry.type in lifted),
            key=keys[0],
            dtype=dtype,
        )
        self.blocks = tuple(
            FourierBlock(
                group,
                self.hidden,
                self.modes,
                size=size,
                norm=norm,
                key=k,
                dtype=dtype,
            )
            for k in keys[2:]
        )
        project = Linear(
            group,
            self.hidden,
            self.out_signature,
            key=keys[1],
            dtype=dtype,
        )
        self.project = scaled(project, output_scale)

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """One cell along each axis.

        **Raises:** `ValueError` if the grid does not resolve the modes, with the mend.
        """
        return common_steps(grid, *self.blocks)

    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Arguments:** `image`, of `in_signature` on a grid of at least `2 * modes +
        1` cells a side.

        **Returns:** an image of `out_signature` on the same grid.

        **Raises:** `ValueError` if the signature or the grid does not fit.
        """
        check_image(image, self.source, "FNO")
        return at_unit_size(self.norm, self._layers, image)

    def _layers(self, image: GeometricImage) -> GeometricImage:
        image = self._filled(self.lift(image))
        for block in self.blocks:
            image = rematerialised(block, self.remat)(image)
        return self.project(image)

    def _lifted_types(self) -> set[TensorType]:
        """The types of `hidden` that a pointwise map makes from the input."""
        return _reached(self.group, self.hidden, set(self.in_signature.types), 1)

    def _check_types(self, lifted: set[TensorType]) -> None:
        """**Raises:** `ValueError` if fields of a type would be zero for ever."""
        window = tuple(2 * number + 1 for number in self.modes)
        found = lifted
        for _ in range(self.num_blocks):
            found = _reached(self.group, self.hidden, found, window) | _reached(
                self.group, self.hidden, found, self.size
            )
        missing = [t for t in self.hidden.types if t not in found]
        if missing:
            names = ", ".join(f"'{t}'" for t in missing)
            raise ValueError(
                f"FNO: nothing that commutes with {self.group} leads from "
                f"'{self.in_signature}' to the types {names} of `hidden`, by a "
                f"pointwise lift and blocks of modes {self.modes} and size "
                f"{self.size}: they would always be zero. Leave them out of `hidden`, "
                "add types of the input to it, or use more `modes`."
            )

    def _filled(self, image: GeometricImage) -> GeometricImage:
        """The lifted image with zeros for the fields that it lacks."""
        if image.signature == self.hidden:
            return image
        d = self.group.num_spatial_dims
        lifted = iter(image.signature.slices(d))
        types = image.signature.types
        parts = [
            image.array[..., next(lifted)]
            if entry.type in types
            else jnp.zeros((*image.grid, entry.features(d)), image.dtype)
            for entry in self.hidden
        ]
        return GeometricImage(
            self.hidden, jnp.concatenate(parts, axis=-1), image.num_spatial_dims
        )


def _reached(
    group: Group,
    signature: Signature,
    sources: set[TensorType],
    size: int | tuple[int, ...],
) -> set[TensorType]:
    """The types of `signature` to which some kernel leads from one of `sources`."""
    return {
        t
        for t in signature.types
        if any(len(kernel_basis(group, t, source, size)) for source in sources)
    }
