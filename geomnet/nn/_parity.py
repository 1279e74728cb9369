"""Features sorted by what reflections do to them.

Each component of a tensor keeps or changes its sign when an axis is reflected: its
parity, one bit for each axis. A parity is a component of a representation of the group
of reflections, so nothing that commutes with reflections mixes two of them.
"""

import dataclasses
import functools
import itertools

import jax
import numpy as np
from jaxtyping import Array

from .._action import component_action
from .._signature import Signature

Parity = tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class ParityOrder:
    """The features of a signature, sorted by parity, then component, then channel."""

    components: dict[Parity, tuple[int, ...]]
    """The components of each parity, counted over the types of the signature."""
    sizes: dict[Parity, int]
    """How many features each parity has."""
    types: np.ndarray
    """`(components,)`: the type of each component."""
    channels: tuple[int, ...]
    """How many channels each type has."""
    slabs: tuple[tuple[int, int], ...]
    """`(entry, component)` of each run of channels, in the sorted order."""

    @functools.cached_property
    def starts(self) -> dict[Parity, int]:
        """The first feature of each parity."""
        ends = itertools.accumulate(self.sizes.values())
        return {p: end - self.sizes[p] for p, end in zip(self.sizes, ends, strict=True)}


def add(a: Parity, b: Parity) -> Parity:
    """The parity of a product."""
    return tuple(x ^ y for x, y in zip(a, b, strict=True))


@functools.cache
def parity_order(signature: Signature, num_spatial_dims: int) -> ParityOrder:
    """How the features of `signature` are sorted."""
    d = num_spatial_dims
    parities, types, own = [], [], []
    for n, t in enumerate(signature.types):
        signs = [
            component_action(
                t, tuple(range(d)), tuple(-1 if i == axis else 1 for i in range(d))
            )[1]
            for axis in range(d)
        ]
        for component in range(t.components(d)):
            parities.append(tuple(int(s[component] < 0) for s in signs))
            types.append(n)
            own.append(component)
    channels = tuple(signature.channels(t) for t in signature.types)
    components = {
        p: tuple(i for i, q in enumerate(parities) if q == p)
        for p in sorted(set(parities))
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
    return ParityOrder(components, sizes, np.array(types), channels, slabs)


def sort_by_parity(array: Array, signature: Signature, num_spatial_dims: int) -> Array:
    """`(..., features)` in the order of the signature, to the order by parity.

    Slices side by side. A gather by index is as quick alone, but XLA then gives it and
    all that follows another layout in memory.
    """
    d, last = num_spatial_dims, array.ndim - 1
    if _is_sorted(signature, d):
        return array
    starts = [where.start for where in signature.slices(d)]
    parts = []
    for entry, component in parity_order(signature, d).slabs:
        stride = signature.entries[entry].type.components(d)
        start = starts[entry] + component
        stop = starts[entry] + signature.entries[entry].features(d)
        parts.append(jax.lax.slice_in_dim(array, start, stop, stride, axis=last))
    return jax.lax.concatenate(parts, last)


def sort_back(array: Array, signature: Signature, num_spatial_dims: int) -> Array:
    """The inverse of `sort_by_parity`."""
    d, last = num_spatial_dims, array.ndim - 1
    if _is_sorted(signature, d):
        return array
    slabs = parity_order(signature, d).slabs
    sizes = [signature.entries[entry].channels for entry, _ in slabs]
    found = dict(zip(slabs, jax.lax.split(array, sizes, axis=last), strict=True))
    parts = []
    for n, entry in enumerate(signature):
        components = range(entry.type.components(d))
        tensor = [jax.lax.expand_dims(found[n, c], (last + 1,)) for c in components]
        merged = (*array.shape[:-1], entry.features(d))
        parts.append(jax.lax.reshape(jax.lax.concatenate(tensor, last + 1), merged))
    return jax.lax.concatenate(parts, last)


def _is_sorted(signature: Signature, num_spatial_dims: int) -> bool:
    slabs = parity_order(signature, num_spatial_dims).slabs
    return slabs == tuple((entry, 0) for entry in range(len(signature)))
