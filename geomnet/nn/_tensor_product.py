"""Products of fields: how scalars and vectors make pseudoscalars and higher orders."""

import functools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._group import Group
from .._image import GeometricImage
from .._signature import MAX_ORDER, Signature, TensorType
from ..filters import kernel_basis
from ._contract import AbstractEveryGridLayer
from ._conv import check_image
from ._linear import Linear


class TensorProduct(AbstractEveryGridLayer):
    """Multiplies, in each cell, the fields with a learned mixture of themselves.

    All bilinear maps that commute with the group take part, each weighed channel by
    channel: contractions, outer products, and under reflections the wedge `u_x v_y -
    u_y v_x`, a pseudoscalar that no small filter gives. Output channel c multiplies
    input channels c modulo their number; a `Linear` before or after mixes more.

    **Exactly equivariant** under `group` and all translations, on every grid.
    """

    mixture: Linear
    weights: Float[Array, " coefficients"]
    group: Group = eqx.field(static=True)
    in_signature: Signature = eqx.field(static=True)
    out_signature: Signature = eqx.field(static=True)

    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        *,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Raises:** `ValueError` if a type of the output is no product of two types
        of the input.
        """
        self.group = group
        self.in_signature = Signature(in_signature)
        self.out_signature = Signature(out_signature)
        mixture_key, weights_key = jax.random.split(key)
        self.mixture = Linear(
            group,
            self.in_signature,
            self.in_signature,
            use_bias=False,
            key=mixture_key,
            dtype=dtype,
        )
        deviations = []
        for out_type in self.out_signature.types:
            paths = _paths(group, self.in_signature, out_type)
            taps = sum(np.abs(tensor).sum() for _, _, tensor in paths)
            if not taps:
                raise ValueError(
                    f"The output type '{out_type}' is no product of two types of "
                    f"'{self.in_signature}' under {group}. Add vectors to the input: "
                    "they make scalars, pseudoscalars in 2D and pseudovectors in 3D."
                )
            taps /= out_type.components(group.num_spatial_dims)
            count = sum(len(tensor) for _, _, tensor in paths)
            channels = self.out_signature.channels(out_type)
            deviations.append(np.full(count * channels, 1 / math.sqrt(taps)))
        scale = np.concatenate(deviations)
        dtype = jnp.zeros((), dtype).dtype
        drawn = jax.random.normal(weights_key, scale.shape, dtype)
        self.weights = drawn * jnp.asarray(scale, dtype)

    @jax.named_scope("geomnet.nn.TensorProduct")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` is not
        `in_signature`.
        """
        check_image(image, self.group, self.in_signature, "TensorProduct")
        d = image.num_spatial_dims
        mixture = self.mixture(image)
        weights = self.weights.astype(image.dtype)
        made: dict[TensorType, Array] = {}
        position = 0
        for out_type in self.out_signature.types:
            channels = self.out_signature.channels(out_type)
            total = jnp.zeros(
                (*image.grid, channels, out_type.components(d)), image.dtype
            )
            for left, right, tensor in _paths(self.group, self.in_signature, out_type):
                size = len(tensor) * channels
                weight = weights[position : position + size].reshape(-1, channels)
                position += size
                total = total + jnp.einsum(
                    "...ca,...cb,nc,nzab->...cz",
                    _channels(image, left, channels),
                    _channels(mixture, right, channels),
                    weight,
                    jnp.asarray(tensor, image.dtype),
                )
            made[out_type] = total
        parts, used = [], dict.fromkeys(made, 0)
        for entry in self.out_signature:
            start = used[entry.type]
            used[entry.type] = start + entry.channels
            part = made[entry.type][..., start : start + entry.channels, :]
            parts.append(part.reshape(*image.grid, entry.features(d)))
        return GeometricImage(self.out_signature, jnp.concatenate(parts, axis=-1), d)


@functools.cache
def _paths(
    group: Group, signature: Signature, out_type: TensorType
) -> tuple[tuple[TensorType, TensorType, np.ndarray], ...]:
    """`(left, right, maps)`: all bilinear maps, `(maps, out, left, right
    components)`.
    """
    d = group.num_spatial_dims
    paths = []
    for left in signature.types:
        for right in signature.types:
            if left.order + right.order > MAX_ORDER:
                continue
            both = TensorType(left.order + right.order, left.parity * right.parity)  # pyright: ignore
            bank = kernel_basis(group, out_type, both, 1)
            if len(bank):
                shape = tuple(t.components(d) for t in (out_type, left, right))
                paths.append((left, right, bank.array.reshape(len(bank), *shape)))
    return tuple(paths)


def _channels(image: GeometricImage, tensor_type: TensorType, count: int) -> Array:
    """`(*grid, count, components)`: the channels of a type, again and again."""
    field = image[tensor_type]
    field = field.reshape(*image.grid, field.shape[len(image.grid)], -1)
    return jnp.take(field, np.arange(count) % field.shape[-2], axis=-2)
