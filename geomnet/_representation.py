"""A group and a signature as one value: what each feature does under each element.

`ρ(g)` permutes the features of a signature and changes signs. What a layer needs to
know of that is here, as constant arrays: which features the group leaves alone, and
which belong to one tensor. NumPy, cached, never learned.
"""

import dataclasses
import functools
from typing import TypeAlias

import numpy as np

from ._action import component_action
from ._group import Group, check_group, signed_permutation
from ._index_symmetry import sorted_components
from ._signature import Signature, TensorType

Moved: TypeAlias = tuple[bool, ...]


class Representation:
    """How a group acts on the features of a signature, cell by cell.

    Under the trivial group every component is invariant, and each is a channel of its
    own: so the plain twin of a network needs no code of its own. A representation is a
    value: two of equal groups and signatures are equal and hash alike.
    """

    __slots__ = ("_group", "_hash", "_signature")
    _group: Group
    _signature: Signature
    _hash: int

    def __init__(self, group: Group, signature: "Signature | str"):
        """**Arguments:**

        - `group`: acts on the grid and on the components of tensors.
        - `signature`: what the features are, or its notation.

        **Raises:** `TypeError` if `group` is no group; `ValueError` if the notation is
        not understood.
        """
        check_group(group)
        self._group = group
        self._signature = Signature(signature)
        self._hash = hash((self._group, self._signature))

    @property
    def group(self) -> Group:
        """What acts."""
        return self._group

    @property
    def signature(self) -> Signature:
        """What is acted on."""
        return self._signature

    @property
    def num_spatial_dims(self) -> int:
        """The dimension d of the space that the group acts on."""
        return self._group.num_spatial_dims

    @property
    def num_features(self) -> int:
        """The length of the last axis of an image."""
        return self._signature.features(self.num_spatial_dims)

    @property
    def slices(self) -> tuple[slice, ...]:
        """Where each entry lies on the last axis."""
        return self._signature.slices(self.num_spatial_dims)

    @property
    def moved(self) -> Moved:
        """For each entry whether some element changes its tensors."""
        return _features(self).moved

    @property
    def invariant(self) -> np.ndarray:
        """`(features,)` bool: the group leaves this number alone."""
        return _features(self).invariant

    @property
    def channel(self) -> np.ndarray:
        """`(features,)`: the channel each feature belongs to, counted over all entries.

        An invariant component counts as a channel; components that the symmetry of a
        type makes equal or opposite are one.
        """
        return _features(self).channel

    @property
    def places(self) -> tuple[np.ndarray, ...]:
        """For each entry, which of a tensor's channels each of its components is."""
        return _features(self).places

    @property
    def is_odd(self) -> bool:
        """Whether invariant components are opposite to, or zero beside, another one."""
        return any(
            entry.type.symmetry == "a" and not moved
            for entry, moved in zip(self._signature, self.moved, strict=True)
        )

    @property
    def type_index(self) -> np.ndarray:
        """`(features,)`: which of the signature's types each feature has."""
        return _features(self).type_index

    @property
    def num_channels(self) -> int:
        """Tensors of any type; of invariant components each counts, equal ones once."""
        return int(self.channel.max()) + 1

    @property
    def num_tensors(self) -> int:
        """How many tensors the group moves: channels that are not invariant."""
        return sum(
            entry.channels
            for entry, moved in zip(self._signature, self.moved, strict=True)
            if moved
        )

    def components(self, tensor_type: TensorType) -> int:
        """How many numbers a tensor of type `tensor_type` has."""
        return tensor_type.components(self.num_spatial_dims)

    def __floordiv__(self, divisor: int) -> "Representation":
        """Divides every entry's channels; `ValueError` where that leaves a rest."""
        if not isinstance(divisor, int):
            return NotImplemented
        return Representation(self._group, self._signature // divisor)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Representation)
            and self._group == other._group
            and self._signature == other._signature
        )

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self):
        return Representation, (self._group, self._signature)

    def __repr__(self) -> str:
        return f"Representation({self._group}, '{self._signature}')"


def acts_trivially(group: Group, tensor_type: TensorType) -> bool:
    """Whether every element leaves every component of such a tensor alone."""
    for generator in group.generators:
        permutation, signs, _ = signed_permutation(generator)
        source, sign = component_action(tensor_type, permutation, signs)
        if (sign < 0).any() or not np.array_equal(source, np.arange(len(source))):
            return False
    return True


@dataclasses.dataclass(frozen=True, eq=False)
class _Features:
    """The constant arrays of one representation."""

    moved: Moved
    invariant: np.ndarray
    channel: np.ndarray
    type_index: np.ndarray
    places: tuple[np.ndarray, ...]


@functools.lru_cache(maxsize=1024)
def _features(representation: Representation) -> _Features:
    signature = representation.signature
    moved, invariant, channel, type_index, places = [], [], [], [], []
    next_channel = 0
    for entry in signature:
        components = representation.components(entry.type)
        features = entry.channels * components
        is_invariant = acts_trivially(representation.group, entry.type)
        place = _places(representation, entry.type) if is_invariant else None
        place = np.zeros(components, int) if place is None else place
        per_tensor = int(place.max()) + 1
        moved.append(not is_invariant)
        invariant.append(np.full(features, is_invariant))
        places.append(place)
        first = next_channel + per_tensor * np.arange(entry.channels)
        channel.append((first[:, None] + place).ravel())
        type_index.append(np.full(features, signature.types.index(entry.type)))
        next_channel += entry.channels * per_tensor
    # int32: JAX remembers constants by identity, and a cached int64 array would keep
    # the width that it had where x64 was first off.
    return _Features(
        tuple(moved),
        np.concatenate(invariant),
        np.concatenate(channel).astype(np.int32),
        np.concatenate(type_index).astype(np.int32),
        tuple(places),
    )


def _places(representation: Representation, tensor_type: TensorType) -> np.ndarray:
    """Numbers the components that are free; the others as the one that they follow.

    Components that are always zero follow the first.
    """
    index, sign = sorted_components(tensor_type, representation.num_spatial_dims)
    free = np.unique(index[sign != 0])
    return np.where(sign != 0, np.searchsorted(free, index), 0)
