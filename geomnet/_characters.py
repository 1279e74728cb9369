"""How many invariant filters there are, by the character average alone.

The count needs no filter: the dimension of the invariants of a representation is the
mean of its character over the group (Burnside's lemma with signs; Serre, *Linear
Representations of Finite Groups*, Sec. 2.3). `_filters.py` builds the filters and must
find as many.
"""

import functools
import itertools
import math
from fractions import Fraction

import numpy as np

from ._group import Group, determinants
from ._signature import TensorType


def count_filters(
    group: Group, types: tuple[TensorType, ...], window: tuple[int, ...]
) -> int:
    """The number of invariant filters on a window, in the product of tensor types.

    `(1/|G|) Σ_g (pixels that g leaves in place) · Π_types character(g)`, in integers.

    **Arguments:**

    - `types`: one type for a filter, `(out, in)` for the kernel of a convolution.
    - `window`: cells along each axis, such as `(3, 3)`.
    """
    total = sum(
        fixed * math.prod(character)
        for fixed, *character in zip(
            window_character(group, window),
            *(tensor_character(group, tensor_type) for tensor_type in types),
            strict=True,
        )
    )
    count = Fraction(total, group.order)
    assert count.denominator == 1, "a dimension is a whole number"
    return int(count)


@functools.cache
def window_character(group: Group, window: tuple[int, ...]) -> tuple[int, ...]:
    """For each element, how many cells of the window it leaves in place."""
    offsets = window_offsets(window)
    moved = group.elements.astype(int) @ offsets.T
    return tuple((moved == offsets.T).all(axis=1).sum(axis=1).tolist())


@functools.cache
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
        lengths = _cycle_lengths(permutation)
        sign = (-1) ** (k - len(lengths)) if tensor_type.symmetry == "a" else 1
        total += sign * math.prod(power_traces[n] for n in lengths)
    return tuple((parity * total // math.factorial(k)).tolist())


def window_offsets(window: tuple[int, ...]) -> np.ndarray:
    """*Twice* the offset of each cell from the window's centre, `(cells, d)`, integer.

    Twice, so that windows of even size, whose centre is a corner of cells, are exact.
    """
    axes = [2 * np.arange(size) - (size - 1) for size in window]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(window))


def _cycle_lengths(permutation: tuple[int, ...]) -> list[int]:
    lengths, seen = [], set()
    for start in range(len(permutation)):
        length, i = 0, start
        while i not in seen:
            seen.add(i)
            i = permutation[i]
            length += 1
        if length:
            lengths.append(length)
    return lengths
