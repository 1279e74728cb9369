"""Sums over the components of each tensor, and copies to them.

What acts on a whole tensor at once, a norm or a gate, is one number per tensor: here
are the two linear maps between such numbers and features, each the other's transpose.
Invariant features (scalars, and everything under the trivial group) take no part.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped

from ..._representation import Representation
from ._primitives import Shape, apply


def sum_components(
    array: Float[Array, "*cells features"], representation: Representation
) -> Float[Array, "*cells tensors"]:
    """Adds up the components of each tensor that the group moves."""
    return apply(SumComponents(representation), array)[0]


def copy_to_components(
    numbers: Float[Array, "*cells tensors"], representation: Representation
) -> Float[Array, "*cells features"]:
    """Gives each component its tensor's number, and invariant features zero."""
    return apply(CopyToComponents(representation), numbers)[0]


def copy_channels(
    numbers: Shaped[Array, " channels"], representation: Representation
) -> Shaped[Array, " features"]:
    """Gives each component its channel's number; an invariant one is a channel."""
    d = representation.num_spatial_dims
    parts, start = [], 0
    for entry, moved in zip(
        representation.signature, representation.moved, strict=True
    ):
        features = entry.features(d)
        channels = entry.channels if moved else features
        part = jax.lax.slice_in_dim(numbers, start, start + channels)
        # Not by index: the transpose of that is a scatter.
        part = jax.lax.broadcast_in_dim(part, (channels, features // channels), (0,))
        parts.append(jax.lax.reshape(part, (features,)))
        start += channels
    return jax.lax.concatenate(parts, 0)


def invariants(
    array: Float[Array, "*cells features"], representation: Representation
) -> Float[Array, "*cells invariants"] | None:
    """The features that the group leaves alone, or `None` where there are none."""
    parts = [
        array[..., where]
        for where, moved in zip(
            representation.slices, representation.moved, strict=True
        )
        if not moved
    ]
    return jnp.concatenate(parts, axis=-1) if parts else None


@dataclasses.dataclass(frozen=True)
class SumComponents:
    """From features to one number for each tensor that the group moves."""

    representation: Representation

    @property
    def T(self) -> "CopyToComponents":
        """The copies."""
        return CopyToComponents(self.representation)

    def shapes(self, features: Shape) -> tuple[Shape]:
        """One array."""
        return ((*features[:-1], self.representation.num_tensors),)

    def __call__(self, array: Array) -> tuple[Array]:
        fields, last = self.representation, array.ndim - 1
        parts = []
        for entry, where, moved in zip(
            fields.signature, fields.slices, fields.moved, strict=True
        ):
            if moved:
                # Strided slices: a sum over an axis of length 2 or 3 is slow.
                n = fields.components(entry.type)
                terms = [
                    jax.lax.slice_in_dim(array, start, where.stop, n, axis=last)
                    for start in range(where.start, where.start + n)
                ]
                parts.append(functools.reduce(jax.lax.add, terms))
        return (jax.lax.concatenate(parts, last),)


@dataclasses.dataclass(frozen=True)
class CopyToComponents:
    """From one number for each tensor that the group moves to all features."""

    representation: Representation

    @property
    def T(self) -> SumComponents:
        """The sums."""
        return SumComponents(self.representation)

    def shapes(self, numbers: Shape) -> tuple[Shape]:
        """One array."""
        return ((*numbers[:-1], self.representation.num_features),)

    def __call__(self, numbers: Array) -> tuple[Array]:
        fields = self.representation
        d, last = fields.num_spatial_dims, numbers.ndim - 1
        leading = numbers.shape[:-1]
        parts, start = [], 0
        for entry, moved in zip(fields.signature, fields.moved, strict=True):
            if moved:
                n = fields.components(entry.type)
                stop = start + entry.channels
                part = jax.lax.slice_in_dim(numbers, start, stop, axis=last)
                part = jax.lax.broadcast_in_dim(
                    part, (*part.shape, n), range(numbers.ndim)
                )
                parts.append(jax.lax.reshape(part, (*leading, entry.features(d))))
                start += entry.channels
            else:
                shape = (*leading, entry.features(d))
                parts.append(jax.lax.full(shape, 0, numbers.dtype))
        return (jax.lax.concatenate(parts, last),)
