"""The 2^d fine cells of a coarse one, side by side in the features, and back."""

import itertools

import jax.numpy as jnp
from jaxtyping import Array

from .._placement import FACTOR
from ._primitives import merge_axes


def gather_blocks(array: Array) -> Array:
    """`(*grid, f)` to `(*grid / 2, 2^d f)`: the fine cells of a coarse cell, row-major.

    Strided slices side by side: a transpose of ever so small axes is far slower.
    """
    d = array.ndim - 1
    parts = [
        array[tuple(slice(start, None, FACTOR) for start in corner)]
        for corner in itertools.product(range(FACTOR), repeat=d)
    ]
    return jnp.concatenate(parts, axis=-1)


def scatter_blocks(array: Array, features: int) -> Array:
    """`(*grid, 2^d f)` to `(*2 grid, f)`: the inverse of `gather_blocks`."""
    d = array.ndim - 1
    grid = array.shape[:-1]
    blocks = array.reshape(*grid, *(FACTOR,) * d, features)
    axes = [axis for i in range(d) for axis in (i, d + i)]
    blocks = blocks.transpose(*axes, 2 * d)
    for axis in range(d):
        blocks = merge_axes(blocks, axis, 2)
    return blocks
