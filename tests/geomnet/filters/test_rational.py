"""Exact linear algebra, against floating point and by its own laws."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from geomnet.filters._rational import (
    null_space,
    primitive,
    rank,
    reduced_rows,
    solve,
    sparse_rows,
)

matrices = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda shape: st.lists(
        st.lists(st.integers(-2, 2), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(matrices)
def test_rank_and_null_space_agree_with_floating_point(entries):
    matrix = np.array(entries)
    rows = sparse_rows(matrix)
    assert rank(rows) == np.linalg.matrix_rank(matrix)
    kernel = null_space(rows, matrix.shape[1])
    assert len(kernel) == matrix.shape[1] - rank(rows)
    for vector in kernel:
        dense = np.array([vector.get(i, 0) for i in range(matrix.shape[1])])
        assert not (matrix @ dense).any()


@settings(max_examples=80, deadline=None, derandomize=True)
@given(matrices, st.randoms(use_true_random=False))
def test_the_reduced_form_depends_on_the_row_space_only(entries, random):
    rows = sparse_rows(np.array(entries))
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert reduced_rows(rows) == reduced_rows([*shuffled, shuffled[0]])


@settings(max_examples=80, deadline=None, derandomize=True)
@given(matrices)
def test_solve_finds_what_is_there_and_nothing_else(entries):
    vectors = sparse_rows(np.array(entries))
    target: dict[int, Fraction] = {}
    for i, vector in enumerate(vectors):
        for place, value in vector.items():
            target[place] = target.get(place, Fraction(0)) + Fraction(value, i + 2)
    solution = solve(vectors, target)
    assert solution is not None
    for place in range(len(entries[0])):
        total = sum(a * v.get(place, 0) for a, v in zip(solution, vectors, strict=True))
        assert total == target.get(place, 0)
    assert solve(vectors, {len(entries[0]): Fraction(1)}) is None


def test_the_earliest_vectors_are_used():
    assert solve([{0: 1}, {0: 2}, {1: 1}], {0: 4, 1: 3}) == [4, 0, 3]


def test_primitive_rows_are_whole_coprime_and_start_positive():
    row = primitive({1: Fraction(-1, 2), 3: Fraction(3, 4)}, 4)
    np.testing.assert_array_equal(row, [0, 2, 0, -3])


@pytest.mark.parametrize("shape", [(0, 3, 2), (2, 0), (0, 0)])
def test_empty_matrices_have_rank_zero(shape):
    assert rank(sparse_rows(np.zeros(shape, int))) == 0
