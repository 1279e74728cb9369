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

from .._group import Group
from .._signature import Signature
from ._layout import acts_trivially
from ._linear_map import Shape, linear_map


def num_tensors(group: Group, signature: Signature) -> int:
    """How many tensors the group moves: channels that are not invariant."""
    moved = _moved(group, signature)
    return sum(entry.channels for entry, m in zip(signature, moved, strict=True) if m)


def sum_components(
    array: Float[Array, "*cells features"], group: Group, signature: Signature
) -> Float[Array, "*cells tensors"]:
    """Adds up the components of each tensor that the group moves."""
    return linear_map(_Sum(group, signature), _Copy(group, signature), array)[0]


def copy_to_components(
    numbers: Float[Array, "*cells tensors"], group: Group, signature: Signature
) -> Float[Array, "*cells features"]:
    """Gives each component its tensor's number, and invariant features zero."""
    return linear_map(_Copy(group, signature), _Sum(group, signature), numbers)[0]


def copy_channels(
    numbers: Shaped[Array, " channels"], group: Group, signature: Signature
) -> Shaped[Array, " features"]:
    """Gives each component its channel's number; an invariant one is a channel."""
    parts, start = [], 0
    for entry, moved in zip(signature, _moved(group, signature), strict=True):
        features = entry.features(group.num_spatial_dims)
        channels = entry.channels if moved else features
        part = jax.lax.slice_in_dim(numbers, start, start + channels)
        # Not by index: the transpose of that is a scatter.
        part = jax.lax.broadcast_in_dim(part, (channels, features // channels), (0,))
        parts.append(jax.lax.reshape(part, (features,)))
        start += channels
    return jax.lax.concatenate(parts, 0)


def invariants(
    array: Float[Array, "*cells features"], group: Group, signature: Signature
) -> Float[Array, "*cells invariants"] | None:
    """The features that the group leaves alone, or `None` where there are none."""
    parts = [
        array[..., where]
        for where, m in zip(
            signature.slices(group.num_spatial_dims),
            _moved(group, signature),
            strict=True,
        )
        if not m
    ]
    return jnp.concatenate(parts, axis=-1) if parts else None


@dataclasses.dataclass(frozen=True)
class _Sum:
    group: Group
    signature: Signature

    def shapes(self, features: Shape) -> tuple[Shape]:
        return ((*features[:-1], num_tensors(self.group, self.signature)),)

    def __call__(self, array: Array) -> tuple[Array]:
        d, last = self.group.num_spatial_dims, array.ndim - 1
        parts = []
        for entry, where, moved in zip(
            self.signature,
            self.signature.slices(d),
            _moved(self.group, self.signature),
            strict=True,
        ):
            if moved:
                # Strided slices: a sum over an axis of length 2 or 3 is slow.
                n = entry.type.components(d)
                terms = [
                    jax.lax.slice_in_dim(array, start, where.stop, n, axis=last)
                    for start in range(where.start, where.start + n)
                ]
                parts.append(functools.reduce(jax.lax.add, terms))
        return (jax.lax.concatenate(parts, last),)


@dataclasses.dataclass(frozen=True)
class _Copy:
    group: Group
    signature: Signature

    def shapes(self, numbers: Shape) -> tuple[Shape]:
        features = self.signature.features(self.group.num_spatial_dims)
        return ((*numbers[:-1], features),)

    def __call__(self, numbers: Array) -> tuple[Array]:
        d, last = self.group.num_spatial_dims, numbers.ndim - 1
        leading = numbers.shape[:-1]
        parts, start = [], 0
        for entry, moved in zip(
            self.signature, _moved(self.group, self.signature), strict=True
        ):
            if moved:
                n = entry.type.components(d)
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


def _moved(group: Group, signature: Signature) -> list[bool]:
    return [not acts_trivially(group, entry.type) for entry in signature]
