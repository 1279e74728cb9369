"""Covariant polynomials: symbolic covariance, and counts against the Molien series."""

import itertools

import pytest
import sympy
from hypothesis import given, settings, strategies as st

from geomnet import (
    Group,
    TensorType,
    covariant_generators,
    covariants,
    cyclic,
    hyperoctahedral,
    is_covariant,
    molien_coefficients,
    molien_series,
    primary_invariants,
    reflections,
    reynolds_operator,
    rotations,
    secondary_invariants,
    trivial,
)
from geomnet.filters._characters import tensor_character
from geomnet.filters._covariant_basis import monomial_exponents
from geomnet.filters._invariants import interpolate, offset_symbols

from ..test_group import generators

x, y, z = sympy.symbols("x y z")
t = sympy.Symbol("t")
GROUPS = [hyperoctahedral(2), rotations(2), reflections(2), hyperoctahedral(3)]
GROUPS += [rotations(3), hyperoctahedral(1), trivial(2), cyclic(2)]
GROUPS += [hyperoctahedral(2) * trivial(1)]


def equal(a, b):
    return sympy.simplify(a - b) == 0


@pytest.mark.parametrize("group", GROUPS, ids=str)
@pytest.mark.parametrize("text", ["0+", "0-", "1+", "1-", "2s+"])
def test_molien_series_is_the_mean_of_molien_s_theorem(group, text):
    characters = tensor_character(group, TensorType.parse(text))
    d = group.num_spatial_dims
    mean = sum(
        c / (sympy.eye(d) - t * sympy.Matrix(g.tolist())).det()
        for c, g in zip(characters, group.elements, strict=True)
    )
    assert equal(molien_series(group, text), mean / group.order)


def test_molien_series_of_the_square_and_the_cube_are_those_of_the_books():
    square, cube = hyperoctahedral(2), hyperoctahedral(3)
    assert equal(molien_series(square, "0+"), 1 / ((1 - t**2) * (1 - t**4)))
    assert equal(molien_series(square, "0-"), t**4 / ((1 - t**2) * (1 - t**4)))
    assert equal(molien_series(square, "1-"), t / (1 - t**2) ** 2)
    cubic = (1 - t**2) * (1 - t**4) * (1 - t**6)
    assert equal(molien_series(cube, "0+"), 1 / cubic)
    assert equal(molien_series(cube, "1+"), (t + t**3 + t**5) / cubic)
    assert equal(molien_series(rotations(3), "0+"), (1 + t**9) / cubic)


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_coefficients_are_the_expansion_and_count_the_covariants(group):
    for text in ("0-", "1+", "2a-"):
        coefficients = molien_coefficients(group, text, 6)
        expansion = sympy.series(molien_series(group, text), t, 0, 7).removeO()
        assert coefficients == tuple(expansion.coeff(t, m) for m in range(7))
        found = tuple(len(covariants(group, text, m)) for m in range(7))
        assert found == coefficients


@settings(max_examples=20, deadline=None, derandomize=True)
@given(generators(), st.integers(0, 2), st.sampled_from("+-"), st.integers(0, 4))
def test_random_subgroups_have_as_many_covariants_as_molien_says(
    matrices, order, parity, degree
):
    group = Group.from_generators(matrices)
    text = f"{order}{parity}"
    found = covariants(group, text, degree)
    assert len(found) == molien_coefficients(group, text, degree)[-1]
    for polynomial in found[:3]:
        assert is_covariant(group, text, polynomial)


@pytest.mark.parametrize("group", GROUPS, ids=str)
@pytest.mark.parametrize("text", ["0+", "0-", "1+", "1-"])
def test_generators_are_covariant_and_generate_what_the_series_counts(group, text):
    d = group.num_spatial_dims
    found = covariant_generators(group, text)
    for polynomial in found:
        assert is_covariant(group, text, polynomial)
    # Products with invariants span every degree: rank against the series.
    top = min(d * d, 6) + 2
    counts = molien_coefficients(group, text, top)
    degrees = [degree_of(p) for p in found]
    for degree in range(top + 1):
        rows = [
            coefficients(sympy.Array(invariant * sympy.Array(p)), degree, d)
            for p, m in zip(found, degrees, strict=True)
            if m <= degree
            for invariant in covariants(group, "0+", degree - m)
        ]
        rank = sympy.Matrix(rows).rank() if rows else 0
        assert rank == counts[degree]


@pytest.mark.parametrize("group", GROUPS, ids=str)
@pytest.mark.parametrize("text", ["0+", "0-", "1+", "2s-"])
def test_over_the_primary_invariants_the_numerator_counts_the_generators(group, text):
    full = hyperoctahedral(group.num_spatial_dims)
    found = covariant_generators(group, text, over=full)
    numerator = sum(t ** degree_of(p) for p in found)
    denominator = molien_series(full, "0+")
    assert equal(molien_series(group, text), numerator * denominator)
    dimension = tensor_character(group, TensorType.parse(text))[0]
    assert len(found) == dimension * full.order // group.order, "the module is free"


def test_generators_of_the_square_read_as_in_the_books():
    square = hyperoctahedral(2)
    assert covariant_generators(square, "0+") == (1,)
    assert covariant_generators(square, "0-") == (x**3 * y - x * y**3,)
    vectors = covariant_generators(square, "1+")
    assert vectors == (sympy.Array([x, y]), sympy.Array([x**3, y**3]))
    pseudovectors = covariant_generators(square, "1-")
    assert pseudovectors == (sympy.Array([-y, x]), sympy.Array([-(y**3), x**3]))
    assert covariant_generators(square, "1+", max_degree=1) == vectors[:1]


def test_primary_and_secondary_invariants():
    assert primary_invariants(3) == (
        x**2 + y**2 + z**2,
        x**4 + y**4 + z**4,
        x**6 + y**6 + z**6,
    )
    for d in (1, 2, 3):
        assert secondary_invariants(hyperoctahedral(d)) == (1,)
        for invariant in primary_invariants(d):
            assert is_covariant(hyperoctahedral(d), "0+", invariant)
        product = sympy.prod([1 - t ** (2 * i) for i in range(1, d + 1)])
        assert equal(molien_series(hyperoctahedral(d), "0+"), 1 / product)
    assert secondary_invariants(rotations(2)) == (1, x**3 * y - x * y**3)
    degrees = [degree_of(p) for p in secondary_invariants(rotations(3))]
    assert degrees == [0, 9]


def test_the_reynolds_operator_is_a_projection_onto_the_covariants():
    for group, text, polynomial in [
        (hyperoctahedral(2), "1+", [x**3 * y**2 + y, x]),
        (rotations(2), "1-", [x, x * y + 3 * y]),
        (hyperoctahedral(2), "0-", x**3 * y + 5 * x),
        (hyperoctahedral(3), "2+", [[x**2, x * y, 1], [z, 0, 0], [0, 0, y**2]]),
    ]:
        mean = reynolds_operator(group, text, polynomial)
        assert is_covariant(group, text, mean)
        assert reynolds_operator(group, text, mean) == mean
    square = hyperoctahedral(2)
    assert reynolds_operator(square, "0-", x**2) == 0
    for covariant in covariants(square, "2-", 4):
        assert reynolds_operator(square, "2-", covariant) == covariant


def test_the_check_of_covariance_can_fail():
    square = hyperoctahedral(2)
    assert is_covariant(square, "1-", [-y, x])
    assert not is_covariant(square, "1+", [-y, x])
    assert not is_covariant(square, "1+", [x, -y])
    assert not is_covariant(square, "0+", x)
    assert is_covariant(rotations(2), "1+", [-y, x]), "rotations do not see parity"


def test_interpolation_takes_the_lowest_degree():
    types = (TensorType.parse("1+"),)
    square = hyperoctahedral(2)
    low = interpolate(square, types, [(2, 0)], [[1, 0]])
    assert low == sympy.Array([x, y])
    both = interpolate(square, types, [(2, 0), (4, 0)], [[1, 0], [3, 0]])
    assert both.subs({x: 2, y: 0}) == sympy.Array([3, 0])
    assert both.subs({x: 0, y: 1}) == sympy.Array([0, 1])
    with pytest.raises(AssertionError, match="no covariant"):
        interpolate(square, types, [(2, 0)], [[0, 1]])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: molien_coefficients(GROUPS[0], "1+", -1), "`max_degree`"),
        (lambda: covariants(GROUPS[0], "1+", -1), "`degree`"),
        (lambda: molien_series(GROUPS[0], "9"), "not a tensor type"),
        (lambda: covariant_generators(GROUPS[0], "1+", over=GROUPS[1]), "`over`"),
        (lambda: covariant_generators(GROUPS[0], "1+", over=GROUPS[3]), "`over`"),
        (lambda: reynolds_operator(GROUPS[0], "1+", x), r"shape \(2,\)"),
        (lambda: is_covariant(GROUPS[0], "0+", [x, y]), "shape"),
    ],
)
def test_bad_input_is_refused_with_what_would_work(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def entries_of(polynomial):
    array = sympy.Array(polynomial)
    return sympy.flatten(array) if array.shape else [array[()]]


def degree_of(polynomial):
    degrees = {
        sum(exponent)
        for entry in entries_of(polynomial)
        if entry != 0
        for exponent in sympy.Poly(entry, x, y, z).monoms()
    }
    [degree] = degrees
    return degree


def coefficients(polynomial, degree, d):
    symbols = offset_symbols(d)
    polys = [sympy.Poly(entry, *symbols) for entry in entries_of(polynomial)]
    places = [tuple(e) for e in monomial_exponents(d, degree).tolist()]
    return [p.coeff_monomial(e) for p, e in itertools.product(polys, places)]
