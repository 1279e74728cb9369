"""Features sorted by what reflections do to them.

Each component of a tensor keeps or changes its sign when an axis is reflected: its
parity, one bit for each axis. A parity is a component of a representation of the group
of reflections, so nothing that commutes with reflections mixes two of them.
"""

import dataclasses
import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._action import component_action
from .._signature import Signature
from ._linear_map import linear_map

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
    """`(..., features)` in the order of the signature, to the order by parity."""
    if _is_sorted(signature, num_spatial_dims):
        return array
    both = _Sort(signature, num_spatial_dims), _Unsort(signature, num_spatial_dims)
    return linear_map(*both, array)[0]


def sort_back(array: Array, signature: Signature, num_spatial_dims: int) -> Array:
    """The inverse of `sort_by_parity`."""
    if _is_sorted(signature, num_spatial_dims):
        return array
    both = _Unsort(signature, num_spatial_dims), _Sort(signature, num_spatial_dims)
    return linear_map(*both, array)[0]


def _is_sorted(signature: Signature, num_spatial_dims: int) -> bool:
    slabs = parity_order(signature, num_spatial_dims).slabs
    return slabs == tuple((entry, 0) for entry in range(len(signature)))


@dataclasses.dataclass(frozen=True)
class _Sort:
    # Slices side by side. A gather by index is as quick alone, but XLA then gives it
    # and all that follows another layout in memory.
    signature: Signature
    num_spatial_dims: int

    def __call__(self, array: Array) -> tuple[Array]:
        d = self.num_spatial_dims
        starts = [where.start for where in self.signature.slices(d)]
        parts = []
        for entry, component in parity_order(self.signature, d).slabs:
            stride = self.signature.entries[entry].type.components(d)
            start = starts[entry] + component
            stop = starts[entry] + self.signature.entries[entry].features(d)
            parts.append(
                jax.lax.slice_in_dim(array, start, stop, stride, axis=array.ndim - 1)
            )
        return (jnp.concatenate(parts, axis=-1),)


@dataclasses.dataclass(frozen=True)
class _Unsort:
    signature: Signature
    num_spatial_dims: int

    def __call__(self, array: Array) -> tuple[Array]:
        slabs = parity_order(self.signature, self.num_spatial_dims).slabs
        sizes = [self.signature.entries[entry].channels for entry, _ in slabs]
        pieces = jax.lax.split(array, sizes, axis=array.ndim - 1)
        found = dict(zip(slabs, pieces, strict=True))
        return (jnp.concatenate(list(self._entries(found)), axis=-1),)

    def _entries(self, found: dict[tuple[int, int], Array]) -> Iterator[Array]:
        for n, entry in enumerate(self.signature):
            components = entry.type.components(self.num_spatial_dims)
            parts = [found[n, component] for component in range(components)]
            if components == 1:
                yield parts[0]
            else:
                joined = jnp.stack(parts, axis=-1)
                yield joined.reshape(*joined.shape[:-2], entry.channels * components)
