"""How many invariant filters and covariants there are, by the character average alone.

The count needs no filter: the dimension of the invariants of a representation is the
mean of its character over the group (Burnside's lemma with signs; Serre, *Linear
Representations of Finite Groups*, Sec. 2.3). `_bank.py` builds the filters and must
find as many.
"""

import functools
import itertools
import math

import numpy as np

from .._group import Group, determinants, signed_permutation
from .._signature import TensorType
from ._window import window_offsets, within


def count_filters(
    group: Group,
    types: tuple[TensorType, ...],
    window: tuple[int, ...],
    max_radius: float | int | None = None,
) -> int:
    """The number of invariant filters on a window, in the product of tensor types.

    `(1/|G|) Σ_g (pixels that g leaves in place) · Π_types character(g)`, in integers.

    **Arguments:**

    - `types`: one type for a filter, `(out, in)` for the kernel of a convolution.
    - `window`: cells along each axis, such as `(3, 3)`.
    - `max_radius`: only cells at most this far from the centre count.
    """
    return _mean(
        group,
        window_character(group, window, max_radius),
        *(tensor_character(group, tensor_type) for tensor_type in types),
    )


def count_covariants(
    group: Group, types: tuple[TensorType, ...], max_degree: int
) -> tuple[int, ...]:
    """The number of independent covariant polynomials of each degree 0..`max_degree`.

    The coefficients of the Molien series, as the mean of `h_m(g) Π_types character(g)`,
    where h_m is the character on polynomials of degree m: `1/det(1 - t g) = Σ h_m t^m`.
    """
    characters = [tensor_character(group, tensor_type) for tensor_type in types]
    return tuple(
        _mean(group, on_polynomials, *characters)
        for on_polynomials in zip(
            *(_polynomial_character(g, max_degree) for g in group.elements), strict=True
        )
    )


@functools.lru_cache(maxsize=1024)
def window_character(
    group: Group, window: tuple[int, ...], max_radius: float | int | None = None
) -> tuple[int, ...]:
    """For each element, how many cells of the window it leaves in place."""
    offsets = window_offsets(window)[within(window, max_radius)]
    moved = group.elements.astype(int) @ offsets.T
    return tuple((moved == offsets.T).all(axis=1).sum(axis=1).tolist())


@functools.lru_cache(maxsize=1024)
def tensor_character(group: Group, tensor_type: TensorType) -> tuple[int, ...]:
    """For each element, the trace of its action on one tensor of this type."""
    elements = group.elements.astype(int)
    k = tensor_type.order
    parity = determinants(group) if tensor_type.parity < 0 else np.ones(len(group), int)
    if not tensor_type.symmetry:
        traces = np.trace(elements, axis1=1, axis2=2) ** k
        return tuple((parity * traces).tolist())
    # The mean over exchanges of indices: a cycle of length n gives trace(g^n).
    power_traces = [
        np.trace(np.linalg.matrix_power(elements, n), axis1=1, axis2=2)
        for n in range(k + 1)
    ]
    total = np.zeros(len(group), int)
    for permutation in itertools.permutations(range(k)):
        lengths = [len(cycle) for cycle in _cycles(permutation)]
        sign = (-1) ** (k - len(lengths)) if tensor_type.symmetry == "a" else 1
        total += sign * math.prod(power_traces[n] for n in lengths)
    return tuple((parity * total // math.factorial(k)).tolist())


def _mean(group: Group, *characters: tuple[int, ...]) -> int:
    total = sum(math.prod(values) for values in zip(*characters, strict=True))
    assert total % group.order == 0, "a dimension is a whole number"
    return total // group.order


def _polynomial_character(g: np.ndarray, max_degree: int) -> list[int]:
    """The traces of one element on the homogeneous polynomials of degree 0, 1, …"""
    permutation, signs, _ = signed_permutation(g)
    series = [1] + [0] * max_degree
    for cycle in _cycles(permutation):
        sign = math.prod(signs[i] for i in cycle)
        # Divide by the factor 1 - sign t^length of det(1 - t g).
        for m in range(len(cycle), max_degree + 1):
            series[m] += sign * series[m - len(cycle)]
    return series


def _cycles(permutation: tuple[int, ...]) -> list[list[int]]:
    cycles, seen = [], set()
    for start in range(len(permutation)):
        cycle, i = [], start
        while i not in seen:
            seen.add(i)
            cycle.append(i)
            i = permutation[i]
        if cycle:
            cycles.append(cycle)
    return cycles
