"""Groups of signed permutations: axioms, names, and the laws of orbits."""

import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from geomnet import Group, cyclic, hyperoctahedral, reflections, rotations, trivial
from geomnet._group import (
    determinants,
    permutation_and_signs,
    signed_permutation,
)

ORDERS = [
    (hyperoctahedral, lambda d: 2**d * math.factorial(d)),
    (rotations, lambda d: 2**d * math.factorial(d) // 2),
    (reflections, lambda d: 2**d),
    (trivial, lambda d: 1),
]
NAMED = [make(d) for make, _ in ORDERS for d in (1, 2, 3)]
NAMED += [cyclic(1), cyclic(2), cyclic(4)]
NAMED += [hyperoctahedral(2) * trivial(1), hyperoctahedral(2) * reflections(1)]
NAMED += [trivial(1) * cyclic(4), reflections(1) * reflections(1) * trivial(1)]


@st.composite
def generators(draw):
    d = draw(st.integers(1, 3))
    matrices = []
    for _ in range(draw(st.integers(1, 3))):
        axes = draw(st.permutations(range(d)))
        signs = draw(st.lists(st.sampled_from([1, -1]), min_size=d, max_size=d))
        matrix = np.zeros((d, d), int)
        matrix[range(d), list(axes)] = signs
        matrices.append(matrix.tolist())
    return matrices


def check_axioms(group):
    elements = {tuple(map(tuple, g)) for g in group.elements.astype(int).tolist()}
    assert len(elements) == group.order == len(group)
    np.testing.assert_array_equal(group.elements[0], np.eye(group.num_spatial_dims))
    for g in group.elements.astype(int):
        assert tuple(map(tuple, g.T.tolist())) in elements, "inverses"
        np.testing.assert_array_equal(g @ g.T, np.eye(len(g)))
        for h in group.elements.astype(int):
            assert tuple(map(tuple, (g @ h).tolist())) in elements, "closure"


@pytest.mark.parametrize("group", NAMED, ids=str)
def test_named_groups_satisfy_the_axioms(group):
    check_axioms(group)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(generators())
def test_generated_groups_satisfy_the_axioms_and_divide_the_full_group(matrices):
    group = Group.from_generators(matrices)
    check_axioms(group)
    full = hyperoctahedral(group.num_spatial_dims)
    assert group.is_subgroup(full)
    assert full.order % group.order == 0
    for matrix in matrices:
        assert np.asarray(matrix).tolist() in group.elements.tolist()


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize(("make", "order"), ORDERS)
def test_orders_are_those_of_the_books(make, order, d):
    assert make(d).order == order(d)


def test_rotations_have_determinant_one_and_are_half_of_the_full_group():
    for d in (1, 2, 3):
        assert (determinants(rotations(d)) == 1).all()
        assert determinants(hyperoctahedral(d)).sum() == 0
        assert not rotations(d).has_reflections
        assert hyperoctahedral(d).has_reflections


def test_determinants_agree_with_numpy():
    group = hyperoctahedral(3)
    expected = np.linalg.det(group.elements.astype(float)).round()
    np.testing.assert_array_equal(determinants(group), expected)


def test_permutation_and_signs_reproduce_the_matrix():
    group = hyperoctahedral(3)
    v = np.array([2, 3, 5])
    permutation, signs = permutation_and_signs(group)
    for g, p, s in zip(group.elements, permutation, signs, strict=True):
        np.testing.assert_array_equal(g @ v, s * v[p])
        assert signed_permutation(g)[:2] == (tuple(p.tolist()), tuple(s.tolist()))


@pytest.mark.parametrize("group", NAMED, ids=str)
def test_generators_generate_and_are_few(group):
    chosen = group.generators
    assert len(chosen) <= 3
    if chosen:
        assert Group.from_generators(chosen) == group
    else:
        assert group == trivial(group.num_spatial_dims)


@pytest.mark.parametrize("group", NAMED, ids=str)
def test_orbit_times_stabiliser_is_the_group(group):
    d = group.num_spatial_dims
    for point in itertools.product((0, 1, 2), repeat=d):
        stabiliser = group.stabiliser(point)
        assert stabiliser.is_subgroup(group)
        assert len(group.orbit(point)) * stabiliser.order == group.order


def test_products_leave_an_axis_alone():
    upright = hyperoctahedral(2) * trivial(1)
    assert upright.order == 8
    assert upright.orbit((0, 0, 1)) == ((0, 0, 1),)
    assert (hyperoctahedral(2) * reflections(1)).order == 16
    assert reflections(1) * reflections(1) == reflections(2)


def test_a_group_keeps_sides_that_it_exchanges_only_if_they_are_equal():
    around = hyperoctahedral(2) * trivial(1)
    assert around.keeps((4, 4, 3))
    assert not around.keeps((4, 3, 4))
    assert reflections(2).keeps((4, 3))
    assert not hyperoctahedral(2).keeps((4, 3))
    assert hyperoctahedral(2).keeps((3, 3))


def test_groups_are_values():
    a = Group.from_generators([((0, -1), (1, 0))])
    assert a == rotations(2) == cyclic(4)
    assert hash(a) == hash(rotations(2))
    assert a != hyperoctahedral(2)
    assert {a: "found"}[cyclic(4)] == "found"
    copy = pickle.loads(pickle.dumps(hyperoctahedral(3)))
    assert copy == hyperoctahedral(3)
    assert repr(copy) == "hyperoctahedral(3)"


def test_names_are_read_back():
    for group in NAMED:
        assert Group.from_name(repr(group)) == group
    assert Group.from_name("rotations", 3) == rotations(3)
    assert Group.from_name("hyperoctahedral(2) x trivial(1)").order == 8


def test_elements_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        hyperoctahedral(2).elements[0, 0, 0] = 5


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Group.from_generators([((1, 1), (0, 1))]), "not a signed permutation"),
        (lambda: Group.from_generators([((0.6, -0.8), (0.8, 0.6))]), "miss the grid"),
        (lambda: Group.from_generators([((1, 0, 0), (0, 1, 0))]), r"\(d, d\) matrix"),
        (lambda: Group.from_generators([]), r"trivial\(d\)"),
        (lambda: Group.from_generators([((1,),), ((1, 0), (0, 1))]), "same number"),
        (lambda: Group([((0, -1), (1, 0))]), "from_generators"),
        (lambda: Group([]), "at least the identity"),
        (lambda: Group([np.eye(4, dtype=int).tolist()]), "d = 1, 2 or 3"),
        (lambda: hyperoctahedral(4), "1, 2 or 3"),
        (lambda: cyclic(3), "1, 2 or 4"),
        (lambda: hyperoctahedral(2) * hyperoctahedral(2), "at most 3"),
        (lambda: hyperoctahedral(2).orbit((1, 0, 0)), r"shape \(2,\)"),
        (lambda: Group.from_name("dihedral", 2), "hyperoctahedral"),
        (lambda: Group.from_name("rotations"), "rotations\\(2\\)"),
        (lambda: Group.from_name("cyclic", 2), "cyclic\\(2\\)"),
    ],
)
def test_bad_input_is_refused_with_what_would_work(build, message):
    with pytest.raises(ValueError, match=message):
        build()
