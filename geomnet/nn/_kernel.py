"""Learned linear maps between signatures: coefficients on the invariant bases.

`Kernel` holds what is learned; the bases are constants, looked up from the static
space of kernels, so that no optimiser ever sees them.
"""

import math
from collections.abc import Mapping
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._arguments import check_count, checked
from .._group import Group
from .._representation import Representation
from .._signature import Signature, TensorType
from ..filters import FilterBank
from ..filters._kernel_space import KernelSpace, Pair
from ..filters._window import as_window
from ._contract import AbstractLayer
from ._execution import dense_kernel
from ._placement import SlidingWindow


class Kernel(eqx.Module):
    """A learned kernel of a convolution: `K(g x) = ρ_out(g) K(x) ρ_in(g)ᵀ`, always.

    `coefficients["1+<-0+"]`, of shape `(kernels, out channels, in channels)`, weighs
    the kernels of `kernel_basis(group, "1+", "0+", window)`. Channels of one type are
    counted over all entries of the signature. Whatever the coefficients, the kernel is
    exactly equivariant under `group`. They are stored end to end in one vector,
    `weights`: one leaf for the optimiser instead of one for each pair of types. Which
    kernels there are, and which coefficient stands where, says `space`.

    With `channel_groups` above 1 the channels of every type are dealt into so many
    groups that do not mix, in order; coefficients then have a leading axis of groups.
    """

    weights: Float[Array, " coefficients"]
    space: KernelSpace = eqx.field(static=True)

    @checked
    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        size: int | tuple[int, ...],
        *,
        channel_groups: int = 1,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `in_signature`, `out_signature`: what goes in and comes out.
        - `size`: cells along each axis; one number or one per axis.
        - `channel_groups`: divides the channels of every entry of both signatures.
        - `key`: draws the coefficients, so that an input of unit variance gives an
            output of unit variance in every component (He et al. 2015, per basis
            kernel).
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` if a type of the output can't be reached from any type
        of the input by a kernel of this size, or if the groups don't divide the
        channels.
        """
        check_count("channel_groups", channel_groups)
        source = Representation(group, in_signature)
        target = Representation(group, out_signature)
        window = as_window(group, size)
        self.space = KernelSpace(source, target, window, channel_groups)
        self.space.check_reaches()
        # One draw for all coefficients: each new shape of a draw is a new compilation.
        scale = self.space.deviations
        dtype = jnp.zeros((), dtype).dtype
        drawn = jax.random.normal(key, scale.shape, dtype)
        self.weights = drawn * jnp.asarray(scale, dtype)

    @property
    def group(self) -> Group:
        """What the kernel commutes with."""
        return self.space.source.group

    @property
    def in_signature(self) -> Signature:
        """What a convolution with it takes."""
        return self.space.source.signature

    @property
    def out_signature(self) -> Signature:
        """What a convolution with it gives."""
        return self.space.target.signature

    @property
    def window(self) -> tuple[int, ...]:
        """Cells along each axis."""
        return self.space.window

    @property
    def channel_groups(self) -> int:
        """How many groups of channels do not mix."""
        return self.space.channel_groups

    @property
    def coefficients(
        self,
    ) -> dict[str, Float[Array, "*groups kernels out_channels in_channels"]]:
        """What weighs each basis kernel, by pair of types: `"out<-in"`."""
        parts = self.coefficients_of_pairs()
        return {pair_name(pair): part for pair, part in parts.items()}

    def coefficients_of_pairs(self) -> dict[Pair, Array]:
        """The same by `(out type, in type)`."""
        leading = () if self.channel_groups == 1 else (self.channel_groups,)
        weights = self.weights.reshape(*leading, -1)
        parts, position = {}, 0
        for pair, shape in self.space.shapes.items():
            size = math.prod(shape)
            part = weights[..., position : position + size]
            parts[pair] = part.reshape(*leading, *shape).mT
            position += size
        return parts

    def with_coefficients(self, coefficients: Mapping[str, Any]) -> "Kernel":
        """The kernel with some coefficients replaced, such as by a `geomnet.stencil`.

        **Arguments:**

        - `coefficients`: by pair of types, as the property has them: `(*groups,
            kernels, out channels, in channels)`, or one number per kernel for all pairs
            of channels.

        **Raises:** `ValueError` if a pair does not exist or has another shape.
        """
        present = self.coefficients
        unknown = sorted(set(coefficients) - set(present))
        if unknown:
            raise ValueError(
                f"`coefficients` names {unknown}; this kernel has {sorted(present)}."
            )
        parts = []
        for pair, part in present.items():
            given = np.asarray(coefficients.get(pair, part), dtype=part.dtype)
            kernels = part.shape[-3:-2]
            if given.shape == kernels:
                given = np.broadcast_to(given[:, None, None], part.shape)
            if given.shape != part.shape:
                raise ValueError(
                    f"`coefficients['{pair}']` must have shape {part.shape} or "
                    f"{kernels}, got {given.shape}."
                )
            turned = np.swapaxes(given, -1, -2)
            parts.append(turned.reshape(*part.shape[:-3], -1))
        weights = np.concatenate(parts, axis=-1).ravel()
        weights = jnp.asarray(weights, self.weights.dtype)
        return eqx.tree_at(lambda kernel: kernel.weights, self, weights)

    def basis(
        self, out_type: "TensorType | str", in_type: "TensorType | str"
    ) -> FilterBank:
        """The constant kernels from `in_type` to `out_type` that the coefficients
        weigh.
        """
        return self.space.basis(out_type, in_type)

    def dense(self) -> Float[Array, "*window in_features out_features"]:
        """The kernel as one array, `(*window, in features, out features)`.

        With groups of channels it is what `jax.lax.conv_general_dilated` calls a kernel
        with `feature_group_count`: the inputs of one group, and all outputs, one group
        after the other.
        """
        return dense_kernel(self.weights, self.space)


M = TypeVar("M", bound=eqx.Module)


def scaled(layer: M, factor: float | Array) -> M:
    """A kernel or layer with all that it has learned multiplied."""
    return jax.tree.map(lambda weights: factor * weights, layer)


def for_smooth_fields(kernel: Kernel, stride: int = 1, dilation: int = 1) -> Kernel:
    """A drawn kernel that neither lets smooth fields grow, for windows that slide.

    **Arguments:**

    - `stride`, `dilation`: of a transposed convolution.
    """
    factors = kernel.space.smooth_factors(stride, dilation)
    return scaled(kernel, jnp.asarray(factors, kernel.weights.dtype))


def pair_name(pair: Pair) -> str:
    """`"1+<-0+"` for the kernels from scalars to vectors."""
    out_type, in_type = pair
    return f"{out_type}<-{in_type}"


class AbstractKernelLayer(AbstractLayer):
    """A layer around one kernel."""

    kernel: eqx.AbstractVar[Kernel]

    @property
    def in_signature(self) -> Signature:
        """What the layer takes."""
        return self.kernel.in_signature

    @property
    def out_signature(self) -> Signature:
        """What the layer gives."""
        return self.kernel.out_signature


class AbstractSlidingLayer(AbstractKernelLayer):
    """A layer whose kernel slides over the grid in strides."""

    stride: eqx.AbstractVar[int]
    dilation: eqx.AbstractVar[int]

    @property
    def sliding(self) -> SlidingWindow:
        """The windows, of which a grid says where they lie."""
        window = self.kernel.window
        return SlidingWindow(window, self.stride, self.dilation, self.group)


class AbstractFullKernelLayer(AbstractKernelLayer):
    """A layer that commutes with all that its kernel commutes with."""

    @property
    def group(self) -> Group:
        """The group that the layer commutes with."""
        return self.kernel.group
