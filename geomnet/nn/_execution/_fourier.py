"""Fourier coefficients of a field on small wave numbers, by products with waves.

Along each axis a field is multiplied with the cosines and sines of wave numbers 0 to
`modes`, one matrix for each axis. For a few wave numbers of many that is quicker than a
fast transform of all: channels stay last, all numbers are real, and nothing is thrown
away afterwards. The waves are taken about the centre of the grid, so cosines are even
and sines odd under its reflections.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._arithmetic import FULL
from ._primitives import merge_axes, split_axis


def analyse(
    array: Float[Array, "*grid features"], modes: tuple[int, ...]
) -> Float[Array, "*waves features"]:
    """The means of the field times products of waves, one of each axis.

    Axis j of the result holds the cosines of wave numbers 0 to `modes[j]`, then as many
    sines. Means do not change with the grid while `2 * modes + 1` cells resolve the
    field.
    """
    last = len(modes) - 1
    # The new axis comes first, so the axis to sum over is always the last of the grid.
    for side, number in zip(array.shape[last::-1], modes[::-1], strict=True):
        waves = jnp.asarray(_waves(side, number), array.dtype)
        array = jnp.tensordot(waves, array, ((1,), (last,)), precision=FULL)
    return array


def synthesise(
    waves: Float[Array, "*waves features"], grid: tuple[int, ...]
) -> Float[Array, "*grid features"]:
    """The field with these means: the inverse of `analyse` on resolved fields."""
    last = len(grid) - 1
    for side, length in zip(grid[::-1], waves.shape[last::-1], strict=True):
        number = length // 2 - 1
        # A wave has mean square 1/2, the constant 1.
        weight = np.tile(np.where(np.arange(number + 1) > 0, 2.0, 1.0), 2)
        matrix = jnp.asarray(_waves(side, number) * side * weight[:, None], waves.dtype)
        waves = jnp.tensordot(matrix, waves, ((0,), (last,)), precision=FULL)
    return waves


def restrict(
    waves: Float[Array, "*waves features"], modes: tuple[int, ...]
) -> Float[Array, "*fewer features"]:
    """The same field without its waves beyond `modes`."""
    for axis, number in enumerate(modes):
        parts = split_axis(waves, axis, (2, waves.shape[axis] // 2))
        parts = jax.lax.slice_in_dim(parts, 0, number + 1, axis=axis + 1)
        waves = merge_axes(parts, axis, 2)
    return waves


@functools.lru_cache(maxsize=32)
def _waves(side: int, number: int) -> np.ndarray:
    """`(2 (number + 1), side)`: cosines, then sines, divided by the side."""
    # Reduced to one turn in integers: half a cell is one unit of 2 * side.
    turns = np.outer(np.arange(number + 1), 2 * np.arange(side) + 1 - side)
    angle = np.pi * (turns % (2 * side)) / side
    return np.concatenate([np.cos(angle), np.sin(angle)]) / side
