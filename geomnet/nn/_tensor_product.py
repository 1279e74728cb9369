"""Products of fields: how scalars and vectors make pseudoscalars and higher orders."""

import functools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._arguments import checked
from .._group import Group
from .._image import GeometricImage
from .._representation import Representation
from .._signature import MAX_ORDER, Signature, TensorType
from ..filters import kernel_basis
from ._contract import AbstractEveryGridLayer, check_image
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
    source: Representation = eqx.field(static=True)
    target: Representation = eqx.field(static=True)

    @checked
    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        *,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `in_signature`, `out_signature`: what goes in and comes out.
        - `key`: draws the coefficients.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` if a type of the output is no product of two types
        of the input.
        """
        self.source = Representation(group, in_signature)
        self.target = Representation(group, out_signature)
        mixture_key, weights_key = jax.random.split(key)
        self.mixture = Linear(
            group,
            in_signature,
            in_signature,
            use_bias=False,
            key=mixture_key,
            dtype=dtype,
        )
        deviations = []
        for out_type in self.out_signature.types:
            paths = _paths(self.source, out_type)
            taps = sum(np.abs(tensor).sum() for _, _, tensor in paths)
            if not taps:
                raise ValueError(
                    f"The output type '{out_type}' is no product of two types of "
                    f"'{self.in_signature}' under {group}. Add vectors to the input: "
                    "they make scalars, pseudoscalars in 2D and pseudovectors in 3D."
                )
            taps /= self.target.components(out_type)
            count = sum(len(tensor) for _, _, tensor in paths)
            channels = self.out_signature.channels(out_type)
            deviations.append(np.full(count * channels, 1 / math.sqrt(taps)))
        scale = np.concatenate(deviations)
        dtype = jnp.zeros((), dtype).dtype
        drawn = jax.random.normal(weights_key, scale.shape, dtype)
        self.weights = drawn * jnp.asarray(scale, dtype)

    @property
    def group(self) -> Group:
        """The group that the layer commutes with."""
        return self.source.group

    @property
    def in_signature(self) -> Signature:
        """What the layer takes."""
        return self.source.signature

    @property
    def out_signature(self) -> Signature:
        """What the layer gives."""
        return self.target.signature

    @jax.named_scope("geomnet.nn.TensorProduct")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` is not
        `in_signature`.
        """
        check_image(image, self.source, "TensorProduct")
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
            for left, right, tensor in _paths(self.source, out_type):
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


@functools.lru_cache(maxsize=256)
def _paths(
    fields: Representation, out_type: TensorType
) -> tuple[tuple[TensorType, TensorType, np.ndarray], ...]:
    """`(left, right, maps)`: all bilinear maps, `(maps, out, left, right
    components)`.
    """
    types, paths = fields.signature.types, []
    for left in types:
        for right in types:
            if left.order + right.order > MAX_ORDER:
                continue
            both = TensorType(left.order + right.order, left.parity * right.parity)  # pyright: ignore
            bank = kernel_basis(fields.group, out_type, both, 1)
            if len(bank):
                shape = tuple(map(fields.components, (out_type, left, right)))
                paths.append((left, right, bank.array.reshape(len(bank), *shape)))
    return tuple(paths)


def _channels(image: GeometricImage, tensor_type: TensorType, count: int) -> Array:
    """`(*grid, count, components)`: the channels of a type, again and again."""
    field = image[tensor_type]
    field = field.reshape(*image.grid, field.shape[len(image.grid)], -1)
    turns, rest = divmod(count, field.shape[-2])
    # Not by index: the transpose of that is a scatter.
    parts = [field] * turns + ([field[..., :rest, :]] if rest else [])
    return jnp.concatenate(parts, axis=-2)
