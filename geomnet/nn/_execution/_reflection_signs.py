"""Features sorted by what reflections of the axes do to them.

Each component of a tensor keeps or changes its sign when an axis is reflected. The
signs, one bit for each axis, are a character of the group of reflections, so nothing
that commutes with reflections mixes two of them. (The parity of a tensor type, its sign
under all reflections that are no rotations, is another thing.)
"""

import dataclasses
import functools
import itertools
from typing import TypeAlias

import jax
import numpy as np
from jaxtyping import Array

from ..._action import component_action, feature_action
from ..._representation import Representation
from ..._signature import Signature

Signs: TypeAlias = tuple[int, ...]
"""For each axis 1 where its reflection changes the sign, 0 where it does not."""


@dataclasses.dataclass(frozen=True, eq=False)
class SignOrder:
    """The features of a signature, sorted by signs, then component, then channel."""

    components: dict[Signs, tuple[int, ...]]
    """The components of each kind, counted over the types of the signature."""
    sizes: dict[Signs, int]
    """How many features each kind has."""
    types: np.ndarray
    """`(components,)`: the type of each component."""
    channels: tuple[int, ...]
    """How many channels each type has."""
    slabs: tuple[tuple[int, int], ...]
    """`(entry, component)` of each run of channels, in the sorted order."""

    @functools.cached_property
    def starts(self) -> dict[Signs, int]:
        """The first feature of each kind."""
        ends = itertools.accumulate(self.sizes.values())
        return {p: end - self.sizes[p] for p, end in zip(self.sizes, ends, strict=True)}


def product(a: Signs, b: Signs) -> Signs:
    """The signs of a product."""
    return tuple(x ^ y for x, y in zip(a, b, strict=True))


def reflection(d: int, axis: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The reflection of one axis, as permutation and signs of the axes."""
    return tuple(range(d)), tuple(-1 if i == axis else 1 for i in range(d))


@functools.lru_cache(maxsize=1024)
def is_odd(signature: Signature, d: int) -> np.ndarray:
    """`(features, d)` bool: whether reflecting an axis reverses a feature."""
    signs = [feature_action(signature, d, *reflection(d, axis))[1] for axis in range(d)]
    return np.stack(signs, axis=-1) < 0


@functools.lru_cache(maxsize=1024)
def sign_order(fields: Representation) -> SignOrder:
    """How the features of `fields` are sorted."""
    signature, d = fields.signature, fields.num_spatial_dims
    kinds, types, own = [], [], []
    for n, t in enumerate(signature.types):
        signs = [component_action(t, *reflection(d, axis))[1] for axis in range(d)]
        for component in range(t.components(d)):
            kinds.append(tuple(int(s[component] < 0) for s in signs))
            types.append(n)
            own.append(component)
    channels = tuple(signature.channels(t) for t in signature.types)
    components = {
        p: tuple(i for i, q in enumerate(kinds) if q == p) for p in sorted(set(kinds))
    }
    slabs = tuple(
        (entry, own[i])
        for members in components.values()
        for i in members
        for entry in range(len(signature))
        if signature.entries[entry].type == signature.types[types[i]]
    )
    sizes = {
        p: sum(channels[types[i]] for i in members) for p, members in components.items()
    }
    return SignOrder(components, sizes, np.array(types), channels, slabs)


def sort_by_signs(array: Array, fields: Representation) -> Array:
    """`(..., features)` in the order of the signature, to the order by signs.

    Slices side by side. A gather by index is as quick alone, but XLA then gives it and
    all that follows another layout in memory.
    """
    last = array.ndim - 1
    if _is_sorted(fields):
        return array
    entries, slices = fields.signature.entries, fields.slices
    parts = []
    for entry, component in sign_order(fields).slabs:
        where = slices[entry]
        start, stride = where.start + component, fields.components(entries[entry].type)
        parts.append(jax.lax.slice_in_dim(array, start, where.stop, stride, axis=last))
    return jax.lax.concatenate(parts, last)


def sort_back(array: Array, fields: Representation) -> Array:
    """The inverse of `sort_by_signs`."""
    d, last = fields.num_spatial_dims, array.ndim - 1
    if _is_sorted(fields):
        return array
    slabs = sign_order(fields).slabs
    sizes = [fields.signature.entries[entry].channels for entry, _ in slabs]
    found = dict(zip(slabs, jax.lax.split(array, sizes, axis=last), strict=True))
    parts = []
    for n, entry in enumerate(fields.signature):
        components = range(entry.type.components(d))
        tensor = [jax.lax.expand_dims(found[n, c], (last + 1,)) for c in components]
        merged = (*array.shape[:-1], entry.features(d))
        parts.append(jax.lax.reshape(jax.lax.concatenate(tensor, last + 1), merged))
    return jax.lax.concatenate(parts, last)


def _is_sorted(fields: Representation) -> bool:
    slabs = sign_order(fields).slabs
    return slabs == tuple((entry, 0) for entry in range(len(fields.signature)))
