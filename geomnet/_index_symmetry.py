"""Which components of a symmetric or antisymmetric tensor are the same number.

Such tensors are stored in full: a component equals, but for a sign, the one whose
indices are the same in rising order.
"""

import itertools
from typing import Any

import numpy as np

from ._signature import Signature, TensorType


def sorted_components(tensor_type: TensorType, d: int) -> tuple[np.ndarray, np.ndarray]:
    """`(index, sign)` of the component with sorted indices, for each component.

    A component is `sign` times that one: 0 where antisymmetry leaves nothing.
    """
    k, n = tensor_type.order, tensor_type.components(d)
    if not tensor_type.symmetry:
        return np.arange(n), np.ones(n, int)
    indices = np.indices((d,) * k).reshape(k, n)
    rows = tuple(np.sort(indices, axis=0))
    index = np.asarray(np.ravel_multi_index(rows, (d,) * k))
    if tensor_type.symmetry == "s":
        return index, np.ones(n, int)
    # The sign of the order, and zero where an index occurs twice.
    pairs = itertools.combinations(indices, 2)
    return index, np.prod([np.sign(later - first) for first, later in pairs], axis=0)


def with_symmetries(array: Any, signature: Signature, num_spatial_dims: int) -> Any:
    """`(..., features)`, of JAX or NumPy, where (anti)symmetric tensors are such.

    Each takes its components of rising indices for all others.
    """
    source, sign = [], []
    for entry, where in zip(signature, signature.slices(num_spatial_dims), strict=True):
        own, signs = sorted_components(entry.type, num_spatial_dims)
        first = where.start + len(own) * np.arange(entry.channels)[:, None]
        source.append((first + own).ravel())
        sign.append(np.tile(signs, entry.channels))
    index, signs = np.concatenate(source), np.concatenate(sign)
    if np.array_equal(index, np.arange(len(index))) and (signs == 1).all():
        return array
    return array[..., index] * signs.astype(array.dtype)
