"""Covariants of all rotations and reflections: products of offset, δ and ε.

By the first fundamental theorem for O(d), every covariant is a sum of products of the
offset x_a, the identity δ_ab and, for odd parity, one Levi-Civita symbol ε, times
functions of the distance. A product is written by index letters, as for `einsum`.

**Reference:** Weyl (1946), *The Classical Groups*, Theorem 2.9.A.
"""

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .._arguments import checked
from .._signature import TensorType
from ._covariant_basis import Types, monomial_exponents
from ._invariants import as_sympy
from ._rational import reduced_rows

_LETTERS = "abcdefgh"


@checked
def isotropic_covariants(num_spatial_dims: int, type: "str | TensorType") -> Any:
    """The covariants of O(d), d = `num_spatial_dims`, of one `type`, as sympy tensors
    in the offset x, y, z.

    Every other one is a sum of these, each times a function of the distance: `(x, y)`
    for vectors, `δ` and `x⊗x` for tensors of order 2.

    **Raises:** `ValueError` for other dimensions, or a type that is not understood.
    """
    if num_spatial_dims not in (1, 2, 3):
        raise ValueError(
            f"`num_spatial_dims` must be 1, 2 or 3, got {num_spatial_dims}."
        )
    types = (TensorType.parse(type),)
    return tuple(
        as_sympy(monomial_exponents(num_spatial_dims, degree), row, types)
        for degree, row in isotropic_products(num_spatial_dims, types)
    )


@functools.lru_cache(maxsize=1024)
def isotropic_products(d: int, types: Types) -> tuple[tuple[int, np.ndarray], ...]:
    """`(degree, coefficients (monomials, components))`, lowest degree first.

    Independent of each other at every point but the centre, and there those of degree 0
    are: an isotropic tensor field is known on a sphere from one point of it.
    """
    order = sum(t.order for t in types)
    odd = math.prod(t.parity for t in types) < 0
    products = []
    for offsets, epsilon, free in _index_patterns(d, order, odd):
        row = symmetrise(contract(d, free, offsets, epsilon), types, d)
        if row.any():
            products.append((len(offsets), row))
    products.sort(key=lambda product: product[0])
    # The last monomial is x^degree, the only one that is not zero at (1, 0, 0).
    at_point = [row[-1] for _, row in products]
    columns = [
        {i: int(v[c]) for i, v in enumerate(at_point) if v[c]} for c in range(d**order)
    ]
    return tuple(products[min(row)] for row in reduced_rows(columns))


def contract(d: int, free: str, offsets: str, epsilon: str = "") -> np.ndarray:
    """A product of δ, x and ε as coefficients, `(monomials, components)`.

    **Arguments:**

    - `free`: one letter per index of the result; a letter that occurs twice is a δ.
    - `offsets`: the letters of the offsets. A letter that is not free is summed over.
    - `epsilon`: none, or d letters.
    """
    letters = sorted({*free, *offsets, *epsilon})
    exponents = monomial_exponents(d, len(offsets))
    place = {tuple(e): i for i, e in enumerate(exponents.tolist())}
    shape = (d,) * len(free)
    row = np.zeros((len(exponents), d ** len(free)), int)
    for values in itertools.product(range(d), repeat=len(letters)):
        index = dict(zip(letters, values, strict=True))
        sign = _levi_civita([index[letter] for letter in epsilon])
        if sign:
            exponent = [0] * d
            for letter in offsets:
                exponent[index[letter]] += 1
            where = tuple(index[letter] for letter in free)
            component = int(np.ravel_multi_index(where, shape)) if free else 0
            row[place[tuple(exponent)], component] += sign
    return row


def symmetrise(row: np.ndarray, types: Types, d: int) -> np.ndarray:
    """The sum over all exchanges of indices that the types ask for."""
    tensor = row.reshape(len(row), *(n for t in types for n in t.tensor_shape(d)))
    axis = 1
    for tensor_type in types:
        k = tensor_type.order
        if tensor_type.symmetry:
            total = np.zeros_like(tensor)
            for permutation in itertools.permutations(range(k)):
                axes = list(range(tensor.ndim))
                axes[axis : axis + k] = [axis + i for i in permutation]
                odd = _levi_civita(list(permutation)) < 0
                sign = -1 if odd and tensor_type.symmetry == "a" else 1
                total = total + sign * np.transpose(tensor, axes)
            tensor = total
        axis += k
    return tensor.reshape(row.shape)


def _index_patterns(d: int, order: int, odd: bool) -> Iterator[tuple[str, str, str]]:
    """Every product of one tensor: `(offsets, epsilon, free)` letters."""
    positions = tuple(range(order))
    if not odd:
        for singles, pairs in _pairings(positions):
            yield _pattern(order, singles, pairs, (), False)
        return
    for with_offset in (False, True):
        for held in itertools.combinations(positions, d - with_offset):
            others = tuple(p for p in positions if p not in held)
            for singles, pairs in _pairings(others):
                yield _pattern(order, singles, pairs, held, with_offset)


def _pattern(
    order: int,
    singles: tuple[int, ...],
    pairs: tuple[tuple[int, int], ...],
    held: tuple[int, ...],
    with_offset: bool,
) -> tuple[str, str, str]:
    letters = list(_LETTERS[:order])
    for a, b in pairs:
        letters[b] = letters[a]
    offsets = "".join(letters[p] for p in singles) + ("z" if with_offset else "")
    epsilon = ("z" if with_offset else "") + "".join(letters[p] for p in held)
    return offsets, epsilon, "".join(letters)


def _pairings(
    positions: tuple[int, ...],
) -> Iterator[tuple[tuple[int, ...], tuple[tuple[int, int], ...]]]:
    """Every way to pair some of the positions and leave the others single."""
    if not positions:
        yield (), ()
        return
    first, rest = positions[0], positions[1:]
    for singles, pairs in _pairings(rest):
        yield (first, *singles), pairs
    for partner in rest:
        others = tuple(p for p in rest if p != partner)
        for singles, pairs in _pairings(others):
            yield singles, ((first, partner), *pairs)


def _levi_civita(indices: list[int]) -> int:
    if len(set(indices)) < len(indices):
        return 0
    swaps = sum(a > b for a, b in itertools.combinations(indices, 2))
    return (-1) ** swaps
