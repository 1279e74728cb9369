"""Normalisation of every tensor type, with finite gradients everywhere."""

import abc
import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._arguments import check_count, checked_positive
from .._arithmetic import accumulator
from .._group import Group
from .._image import GeometricImage
from .._representation import Representation
from .._signature import Signature
from ._bias import Bias, add_bias
from ._contract import AbstractEveryGridLayer, AbstractTypeKeepingLayer, check_image
from ._execution import copy_channels


class AbstractNorm(AbstractTypeKeepingLayer, AbstractEveryGridLayer):
    """Divides groups of channels of one type by their root mean square over the grid.

    Invariant fields (scalars) have their mean taken off first, and get a learned bias;
    no other type does, since the group allows it none. One learned scale per channel.
    By scalar variances only: no eigenvectors, so gradients are finite on constant, zero
    and isotropic fields too. Nothing is remembered from sample to sample.
    """

    scale: eqx.AbstractVar[Float[Array, " channels"]]
    bias: eqx.AbstractVar[Bias]
    representation: eqx.AbstractVar[Representation]
    epsilon: eqx.AbstractVar[float]

    @property
    @abc.abstractmethod
    def channel_groups(self) -> int | None:
        """Into how many groups the channels of a type are dealt; `None`: each alone."""

    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        name = type(self).__name__
        with jax.named_scope(f"geomnet.nn.{name}"):
            check_image(image, self.representation, name)
            return image.with_array(_normalised(self, image.array))


class GroupNorm(AbstractNorm):
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
    representation: Representation = eqx.field(static=True)
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
        fields = Representation(group, signature)
        check_count("num_groups", num_groups)
        for t in fields.signature.types:
            channels = fields.signature.channels(t)
            if channels % num_groups:
                raise ValueError(
                    f"`num_groups` (={num_groups}) must divide the {channels} channels "
                    f"of type '{t}'. `LayerNorm` takes any number."
                )
        self.representation = fields
        self.epsilon = checked_positive("epsilon", epsilon)
        self.num_groups = num_groups
        self.scale, self.bias = _new_parameters(fields, dtype)

    @property
    def channel_groups(self) -> int | None:
        """`num_groups`."""
        return self.num_groups


class LayerNorm(AbstractNorm):
    """`GroupNorm` with all channels of a type in one group.

    **Exactly equivariant** under `group` and all translations, on every grid.
    """

    scale: Float[Array, " channels"]
    bias: Bias
    representation: Representation = eqx.field(static=True)
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
        self.representation = Representation(group, signature)
        self.epsilon = checked_positive("epsilon", epsilon)
        self.scale, self.bias = _new_parameters(self.representation, dtype)

    @property
    def channel_groups(self) -> int | None:
        """One group."""
        return 1


class InstanceNorm(AbstractNorm):
    """`GroupNorm` with every channel by itself.

    **Exactly equivariant** under `group` and all translations, on every grid.
    """

    scale: Float[Array, " channels"]
    bias: Bias
    representation: Representation = eqx.field(static=True)
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
        self.representation = Representation(group, signature)
        self.epsilon = checked_positive("epsilon", epsilon)
        self.scale, self.bias = _new_parameters(self.representation, dtype)

    @property
    def channel_groups(self) -> int | None:
        """Each channel alone."""
        return None


class ScaleNorm(AbstractTypeKeepingLayer, AbstractEveryGridLayer):
    """Divides each type by its root mean square, and can give it back.

    Nothing is taken off, so what it divides by is all that is lost: `split` hands that
    over beside the divided fields, times a learned gain. A nonlinearity f between the
    two, `s · f(x / s)`, is homogeneous: fields a thousand times as large come out a
    thousand times as large, bit for bit for powers of two. Called, it is the
    root-mean-square norm (Zhang & Sennrich 2019), for every type.

    **Exactly equivariant** under `group` and all translations, on every grid.
    """

    scale: Float[Array, " channels"]
    gain: Float[Array, " channels"]
    bias: Bias
    representation: Representation = eqx.field(static=True)

    def __init__(
        self, group: Group, signature: "Signature | str", *, dtype: Any = None
    ):
        """Starts with scales and gains of one and biases of zero."""
        self.representation = Representation(group, signature)
        self.gain, _ = _new_parameters(self.representation, dtype)
        self.scale, self.bias = _new_parameters(self.representation, dtype)

    def split(
        self, image: GeometricImage
    ) -> tuple[GeometricImage, Float[Array, "*ones features"]]:
        """The divided fields, scaled and shifted, and by what to multiply them again.

        The latter has one cell, so that arrays of the grid may be multiplied by it.

        **Raises:** `ValueError` if the signature of `image` differs.
        """
        check_image(image, self.representation, "ScaleNorm")
        fields = self.representation
        dtype = accumulator(image.dtype)
        array = image.array.astype(dtype)
        mean_square = _over_group(_shares(fields, 1), jnp.square(array))
        # Far below every field, so that a power of two goes through unrounded.
        smallest = jnp.finfo(dtype).tiny ** 0.75
        size = jnp.sqrt(mean_square + smallest)
        size = jnp.expand_dims(size, image.spatial_axes)
        scale, gain = (
            jnp.expand_dims(copy_channels(x, fields).astype(dtype), image.spatial_axes)
            for x in (self.scale, self.gain)
        )
        divided = add_bias(array / size * scale, self.bias).astype(image.dtype)
        return image.with_array(divided), (size * gain).astype(image.dtype)

    @jax.named_scope("geomnet.nn.ScaleNorm")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        return self.split(image)[0]


def _over_group(shares: np.ndarray, array: Array) -> Array:
    """The mean over the grid and the features that share a group of channels."""
    return jnp.matmul(
        jnp.asarray(shares, array.dtype),
        array.mean(axis=tuple(range(array.ndim - 1))),
        precision=jax.lax.Precision.HIGHEST,
    )


def _normalised(
    norm: AbstractNorm, given: Float[Array, "*grid features"]
) -> Float[Array, "*grid features"]:
    fields = norm.representation
    # Sums of many cells need float32 at least.
    dtype = accumulator(given.dtype)
    array = given.astype(dtype)
    grid_axes = tuple(range(array.ndim - 1))
    shares = _shares(fields, norm.channel_groups)

    if fields.invariant.any():
        mean = _over_group(shares * fields.invariant[:, None], array)
        array = array - jnp.expand_dims(mean, grid_axes)
    mean_square = _over_group(shares, jnp.square(array))
    components = np.bincount(fields.channel)[fields.channel]
    factor = jax.lax.rsqrt(mean_square + jnp.asarray(norm.epsilon / components, dtype))
    scale = copy_channels(norm.scale, fields)
    factor = factor * scale.astype(dtype)
    array = array * jnp.expand_dims(factor, grid_axes)
    return add_bias(array, norm.bias).astype(given.dtype)


@functools.lru_cache(maxsize=256)
def _shares(fields: Representation, num_groups: int | None) -> np.ndarray:
    """`(features, features)`: averages over the features of one group of channels."""
    if num_groups is None:
        label = fields.channel
    else:
        label = np.zeros(fields.num_features, int)
        for n in range(len(fields.signature.types)):
            own = fields.type_index == n
            # Channels of one type, counted over all entries; of equal size.
            size = own.sum() // num_groups
            label[own] = n * num_groups + np.arange(own.sum()) // size
    same = label[:, None] == label[None, :]
    return same / same.sum(axis=1, keepdims=True)


def _new_parameters(
    fields: Representation, dtype: Any
) -> tuple[Float[Array, " channels"], Bias]:
    """Scales of one and biases of zero."""
    scale = jnp.ones(fields.num_channels, dtype)
    return scale, Bias(fields.group, fields.signature, dtype)
