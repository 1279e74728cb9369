"""Bases of all filters that a group leaves alone: exact, complete, minimal.

A group of signed permutations moves the pairs (cell of the window, tensor component)
by signed permutations. A filter is invariant exactly if it is constant, up to those
signs, on each orbit of pairs. So the signed sums over orbits are a basis: entries -1,
0, +1, disjoint supports, no linear algebra and no tolerance. An orbit in which a pair
meets itself with the opposite sign carries no invariant.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, Int8

from ._action import component_action
from ._characters import count_filters, window_offsets
from ._group import Group, signed_permutation
from ._signature import TensorType

# A basis is stored as one label and one sign per pair: 5 bytes.
MAX_PAIRS = 50_000_000


@dataclasses.dataclass(frozen=True, eq=False)
class FilterBank:
    """The basis of all invariant filters of one group, tensor type and window.

    Iterating gives the filters, each `(*window, *tensor)`; they are ordered by distance
    from the centre. `types` has one type for a filter; the kernel of a convolution has
    two, `(out, in)`, and tensor axes of both.
    """

    group: Group
    types: tuple[TensorType, ...]
    window: tuple[int, ...]
    labels: Int[np.ndarray, "*window_and_tensor"]
    """Which filter each entry belongs to; -1 where every filter is zero."""
    signs: Int8[np.ndarray, "*window_and_tensor"]
    """The value of that filter there: -1, 0 or +1."""

    @functools.cached_property
    def array(self) -> Int8[np.ndarray, "filters *window_and_tensor"]:
        """Every filter as integers, `(filters, *window, *tensor)`."""
        which = np.arange(len(self)).reshape(-1, *(1,) * self.labels.ndim)
        array = np.where(self.labels == which, self.signs, 0).astype(np.int8)
        array.setflags(write=False)
        return array

    @functools.cached_property
    def squared_radii(self) -> tuple[int, ...]:
        """Four times the squared distance of each filter's cells from the centre."""
        radii = (window_offsets(self.window) ** 2).sum(axis=1)
        flat = self.labels.reshape(len(radii), -1)
        first = [int(np.argmax((flat == n).any(axis=1))) for n in range(len(self))]
        return tuple(int(radii[cell]) for cell in first)

    @property
    def num_spatial_dims(self) -> int:
        """The dimension d of the window."""
        return len(self.window)

    @functools.cached_property
    def num_filters(self) -> int:
        """The dimension of the space of invariant filters."""
        return int(self.labels.max(initial=-1)) + 1

    def __len__(self) -> int:
        return self.num_filters

    def __iter__(self):
        return iter(self.array)

    def __repr__(self) -> str:
        types = " <- ".join(map(str, self.types))
        window = "x".join(map(str, self.window))
        return f"FilterBank({self.group}, {types}, {window}: {len(self)} filters)"


def filter_basis(
    group: Group, type: "str | TensorType", size: "int | Sequence[int]"
) -> FilterBank:
    """Every filter of one tensor type that the group leaves alone, as a basis.

    A filter C is a small image of tensors with `C(g x) = ρ(g) C(x)` for all g.

    **Arguments:**

    - `group`: a group of signed permutations.
    - `type`: what the filter is made of, such as `"1-"` for pseudovectors.
    - `size`: cells along each axis, odd or even; one number or one per axis.

    **Returns:** a bank whose `array` is int8 `(filters, *window, *tensor)` with entries
    -1, 0, +1. It may hold no filter at all: 3x3 has no pseudoscalar.

    **Raises:** `ValueError` if the group does not map the window to itself.
    """
    window = as_window(group, size)
    return _basis(group, (TensorType.parse(type),), window)


def kernel_basis(
    group: Group,
    out_type: "str | TensorType",
    in_type: "str | TensorType",
    size: "int | Sequence[int]",
) -> FilterBank:
    """Every kernel of a convolution from `in_type` to `out_type`, as a basis.

    A kernel K is a filter of type out ⊗ in: `K(g x) = ρ_out(g) K(x) ρ_in(g)ᵀ`. Its array
    has axes `(kernels, *window, *out tensor, *in tensor)`.
    """
    types = (TensorType.parse(out_type), TensorType.parse(in_type))
    return _basis(group, types, as_window(group, size))


def as_window(group: Group, size: "int | Sequence[int]") -> tuple[int, ...]:
    """`size` as one number of cells per axis.

    **Raises:** `ValueError` if it has the wrong length or the group does not map such a
    window to itself.
    """
    d = group.num_spatial_dims
    window = (size,) * d if isinstance(size, int) else tuple(map(int, size))
    if len(window) != d or min(window) < 1:
        raise ValueError(
            f"`size` must be a positive number or {d} of them for {group}, got {size}."
        )
    for generator in group.generators:
        permutation, _, _ = signed_permutation(generator)
        if tuple(window[axis] for axis in permutation) != window:
            raise ValueError(
                f"{group} exchanges axes and does not map the window {window} to "
                "itself. Give the exchanged axes one size, or use a subgroup such as "
                "`geomnet.reflections(d)`."
            )
    return window


@functools.cache
def _basis(
    group: Group, types: tuple[TensorType, ...], window: tuple[int, ...]
) -> FilterBank:
    d = group.num_spatial_dims
    shapes = [tensor_type.tensor_shape(d) for tensor_type in types]
    shape = (*window, *(n for tensor in shapes for n in tensor))
    num_pairs = math.prod(shape)
    if num_pairs > MAX_PAIRS:
        raise ValueError(
            f"A window {window} of {' ⊗ '.join(map(str, types))} has {num_pairs:.1e} "
            f"entries, more than {MAX_PAIRS:.0e}. Use a smaller size or order."
        )
    moves = [_pair_action(generator, types, window) for generator in group.generators]
    moves += _index_exchanges(types, window, d)
    labels, signs = _signed_orbits(num_pairs, moves)
    labels = _ordered_by_radius(labels, window)
    bank = FilterBank(
        group,
        types,
        window,
        _read_only(labels.reshape(shape)),
        _read_only(signs.reshape(shape)),
    )
    expected = count_filters(group, types, window)
    assert len(bank) == expected, (
        f"{bank}: {len(bank)} orbits, but {expected} by characters"
    )
    return bank


def _signed_orbits(
    num_pairs: int, moves: list[tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Connected components of pairs with a sign: nodes (pair, +) and (pair, -).

    A component that holds both signs of a pair cancels. Else it is one filter, with +1
    at the pair of highest index, so that gradients come out with the usual sign.
    """
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


def _pair_action(
    generator: object, types: tuple[TensorType, ...], window: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """`(target, sign)`: where a group element takes each pair (cell, components)."""
    permutation, signs, _ = signed_permutation(generator)
    offsets = window_offsets(window)
    moved = offsets[:, list(permutation)] * np.asarray(signs)
    cells = (moved + np.asarray(window) - 1) // 2
    target = np.ravel_multi_index(tuple(cells.T), window)
    sign = np.ones(len(target), int)
    for tensor_type in types:
        source, component_sign = component_action(tensor_type, permutation, signs)
        destination = np.argsort(source)
        target = (target[:, None] * len(source) + destination[None, :]).ravel()
        sign = (sign[:, None] * component_sign[destination][None, :]).ravel()
    return target, sign


def _index_exchanges(
    types: tuple[TensorType, ...], window: tuple[int, ...], d: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Exchanges of neighbouring indices of (anti)symmetric types, as moves of pairs."""
    cells = math.prod(window)
    shape = (cells, *(d for t in types for _ in range(t.order)))
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


def _ordered_by_radius(
    representatives: np.ndarray, window: tuple[int, ...]
) -> np.ndarray:
    """Numbers the orbits 0, 1, …: nearest to the centre first, then by position."""
    found = np.unique(representatives[representatives >= 0])
    per_cell = len(representatives) // math.prod(window)
    radii = (window_offsets(window) ** 2).sum(axis=1)[found // per_cell]
    ordered = found[np.lexsort((found, radii))]
    rank = np.full(len(representatives) + 1, -1)
    rank[ordered] = np.arange(len(ordered))
    return rank[representatives]


def _read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
