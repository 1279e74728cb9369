"""How a group element moves an image, exactly: `(g·f)(x) = ρ(g) f(g⁻¹ x)`.

The grid is turned about its centre: axes are exchanged and reversed. Components are
exchanged and change sign. Nothing is rounded.
"""

import functools
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ._arguments import checked
from ._group import signed_permutation
from ._image import GeometricImage
from ._signature import Signature, TensorType


@checked
def act(g: Any, image: GeometricImage) -> GeometricImage:
    """The image `g·f`, with `(g·f)(x) = ρ(g) f(g⁻¹ x)`.

    **Arguments:**

    - `g`: a `(d, d)` signed permutation matrix, such as an element of a group.
    - `image`: on any grid; a grid that is not square has its sides exchanged with the
        axes. Leading batch axes are kept.

    **Raises:** `ValueError` if `g` is not a signed permutation of the image's axes.
    """
    permutation, signs, _ = signed_permutation(g)
    d = image.num_spatial_dims
    if len(permutation) != d:
        raise ValueError(
            f"`g` acts in {len(permutation)} dimensions, the image has {d}."
        )
    index, sign = feature_action(image.signature, d, permutation, signs)
    if not isinstance(image.array, jax.core.Tracer):
        cells = np.arange(np.prod(image.grid, dtype=np.int32), dtype=np.int32)
        moved = move_cells(permutation, signs, cells.reshape(*image.grid, 1))
        batch = image.array.shape[: image.array.ndim - d - 1]
        array = image.array.reshape(*batch, -1, image.features)
        array = _gather(array, moved.reshape(-1), index, sign)
        return image.with_array(
            array.reshape(*batch, *moved.shape[:-1], image.features)
        )
    array = move_cells(permutation, signs, image.array)
    if not np.array_equal(index, np.arange(len(index))):
        array = jnp.take(array, index, axis=-1)
    if (sign < 0).any():
        array = array * jnp.asarray(sign, array.dtype)
    return image.with_array(array)


@jax.jit
def _gather(array: Array, cells: Array, features: Array, sign: Array) -> Array:
    """Outside of a trace: one compiled program serves every element of a group."""
    array = jnp.take(jnp.take(array, cells, axis=-2), features, axis=-1)
    return array * sign.astype(array.dtype)


def move_cells(permutation: tuple[int, ...], signs: tuple[int, ...], array: Any) -> Any:
    """Turns the grid of `array`, `(..., *grid, features)`, leaving features alone.

    Of JAX or NumPy.
    """
    d = len(permutation)
    batch = array.ndim - d - 1
    axes = (
        *range(batch),
        *(batch + axis for axis in permutation),
        array.ndim - 1,
    )
    flipped = tuple(batch + axis for axis in range(d) if signs[axis] < 0)
    moved = array.transpose(axes)
    if not flipped:
        return moved
    return (
        np.flip(moved, flipped)
        if isinstance(moved, np.ndarray)
        else jnp.flip(moved, flipped)
    )


@functools.lru_cache(maxsize=1024)
def feature_action(
    signature: Signature,
    num_spatial_dims: int,
    permutation: tuple[int, ...],
    signs: tuple[int, ...],
) -> tuple[np.ndarray, np.ndarray]:
    """`(index, sign)`: feature f of `g·T` is `sign[f]` times `T[index[f]]`."""
    d = num_spatial_dims
    indices, all_signs = [], []
    for entry, where in zip(signature, signature.slices(d), strict=True):
        source, sign = component_action(entry.type, permutation, signs)
        channels = np.arange(entry.channels)[:, None] * len(source)
        indices.append((where.start + channels + source[None, :]).ravel())
        all_signs.append(np.tile(sign, entry.channels))
    # int32: JAX remembers constants by identity, and a cached int64 array would keep
    # the width that it had where x64 was first off.
    index = np.concatenate(indices).astype(np.int32)
    return index, np.concatenate(all_signs).astype(np.int32)


@functools.lru_cache(maxsize=1024)
def component_action(
    tensor_type: TensorType, permutation: tuple[int, ...], signs: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """`(index, sign)` on the d^k components of one tensor, in row-major order."""
    d, k = len(permutation), tensor_type.order
    if k:
        components = np.indices((d,) * k).reshape(k, -1)
        source = np.asarray(
            np.ravel_multi_index(tuple(np.asarray(permutation)[components]), (d,) * k)
        )
        sign = np.asarray(signs)[components].prod(axis=0)
    else:
        source, sign = np.zeros(1, int), np.ones(1, int)
    if tensor_type.parity < 0:
        matrix = np.zeros((d, d), int)
        matrix[range(d), permutation] = signs
        sign = sign * signed_permutation(matrix)[2]
    return source, sign
