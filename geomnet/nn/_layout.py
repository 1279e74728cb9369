"""Which features of an image are invariant, and which features form one tensor.

Constant index arrays that pointwise layers share; NumPy, cached, never learned.
"""

import dataclasses
import functools

import numpy as np

from .._action import component_action
from .._group import Group, check_group, signed_permutation
from .._signature import Signature, TensorType


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """The features of one signature, as one group sees them.

    Under the trivial group every component is invariant, and each is a channel of its
    own: so the plain twin of a network needs no code of its own.
    """

    invariant: np.ndarray
    """`(features,)` bool: the group leaves this number alone."""
    channel: np.ndarray
    """`(features,)`: the channel each feature belongs to, counted over all entries."""
    type_index: np.ndarray
    """`(features,)`: which of the signature's types each feature has."""

    @property
    def num_features(self) -> int:
        """The length of the last axis."""
        return len(self.channel)

    @property
    def num_channels(self) -> int:
        """Tensors of any type; an invariant component counts as one."""
        return int(self.channel[-1]) + 1


@functools.cache
def layout(group: Group, signature: Signature) -> Layout:
    """The layout of `signature` under `group`."""
    check_group(group)
    d = group.num_spatial_dims
    invariant, channel, type_index = [], [], []
    next_channel = 0
    for entry in signature:
        components = entry.type.components(d)
        features = entry.features(d)
        is_invariant = acts_trivially(group, entry.type)
        per_channel = 1 if is_invariant else components
        channels = features // per_channel
        invariant.append(np.full(features, is_invariant))
        channel.append(next_channel + np.repeat(np.arange(channels), per_channel))
        type_index.append(np.full(features, signature.types.index(entry.type)))
        next_channel += channels
    # int32: JAX remembers constants by identity, and a cached int64 array would keep
    # the width that it had where x64 was first off.
    return Layout(
        np.concatenate(invariant),
        np.concatenate(channel).astype(np.int32),
        np.concatenate(type_index).astype(np.int32),
    )


def acts_trivially(group: Group, tensor_type: TensorType) -> bool:
    """Whether every element leaves every component of such a tensor alone."""
    for generator in group.generators:
        permutation, signs, _ = signed_permutation(generator)
        source, sign = component_action(tensor_type, permutation, signs)
        if (sign < 0).any() or not np.array_equal(source, np.arange(len(source))):
            return False
    return True
