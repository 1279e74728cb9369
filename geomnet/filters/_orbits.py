"""Signed orbits: what a group of signed permutations leaves alone, without algebra.

A group moves pairs (site, tensor component) with a sign. What it leaves alone is
constant, up to those signs, on each orbit of pairs; an orbit in which a pair meets
itself with the opposite sign carries nothing. Sites are the cells of a window
(`_bank.py`) or the monomials of one degree (`_invariants.py`).
"""

import math
from collections.abc import Callable

import numpy as np

from .._action import component_action
from .._group import Group, signed_permutation
from .._signature import TensorType

Move = tuple[np.ndarray, np.ndarray]


def signed_orbits(num_pairs: int, moves: list[Move]) -> tuple[np.ndarray, np.ndarray]:
    """`(representative, sign)` of each pair; -1 and 0 where the orbit cancels.

    Each move is `(target, sign)` over the pairs. The sign is +1 at the pair of highest
    index, which is the representative, so that gradients come out with the usual sign.
    """
    # Connected components of the nodes (pair, +) and (pair, -), by their lowest node.
    targets = []
    for target, sign in moves:
        plus = 2 * target + (sign < 0)
        targets.append(np.stack([plus, plus ^ 1], axis=1).ravel())
    component = np.arange(2 * num_pairs)[::-1].copy()
    changed = True
    while changed:
        before = component
        component = component.copy()
        for target in targets:
            component = np.minimum(component, component[target])
            component[target] = np.minimum(component[target], component)
        changed = not np.array_equal(component, before)
    plus, minus = component[0::2], component[1::2]
    survives = plus != minus
    # The smallest label of a surviving component and of its mirror image are adjacent.
    signs = np.where(survives, np.where(plus % 2 == 1, 1, -1), 0).astype(np.int8)
    representative = np.where(survives, num_pairs - 1 - plus // 2, -1)
    return representative, signs


def pair_moves(
    group: Group,
    types: tuple[TensorType, ...],
    num_sites: int,
    site_action: Callable[[tuple[int, ...], tuple[int, ...]], Move],
) -> list[Move]:
    """How the group's generators, and exchanges of like indices, move the pairs.

    `site_action(permutation, signs)` says where `(g v)[i] = signs[i] v[permutation[i]]`
    takes each site, and with what sign.
    """
    moves = []
    for generator in group.generators:
        permutation, signs, _ = signed_permutation(generator)
        target, sign = site_action(permutation, signs)
        for tensor_type in types:
            source, component_sign = component_action(tensor_type, permutation, signs)
            destination = np.argsort(source)
            target = (target[:, None] * len(source) + destination[None, :]).ravel()
            sign = (sign[:, None] * component_sign[destination][None, :]).ravel()
        moves.append((target, sign))
    return moves + _index_exchanges(types, num_sites, group.num_spatial_dims)


def _index_exchanges(
    types: tuple[TensorType, ...], num_sites: int, d: int
) -> list[Move]:
    """Exchanges of neighbouring indices of (anti)symmetric types, as moves of pairs."""
    shape = (num_sites, *(d for t in types for _ in range(t.order)))
    pairs = np.arange(math.prod(shape)).reshape(shape)
    moves, axis = [], 1
    for tensor_type in types:
        for i in range(axis, axis + tensor_type.order - 1):
            if tensor_type.symmetry:
                target = np.swapaxes(pairs, i, i + 1).ravel()
                sign = -1 if tensor_type.symmetry == "a" else 1
                moves.append((target, np.full(target.shape, sign)))
        axis += tensor_type.order
    return moves
