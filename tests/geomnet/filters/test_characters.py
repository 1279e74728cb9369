"""Counts by characters, against traces of explicit matrices and other formulas."""

import itertools
import math

import numpy as np
import pytest

from geomnet import Group, TensorType, hyperoctahedral, reflections, rotations, trivial
from geomnet._group import determinants
from geomnet.filters._characters import (
    count_covariants,
    count_filters,
    tensor_character,
    window_character,
    window_offsets,
    within,
)

GROUPS = [hyperoctahedral(2), rotations(2), hyperoctahedral(3), reflections(3)]
TYPES = ["0+", "0-", "1+", "1-", "2+", "2s-", "2a+", "3+", "3s+", "3a-", "4s+"]


def projector(k, d, symmetry):
    """Onto the (anti)symmetric tensors, as an explicit matrix."""
    identity = np.eye(d**k).reshape((d,) * 2 * k)
    total = np.zeros_like(identity)
    for p in itertools.permutations(range(k)):
        swaps = sum(a > b for a, b in itertools.combinations(p, 2))
        sign = (-1) ** swaps if symmetry == "a" else 1
        total += sign * np.transpose(identity, (*p, *range(k, 2 * k)))
    return total.reshape(d**k, d**k) / math.factorial(k)


@pytest.mark.parametrize("group", GROUPS, ids=str)
@pytest.mark.parametrize("text", TYPES)
def test_tensor_characters_are_traces_of_kronecker_products(group, text):
    tensor_type = TensorType.parse(text)
    k, d = tensor_type.order, group.num_spatial_dims
    symmetric = projector(k, d, tensor_type.symmetry) if tensor_type.symmetry else None
    for g, det, character in zip(
        group.elements.astype(float),
        determinants(group),
        tensor_character(group, tensor_type),
        strict=True,
    ):
        matrix = np.eye(1)
        for _ in range(k):
            matrix = np.kron(matrix, g)
        if symmetric is not None:
            matrix = symmetric @ matrix
        expected = np.trace(matrix) * (det if tensor_type.parity < 0 else 1)
        assert character == round(expected)


def test_window_characters_count_the_cells_that_stay():
    group = hyperoctahedral(2)
    for window in [(1, 1), (2, 2), (3, 3), (4, 4)]:
        fixed = window_character(group, window)
        assert fixed[0] == math.prod(window), "the identity leaves every cell"
        # Burnside: the mean number of fixed cells is the number of orbits.
        cells = [tuple(c) for c in window_offsets(window).tolist()]
        assert sum(fixed) / group.order == len({group.orbit(c) for c in cells})


def test_offsets_are_doubled_so_that_even_windows_are_exact():
    np.testing.assert_array_equal(window_offsets((2,))[:, 0], [-1, 1])
    np.testing.assert_array_equal(window_offsets((3,))[:, 0], [-2, 0, 2])
    assert within((3, 3), 1).sum() == 5
    assert within((3, 3, 3), math.sqrt(3)).all()
    assert within((2, 2), 0.5).sum() == 0


def test_the_character_at_the_identity_is_the_dimension():
    for d, text, dimension in [
        (3, "2s+", 6),
        (3, "2a-", 3),
        (2, "3s+", 4),
        (3, "3a+", 1),
    ]:
        assert tensor_character(trivial(d), TensorType.parse(text)) == (dimension,)


def test_known_numbers_of_filters_of_the_square():
    group = hyperoctahedral(2)
    known = {"0+": 3, "0-": 0, "1+": 2, "1-": 2, "2+": 5, "2-": 5}
    for text, number in known.items():
        assert count_filters(group, (TensorType.parse(text),), (3, 3)) == number


def test_the_trivial_group_leaves_every_pair_alone():
    for text, k in [("0-", 0), ("1+", 1), ("3-", 3)]:
        count = count_filters(trivial(3), (TensorType.parse(text),), (2, 3, 1))
        assert count == 6 * 3**k


def test_kernel_counts_are_filters_of_the_product_type():
    group = hyperoctahedral(3)
    pair = (TensorType.parse("1-"), TensorType.parse("1+"))
    as_one = (TensorType.parse("2-"),)
    assert count_filters(group, pair, (3,) * 3) == count_filters(
        group, as_one, (3,) * 3
    )


def test_covariants_of_the_trivial_group_are_all_polynomials():
    for d in (1, 2, 3):
        counts = count_covariants(trivial(d), (TensorType.parse("1+"),), 6)
        assert counts == tuple(d * math.comb(m + d - 1, d - 1) for m in range(7))


def test_covariant_counts_see_the_determinant():
    # Under one mirror x -> -x, pseudoscalars are x times functions of x² and y.
    mirror = Group.from_generators([((-1, 0), (0, 1))])
    assert count_covariants(mirror, (TensorType.parse("0-"),), 3) == (0, 1, 1, 2)
    assert count_covariants(mirror, (TensorType.parse("0+"),), 3) == (1, 1, 2, 2)
