"""A field with cells beyond its faces attached, as its boundary rules say."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._representation import Representation
from .._boundary import Boundary, Faces, mirror_signs


def extend(
    array: Float[Array, "*grid features"],
    fields: Representation,
    faces: Faces,
    padding: Sequence[tuple[int, int]],
) -> Float[Array, "*larger_grid features"]:
    """The field with `(low, high)` cells more along each axis, or fewer if negative.

    **Raises:** `ValueError` if a wall would have to mirror more cells than there are.
    """
    for axis, ((low, high), pair) in enumerate(zip(padding, faces, strict=True)):
        if pair[0] is Boundary.PERIODIC:
            array = wrap(array, axis, low, high)
            continue
        n = array.shape[axis]
        array = jax.lax.slice_in_dim(array, max(-low, 0), n - max(-high, 0), axis=axis)
        beyond = [
            _beyond(array, fields, axis, cells, face, at_end)
            for cells, face, at_end in ((low, pair[0], False), (high, pair[1], True))
            if cells > 0
        ]
        if low > 0:
            array = jnp.concatenate([beyond.pop(0), array], axis=axis)
        if high > 0:
            array = jnp.concatenate([array, beyond.pop(0)], axis=axis)
    return array


def wrap(array: Array, axis: int, low: int, high: int) -> Array:
    """Repeats the torus; where `low` or `high` is negative, crops instead."""
    n = array.shape[axis]
    if low <= 0 and high <= 0:
        return jax.lax.slice_in_dim(array, -low, n + high, axis=axis)
    if max(low, high) > n or min(low, high) < 0:
        return jnp.take(array, np.arange(-low, n + high) % n, axis=axis)
    parts = [
        jax.lax.slice_in_dim(array, n - low, n, axis=axis),
        array,
        jax.lax.slice_in_dim(array, 0, high, axis=axis),
    ]
    return jnp.concatenate(parts, axis=axis)


def _beyond(
    array: Array,
    fields: Representation,
    axis: int,
    cells: int,
    face: Boundary,
    end: bool,
) -> Array:
    """The cells beyond one face."""
    n, d = array.shape[axis], array.ndim - 1
    if face is Boundary.EDGE:
        last = jax.lax.slice_in_dim(
            array, n - 1 if end else 0, n if end else 1, axis=axis
        )
        return jnp.repeat(last, cells, axis=axis)
    if face is Boundary.ZERO:
        shape = list(array.shape)
        shape[axis] = cells
        return jnp.zeros(shape, array.dtype)
    if cells > n:
        raise ValueError(
            f"`boundary` {face.name} would mirror {cells} cells along axis {axis}, but "
            f"the grid has {n}. Use a larger grid, or a smaller size or dilation."
        )
    near = jax.lax.slice_in_dim(
        array, n - cells if end else 0, n if end else cells, axis=axis
    )
    sign = mirror_signs(fields, axis, face)
    sign = jnp.expand_dims(jnp.asarray(sign, array.dtype), range(d))
    return jnp.flip(near, axis) * sign
