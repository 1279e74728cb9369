"""Features side by side by groups of channels, as grouped convolutions want them."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._signature import Signature


def to_groups(
    array: Float[Array, "*cells features"],
    signature: Signature,
    groups: int,
    num_spatial_dims: int,
) -> Float[Array, "*cells features"]:
    """From the layout of the signature to one group after the other."""
    if groups == 1:
        return array
    d, leading = num_spatial_dims, array.shape[:-1]
    parts = [
        array[..., where].reshape(*leading, groups, -1) for where in signature.slices(d)
    ]
    return jnp.concatenate(parts, axis=-1).reshape(array.shape)


def from_groups(
    array: Float[Array, "*cells features"],
    signature: Signature,
    groups: int,
    num_spatial_dims: int,
) -> Float[Array, "*cells features"]:
    """The inverse of `to_groups`."""
    if groups == 1:
        return array
    d, leading = num_spatial_dims, array.shape[:-1]
    dealt = array.reshape(*leading, groups, -1)
    parts = [
        dealt[..., where].reshape(*leading, -1)
        for where in (signature // groups).slices(d)
    ]
    return jnp.concatenate(parts, axis=-1)
