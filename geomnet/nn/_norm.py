"""Normalisation of every tensor type, with finite gradients everywhere."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._count import check_count
from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ._components import copy_channels
from ._contract import AbstractEveryGridLayer
from ._conv import check_image
from ._kernel import Bias
from ._layout import layout
from ._lowering import accumulator


class GroupNorm(AbstractEveryGridLayer):
    """Divides groups of channels of one type by their root mean square over the grid.

    Invariant fields (scalars) have their mean taken off first, and get a learned bias;
    no other type does, since the group allows it none. One learned scale per channel.
    By scalar variances only: no eigenvectors, so gradients are finite on constant, zero
    and isotropic fields too. Nothing is remembered from sample to sample. Under the
    trivial group this is the usual group norm (Wu & He 2018).

    **Exactly equivariant** under `group` and all translations, on every grid.
    """

    scale: Float[Array, " channels"]
    bias: Bias
    group: Group = eqx.field(static=True)
    signature: Signature = eqx.field(static=True)
    num_groups: int = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    def __init__(
        self,
        group: Group,
        signature: "Signature | str",
        num_groups: int,
        *,
        epsilon: float = 1e-5,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `num_groups`: into how many groups the channels of each type are dealt, in
            order; it divides the number of channels of every type.
        - `epsilon`: added to the mean squared norm of a tensor, in squared units of the
            input. Of the norm and not of a component, so that a plane field is
            normalised alike in two and in three dimensions.

        **Raises:** `ValueError` if the groups don't divide the channels.
        """
        fields = Signature(signature)
        check_count("num_groups", num_groups)
        for t in fields.types:
            if fields.channels(t) % num_groups:
                raise ValueError(
                    f"`num_groups` (={num_groups}) must divide the "
                    f"{fields.channels(t)} channels of type '{t}'. `LayerNorm` takes "
                    "any number."
                )
        self.group, self.signature, self.epsilon = group, fields, checked(epsilon)
        self.num_groups = num_groups
        self.scale, self.bias = new_parameters(group, fields, dtype)

    @jax.named_scope("geomnet.nn.GroupNorm")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        return normalised(self, image, self.num_groups)


class LayerNorm(AbstractEveryGridLayer):
    """`GroupNorm` with all channels of a type in one group.

    **Exactly equivariant** under `group` and all translations, on every grid.
    """

    scale: Float[Array, " channels"]
    bias: Bias
    group: Group = eqx.field(static=True)
    signature: Signature = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    def __init__(
        self,
        group: Group,
        signature: "Signature | str",
        *,
        epsilon: float = 1e-5,
        dtype: Any = None,
    ):
        """**Arguments:** as for `GroupNorm`."""
        self.group, self.signature = group, Signature(signature)
        self.epsilon = checked(epsilon)
        self.scale, self.bias = new_parameters(group, self.signature, dtype)

    @jax.named_scope("geomnet.nn.LayerNorm")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        return normalised(self, image, 1)


class InstanceNorm(AbstractEveryGridLayer):
    """`GroupNorm` with every channel by itself.

    **Exactly equivariant** under `group` and all translations, on every grid.
    """

    scale: Float[Array, " channels"]
    bias: Bias
    group: Group = eqx.field(static=True)
    signature: Signature = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    def __init__(
        self,
        group: Group,
        signature: "Signature | str",
        *,
        epsilon: float = 1e-5,
        dtype: Any = None,
    ):
        """**Arguments:** as for `GroupNorm`."""
        self.group, self.signature = group, Signature(signature)
        self.epsilon = checked(epsilon)
        self.scale, self.bias = new_parameters(group, self.signature, dtype)

    @jax.named_scope("geomnet.nn.InstanceNorm")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        return normalised(self, image, None)


def normalised(
    norm: GroupNorm | LayerNorm | InstanceNorm,
    image: GeometricImage,
    num_groups: int | None,
) -> GeometricImage:
    """The image with groups of unit mean square; `None`: a group for each channel."""
    check_image(image, norm.group, norm.signature, type(norm).__name__)
    fields = layout(norm.group, norm.signature)
    # Sums of many cells need float32 at least.
    dtype = accumulator(image.dtype)
    array = image.array.astype(dtype)
    grid_axes = tuple(range(array.ndim - 1))
    shares = _shares(norm.group, norm.signature, num_groups)

    def over_group(shares: np.ndarray, array: Array) -> Array:
        return jnp.matmul(
            jnp.asarray(shares, dtype),
            array.mean(axis=grid_axes),
            precision=jax.lax.Precision.HIGHEST,
        )

    if fields.invariant.any():
        mean = over_group(shares * fields.invariant[:, None], array)
        array = array - jnp.expand_dims(mean, grid_axes)
    mean_square = over_group(shares, jnp.square(array))
    components = np.bincount(fields.channel)[fields.channel]
    factor = jax.lax.rsqrt(mean_square + jnp.asarray(norm.epsilon / components, dtype))
    scale = copy_channels(norm.scale, norm.group, norm.signature)
    factor = factor * scale.astype(dtype)
    array = array * jnp.expand_dims(factor, grid_axes)
    bias = norm.bias.dense()
    if bias is not None:
        array = array + jnp.expand_dims(bias.astype(dtype), grid_axes)
    return image.with_array(array.astype(image.dtype))


@functools.cache
def _shares(group: Group, signature: Signature, num_groups: int | None) -> np.ndarray:
    """`(features, features)`: averages over the features of one group of channels."""
    fields = layout(group, signature)
    if num_groups is None:
        label = fields.channel
    else:
        label = np.zeros(fields.num_features, int)
        for n in range(len(signature.types)):
            own = fields.type_index == n
            # Channels of one type, counted over all entries; of equal size.
            size = own.sum() // num_groups
            label[own] = n * num_groups + np.arange(own.sum()) // size
    same = label[:, None] == label[None, :]
    return same / same.sum(axis=1, keepdims=True)


def new_parameters(
    group: Group, signature: Signature, dtype: Any
) -> tuple[Float[Array, " channels"], Bias]:
    """Scales of one and biases of zero."""
    scale = jnp.ones(layout(group, signature).num_channels, dtype)
    return scale, Bias(group, signature, dtype)


def checked(epsilon: float) -> float:
    """**Raises:** `ValueError` unless `epsilon` is positive."""
    if not epsilon > 0:
        raise ValueError(f"`epsilon` must be positive, got {epsilon}.")
    return epsilon
