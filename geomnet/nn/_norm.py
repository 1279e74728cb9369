"""Normalisation of every tensor type, with finite gradients everywhere."""

import abc
import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._arguments import check_count, checked, checked_positive
from .._arithmetic import FULL, accumulator
from .._group import Group
from .._image import GeometricImage
from .._representation import Representation
from .._signature import Signature
from ._bias import Bias
from ._contract import AbstractEveryGridLayer, AbstractTypeKeepingLayer, check_image
from ._execution import copy_channels, kept, recomputed


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
            return image.with_array(
                _normalised(
                    image.array,
                    self.scale,
                    self.bias.dense(),
                    self.representation,
                    self.channel_groups,
                    self.epsilon,
                )
            )


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

    @checked
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

        - `signature`: of the images it takes and gives.
        - `num_groups`: into how many groups the channels of each type are dealt, in
            order; it divides the number of channels of every type.
        - `epsilon`: added to the mean squared norm of a tensor, in squared units of the
            input. Of the norm and not of a component, so that a plane field is
            normalised alike in two and in three dimensions.
        - `dtype`: of the weights; by default JAX's own.

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
    """`GroupNorm` with all channels of a type in one group (Ba et al. 2016).

    **Exactly equivariant** under `group` and all translations, on every grid.
    """

    scale: Float[Array, " channels"]
    bias: Bias
    representation: Representation = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    @checked
    def __init__(
        self,
        group: Group,
        signature: "Signature | str",
        *,
        epsilon: float = 1e-5,
        dtype: Any = None,
    ):
        """**Arguments:** as for `GroupNorm`.

        **Raises:** `ValueError` if `epsilon` is not positive; `TypeError` for another
        kind of argument.
        """
        self.representation = Representation(group, signature)
        self.epsilon = checked_positive("epsilon", epsilon)
        self.scale, self.bias = _new_parameters(self.representation, dtype)

    @property
    def channel_groups(self) -> int | None:
        """One group."""
        return 1


class InstanceNorm(AbstractNorm):
    """`GroupNorm` with every channel by itself (Ulyanov et al. 2016).

    **Exactly equivariant** under `group` and all translations, on every grid.
    """

    scale: Float[Array, " channels"]
    bias: Bias
    representation: Representation = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    @checked
    def __init__(
        self,
        group: Group,
        signature: "Signature | str",
        *,
        epsilon: float = 1e-5,
        dtype: Any = None,
    ):
        """**Arguments:** as for `GroupNorm`.

        **Raises:** `ValueError` if `epsilon` is not positive; `TypeError` for another
        kind of argument.
        """
        self.representation = Representation(group, signature)
        self.epsilon = checked_positive("epsilon", epsilon)
        self.scale, self.bias = _new_parameters(self.representation, dtype)

    @property
    def channel_groups(self) -> int | None:
        """Each channel alone."""
        return None


@recomputed("fields", "channel_groups", "epsilon")
def _normalised(
    given: Float[Array, "*grid features"],
    scale: Float[Array, " channels"],
    bias: Float[Array, " features"] | None,
    fields: Representation,
    channel_groups: int | None,
    epsilon: float,
) -> Float[Array, "*grid features"]:
    # Sums of many cells need float32 at least.
    dtype = accumulator(given.dtype)
    array = given.astype(dtype)
    grid_axes = tuple(range(array.ndim - 1))
    shares = _shares(fields, channel_groups)

    def over_group(shares: np.ndarray, array: Array) -> Array:
        return jnp.matmul(
            jnp.asarray(shares, dtype),
            array.mean(axis=grid_axes),
            precision=FULL,
        )

    if fields.invariant.any():
        mean = over_group(shares * fields.invariant[:, None], array)
        array = array - jnp.expand_dims(kept(mean), grid_axes)
    mean_square = kept(over_group(shares, jnp.square(array)))
    components = np.bincount(fields.channel)[fields.channel]
    factor = jax.lax.rsqrt(mean_square + jnp.asarray(epsilon / components, dtype))
    factor = factor * copy_channels(scale, fields).astype(dtype)
    array = array * jnp.expand_dims(factor, grid_axes)
    if bias is not None:
        array = array + jnp.expand_dims(bias.astype(dtype), grid_axes)
    return array.astype(given.dtype)


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
