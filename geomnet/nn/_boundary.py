"""What lies beyond the faces of a grid, for tensors of every type."""

import enum
import functools
from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._action import feature_action
from .._group import Group, signed_permutation
from .._signature import Signature


class Boundary(enum.Enum):
    """How a field continues beyond one face of the grid.

    The rules for walls are typed: a wall is a mirror, and what is seen in it is the
    tensor moved by that reflection. So at a `SLIP` wall the normal component of a
    vector and the tangential ones of a pseudovector change sign, scalars do not, and
    pseudoscalars do.
    """

    PERIODIC = "the torus: what leaves comes back at the opposite face"
    ZERO = "nothing"
    EDGE = "the last cell's value, again and again"
    SLIP = "the mirror image: no flow through the wall, free flow along it"
    NO_SLIP = "the mirrored cells with (-1)**order as their sign: vectors vanish there"


Boundaries: TypeAlias = Boundary | Sequence[Boundary | tuple[Boundary, Boundary]]
"""One rule for all faces, or one for each axis, or `(low, high)` for an axis."""

Faces: TypeAlias = tuple[tuple[Boundary, Boundary], ...]


def as_faces(boundary: Boundaries, num_spatial_dims: int) -> Faces:
    """`(low, high)` of every axis.

    **Raises:** `ValueError` for a wrong number of axes, or an axis that is periodic at
    one face only.
    """
    axes = (
        (boundary,) * num_spatial_dims
        if isinstance(boundary, Boundary)
        else _as_rules(boundary)
    )
    faces = tuple(
        (axis, axis) if isinstance(axis, Boundary) else _as_pair(axis) for axis in axes
    )
    if len(faces) != num_spatial_dims:
        raise ValueError(
            f"`boundary` has {len(faces)} axes, the group acts in {num_spatial_dims}. "
            "Give one `geomnet.nn.Boundary` for all axes or one for each."
        )
    for axis, pair in enumerate(faces):
        if len({face is Boundary.PERIODIC for face in pair}) > 1:
            raise ValueError(
                f"`boundary` makes axis {axis} periodic at one face only: make both "
                "faces PERIODIC or neither."
            )
    return faces


def _as_rules(given: object) -> tuple[Any, ...]:
    if not isinstance(given, list | tuple):
        known = ", ".join(f"Boundary.{rule.name}" for rule in Boundary)
        raise TypeError(
            f"`boundary` must be a `geomnet.nn.Boundary`, or one for each axis, or "
            f"`(low, high)` for an axis, got {given!r}. The rules are {known}."
        )
    return tuple(given)


def _as_pair(given: object) -> tuple[Boundary, Boundary]:
    rules = _as_rules(given)
    if len(rules) != 2 or not all(isinstance(rule, Boundary) for rule in rules):
        raise ValueError(
            f"`boundary` needs `(low, high)` for the two faces of an axis, got "
            f"{given!r}."
        )
    return rules


def periodic_steps(faces: Faces, step: int) -> tuple[int, ...]:
    """`step` along periodic axes, 0 along others."""
    return tuple(step * (low is Boundary.PERIODIC) for low, _ in faces)


@functools.cache
def surviving_group(group: Group, faces: Faces) -> Group:
    """The elements of `group` that take each face to one with the same rule."""
    kept = []
    for element in group.elements:
        permutation, signs, _ = signed_permutation(element)
        moved = tuple(
            faces[p] if s > 0 else faces[p][::-1]
            for p, s in zip(permutation, signs, strict=True)
        )
        if moved == faces:
            kept.append(element.tolist())
    name = group.name if len(kept) == group.order else f"what is left of {group.name}"
    return Group(kept, name)


def extend(
    array: Float[Array, "*grid features"],
    signature: Signature,
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
            _beyond(array, signature, axis, cells, face, at_end)
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
    array: Array, signature: Signature, axis: int, cells: int, face: Boundary, end: bool
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
    sign = _mirror_signs(signature, d, axis, face is Boundary.NO_SLIP)
    sign = jnp.expand_dims(jnp.asarray(sign, array.dtype), range(d))
    return jnp.flip(near, axis) * sign


@functools.cache
def _mirror_signs(signature: Signature, d: int, axis: int, no_slip: bool) -> np.ndarray:
    if no_slip:
        parts = [np.full(e.features(d), (-1) ** e.type.order) for e in signature]
        return np.concatenate(parts)
    signs = tuple(-1 if i == axis else 1 for i in range(d))
    return feature_action(signature, d, tuple(range(d)), signs)[1]
