"""Normalisation of every tensor type, with finite gradients everywhere."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ._conv import check_image
from ._kernel import Bias
from ._layout import layout
from ._lowering import accumulator


class LayerNorm(eqx.Module):
    """Divides the fields of each type by their root mean square over grid and channels.

    Invariant fields (scalars) have their mean taken off first, and get a learned bias;
    no other type does, since the group allows it none. One learned scale per channel.
    By scalar variances only: no eigenvectors, so gradients are finite on constant, zero
    and isotropic fields too. Under the trivial group this is the usual layer norm.

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
        """**Arguments:**

        - `epsilon`: added to the mean square, in squared units of the input.
        """
        if not epsilon > 0:
            raise ValueError(f"`epsilon` must be positive, got {epsilon}.")
        self.group = group
        self.signature = Signature(signature)
        self.scale = jnp.ones(layout(group, self.signature).num_channels, dtype)
        self.bias = Bias(group, self.signature, dtype)
        self.epsilon = epsilon

    @jax.named_scope("geomnet.nn.LayerNorm")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        check_image(image, self.group, self.signature, "LayerNorm")
        fields = layout(self.group, self.signature)
        # Sums of many cells need float32 at least.
        dtype = accumulator(image.dtype)
        array = image.array.astype(dtype)
        type_mean = jnp.asarray(fields.type_mean, dtype)
        grid_axes = tuple(range(array.ndim - 1))

        def over_type(per_feature: Array) -> Array:
            return jnp.matmul(
                type_mean, per_feature, precision=jax.lax.Precision.HIGHEST
            )

        if fields.invariant.any():
            mean = over_type(array.mean(axis=grid_axes))
            mean = jnp.where(fields.invariant, mean, jnp.zeros_like(mean))
            array = array - jnp.expand_dims(mean, grid_axes)
        mean_square = over_type(jnp.square(array).mean(axis=grid_axes))
        factor = jax.lax.rsqrt(mean_square + self.epsilon)
        factor = factor * jnp.take(self.scale, fields.channel).astype(dtype)
        array = array * jnp.expand_dims(factor, grid_axes)
        bias = self.bias.dense()
        if bias is not None:
            array = array + jnp.expand_dims(bias.astype(dtype), grid_axes)
        return image.with_array(array.astype(image.dtype))
