"""What lies beyond the faces of a grid, for tensors of every type."""

import enum
import functools
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from .._action import feature_action
from .._arguments import checked
from .._group import Group, check_group, signed_permutation
from .._representation import Representation


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
"""`(low, high)` for every axis, as `as_faces` makes them of `Boundaries`."""


@checked
def as_faces(boundary: Boundaries, num_spatial_dims: int) -> Faces:
    """`(low, high)` of every axis, of `num_spatial_dims`, from a `boundary` as `Conv`
    takes it.

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


@checked
def periodic_steps(faces: Faces, step: int) -> tuple[int, ...]:
    """`step` along axes whose `faces` are periodic, 0 along others.

    **Raises:** `TypeError` for another kind of argument.
    """
    return tuple(step * (low is Boundary.PERIODIC) for low, _ in faces)


@checked
@functools.lru_cache(maxsize=1024)
def surviving_group(group: Group, faces: Faces) -> Group:
    """The elements of `group` that take each of the `faces` to one with the same rule.

    **Raises:** `TypeError` for another kind of argument.
    """
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


def agreed_group(group: Group, faces: Faces, remaining: Group | None) -> Group:
    """The group that a layer with these faces commutes with.

    **Raises:** `ValueError` if that is not the whole group and `remaining` does not
    name a part that is left.
    """
    surviving = surviving_group(group, faces)
    if remaining is not None:
        check_group(remaining, "remaining")
    if remaining is None and surviving != group:
        raise ValueError(
            f"`boundary` is not the same on all faces that {group} exchanges: only "
            f"{surviving.order} of its {group.order} elements keep it. Give such faces "
            "one rule, or a smaller `group`, or say that this is meant with "
            "`remaining=geomnet.nn.surviving_group(group, faces)`."
        )
    if remaining is not None and not remaining.is_subgroup(surviving):
        raise ValueError(
            f"`remaining` ({remaining}) has elements that are not in {group} or do not "
            f"keep the boundary. The largest that will do has {surviving.order} "
            "elements: `geomnet.nn.surviving_group(group, faces)`."
        )
    return group if remaining is None else remaining


@functools.lru_cache(maxsize=1024)
def mirror_signs(fields: Representation, axis: int, face: Boundary) -> np.ndarray:
    """`(features,)`: the sign of each feature in the mirror of a wall."""
    d = fields.num_spatial_dims
    if face is Boundary.NO_SLIP:
        parts = [np.full(e.features(d), (-1) ** e.type.order) for e in fields.signature]
        return np.concatenate(parts)
    signs = tuple(-1 if i == axis else 1 for i in range(d))
    return feature_action(fields.signature, d, tuple(range(d)), signs)[1]
