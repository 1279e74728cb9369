"""The subgroups of a group, and what they and their elements are called."""

import functools
from typing import Any

import numpy as np

from .._group import (
    Group,
    Matrix,
    as_matrix,
    hyperoctahedral,
    reflections,
    rotations,
    trivial,
)


@functools.lru_cache(maxsize=64)
def subgroups(group: Group) -> tuple[frozenset[int], ...]:
    """All subgroups but the trivial one, as numbers of elements, the largest first."""
    elements = group.elements.astype(int)
    number = {g.tobytes(): i for i, g in enumerate(elements)}
    product = np.array(
        [[number[(a @ b).tobytes()] for b in elements] for a in elements]
    )

    def closed(members: frozenset[int]) -> frozenset[int]:
        while True:
            inside = sorted(members)
            larger = members | set(product[np.ix_(inside, inside)].ravel().tolist())
            if larger == members:
                return members
            members = frozenset(larger)

    cyclic = {closed(frozenset({0, i})) for i in range(len(elements))}
    found, new = set(cyclic), list(cyclic)
    while new:
        base = new.pop()
        for other in cyclic:
            if not other <= base and (joined := closed(base | other)) not in found:
                found.add(joined)
                new.append(joined)
    proper = [members for members in found if len(members) > 1]
    return tuple(sorted(proper, key=lambda m: (-len(m), sorted(m))))


def element_name(element: Any) -> str:
    """`x -> -y, y -> x` for a quarter turn: where each axis goes."""
    axes = "xyz"
    parts = []
    for column in range(len(element)):
        row = next(i for i in range(len(element)) if element[i][column])
        sign = "-" if element[row][column] < 0 else ""
        parts.append(f"{axes[column]} -> {sign}{axes[row]}")
    return ", ".join(parts)


def largest_subgroup(passing: set[Matrix], d: int) -> Group:
    """A largest group of which every element is in `passing`."""
    whole = Group.from_generators(sorted(passing))
    if whole.order == len(passing):
        return _named(whole)
    best = trivial(d)
    for first in sorted(passing, reverse=True):
        grown = best
        for g in (first, *sorted(passing, reverse=True)):
            if g in set(map(as_matrix, grown.elements)):
                continue
            larger = Group.from_generators([*grown.generators, g])
            if set(map(as_matrix, larger.elements)) <= passing:
                grown = larger
        if grown.order > best.order:
            best = grown
    return _named(best)


def named_group(elements: list[Any]) -> Group:
    """The group of these elements, with the name that it goes by, or their names."""
    return _named(Group.from_generators(elements))


def _named(group: Group) -> Group:
    d = group.num_spatial_dims
    for known in (hyperoctahedral(d), rotations(d), reflections(d)):
        if known == group:
            return known
    words = "; ".join(element_name(g) for g in group.elements[1:])
    if group.order == 1:
        return Group(group.elements, "the identity alone")
    name = words if group.order <= 4 else f"a group of order {group.order}"
    return Group(group.elements, name)
