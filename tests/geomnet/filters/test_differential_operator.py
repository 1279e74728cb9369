"""Names of filters, verified by expanding them on a smooth function in sympy."""

from fractions import Fraction

import numpy as np
import pytest
import sympy

from geomnet import (
    TensorType,
    filter_basis,
    hyperoctahedral,
    kernel_basis,
    recognise,
    rotations,
    stencil,
)
from geomnet.filters._differential_operator import moments, named_operators

SQUARE, CUBE = hyperoctahedral(2), hyperoctahedral(3)
h = sympy.Symbol("h")
X = sympy.symbols("x y z")


def apply_to_smooth(array, d, in_order, terms):
    """`Σ_x K(x) f(h x)` for f a polynomial with a symbol for every derivative at 0.

    An expansion apart from the library: substitution in sympy, no moments.
    """
    in_shape = (d,) * in_order
    fields = {}
    for index in np.ndindex(*in_shape):
        name = "f" + "".join(map(str, index))
        fields[index] = sum(
            sympy.Symbol(name + "_" + "".join(map(str, e)))
            * sympy.prod([X[i] ** n / sympy.factorial(n) for i, n in enumerate(e)])
            for e in np.ndindex(*(terms,) * d)
            if sum(e) < terms
        )
    window = array.shape[:d]
    out_shape = array.shape[d : array.ndim - in_order]
    result = np.full(out_shape, sympy.Integer(0), dtype=object)
    for cell in np.ndindex(*window):
        at = {
            X[i]: h * sympy.Rational(2 * c - window[i] + 1, 2)
            for i, c in enumerate(cell)
        }
        for out in np.ndindex(*out_shape):
            for index in np.ndindex(*in_shape):
                value = array[(*cell, *out, *index)]
                if value:
                    number = sympy.Rational(value.numerator, value.denominator)
                    result[out] += number * fields[index].subs(at)
    return np.vectorize(sympy.expand, otypes=[object])(result)


def derivative(index, *axes, d):
    exponents = [0] * d
    for axis in axes:
        exponents[axis] += 1
    return sympy.Symbol(
        "f" + "".join(map(str, index)) + "_" + "".join(map(str, exponents))
    )


def operators(d):
    """What each name means, written out by hand: name, types, function of out index."""
    D = lambda index, *axes: derivative(index, *axes, d=d)  # noqa: E731
    r = range(d)
    common = [
        ("identity", "0+", "0+", lambda: D(())),
        ("laplacian", "0+", "0+", lambda: sum(D((), a, a) for a in r)),
        ("gradient", "1+", "0+", lambda a: D((), a)),
        ("divergence", "0+", "1+", lambda: sum(D((a,), a) for a in r)),
        ("laplacian", "1+", "1+", lambda a: sum(D((a,), b, b) for b in r)),
        (
            "gradient of the divergence",
            "1+",
            "1+",
            lambda a: sum(D((b,), a, b) for b in r),
        ),
        ("hessian", "2s+", "0+", lambda a, b: D((), a, b)),
        ("gradient", "2+", "1+", lambda a, b: D((b,), a)),
        ("strain", "2s+", "1+", lambda a, b: (D((a,), b) + D((b,), a)) / 2),
        ("rotation", "2a+", "1+", lambda a, b: (D((b,), a) - D((a,), b)) / 2),
        ("divergence", "1+", "2+", lambda b: sum(D((a, b), a) for a in r)),
        ("trace", "0+", "2s+", lambda: sum(D((a, a)) for a in r)),
    ]
    if d == 2:
        return [
            *common,
            ("rotated gradient", "1-", "0+", lambda a: (-D((), 1), D((), 0))[a]),
            ("curl", "1-", "0+", lambda a: (D((), 1), -D((), 0))[a]),
            ("curl", "0-", "1+", lambda: D((1,), 0) - D((0,), 1)),
            ("quarter turn", "1-", "1+", lambda a: (-D((1,)), D((0,)))[a]),
        ]
    curl = [(1, 2), (2, 0), (0, 1)]
    return [
        *common,
        (
            "curl",
            "1-",
            "1+",
            lambda a: D((curl[a][1],), curl[a][0]) - D((curl[a][0],), curl[a][1]),
        ),
    ]


def leading(expression):
    """The coefficients of h^0, h^1, …"""
    return [expression.coeff(h, m) for m in range(9)]


def check_stencil(d, case, size, accuracy):
    name, out, inn, expected = case
    group = hyperoctahedral(d)
    bank = (
        kernel_basis(group, out, inn, size)
        if inn != "0+"
        else filter_basis(group, out, size)
    )
    coefficients = stencil(bank, name, accuracy)
    array = np.tensordot(np.array(coefficients), bank.array.astype(object), 1)
    in_order = TensorType.parse(inn).order
    # The bank knows h = 1; with f(h x) each derivative brings one h.
    result = apply_to_smooth(array, d, in_order, accuracy + 4)
    if inn[1] == "s":
        # A symmetric input has equal off-diagonal components: none in a trace.
        assert in_order == 2
    for index in np.ndindex(*result.shape):
        series = leading(sympy.expand(result[index]))
        wanted = sympy.expand(expected(*index))
        first = [m for m, term in enumerate(series) if term != 0]
        if wanted == 0:
            assert not first or first[0] >= accuracy
            continue
        degree = first[0]
        assert sympy.expand(series[degree] - wanted) == 0, name
        assert all(term == 0 for term in series[degree + 1 : degree + accuracy]), name


@pytest.mark.parametrize("case", operators(2), ids=lambda c: f"{c[0]} {c[1]}<-{c[2]}")
@pytest.mark.parametrize(("size", "accuracy"), [(3, 2), (5, 4)])
def test_plane_stencils_are_the_operators_to_their_order(case, size, accuracy):
    check_stencil(2, case, size, accuracy)


@pytest.mark.parametrize("case", operators(3), ids=lambda c: f"{c[0]} {c[1]}<-{c[2]}")
def test_space_stencils_are_the_operators_to_second_order(case):
    check_stencil(3, case, 3, 2)


@pytest.mark.slow
@pytest.mark.parametrize("case", operators(3), ids=lambda c: f"{c[0]} {c[1]}<-{c[2]}")
def test_space_stencils_are_the_operators_to_fourth_order(case):
    check_stencil(3, case, 5, 4)


@pytest.mark.parametrize("case", operators(2), ids=lambda c: f"{c[0]} {c[1]}<-{c[2]}")
@pytest.mark.parametrize(("size", "accuracy"), [(3, 2), (5, 4)])
def test_what_stencil_builds_recognise_reads(case, size, accuracy):
    name, out, inn, _ = case
    types = (TensorType.parse(out), TensorType.parse(inn))
    bank = kernel_basis(SQUARE, out, inn, size)
    coefficients = stencil(bank, name, accuracy)
    scale = np.lcm.reduce([c.denominator for c in coefficients])
    array = np.tensordot(
        np.array([int(c * scale) for c in coefficients]), bank.array.astype(int), 1
    )
    operator = recognise(array, SQUARE, types)
    assert operator.is_named
    assert operator.accuracy is None or operator.accuracy >= accuracy
    if name == "curl" and inn == "0+":
        # The same up to sign; the name of a filter is the rotated gradient.
        assert (operator.name, operator.scale) == ("rotated gradient", -scale)
    else:
        assert (operator.name.lower(), operator.scale) == (name, scale)


def test_filters_have_the_names_of_the_books():
    assert filter_basis(SQUARE, "0+", 3).names[0] == "identity"
    gradients = filter_basis(SQUARE, "1+", 3).names
    assert gradients == ("2 h gradient + O(h³)", "4 h gradient + O(h³)")
    turned = filter_basis(SQUARE, "1-", 3).names
    assert turned == ("2 h rotated gradient + O(h³)", "4 h rotated gradient + O(h³)")
    assert filter_basis(CUBE, "1+", 3).names[0] == "2 h gradient + O(h³)"
    [curl] = kernel_basis(SQUARE, "0-", "1+", 2).names
    assert curl == "2 h curl + O(h³)"


def test_combinations_are_recognised():
    scalar = filter_basis(SQUARE, "0+", 3).array.astype(int)
    five_point = recognise(scalar[1] - 4 * scalar[0], SQUARE, (TensorType(0, 1),))
    assert str(five_point) == "h² Laplacian + O(h⁴)"
    nine_point = recognise(
        4 * scalar[1] + scalar[2] - 20 * scalar[0], SQUARE, (TensorType(0, 1),)
    )
    assert (nine_point.name, nine_point.scale, nine_point.accuracy) == (
        "Laplacian",
        6,
        2,
    )
    cross = recognise(
        4 * scalar[0] - 2 * scalar[1] + scalar[2], SQUARE, (TensorType(0, 1),)
    )
    assert str(cross) == "h⁴ ∂x²∂y² + O(h⁶)"
    assert not cross.is_named
    turn = filter_basis(rotations(2), "1+", 3).array.astype(int)
    both = recognise(turn[0] + turn[1], rotations(2), (TensorType(1, 1),))
    assert both.is_named
    assert "gradient" in both.name
    assert "rotated gradient" in both.name


def test_a_filter_that_is_zero_says_so():
    zero = recognise(np.zeros((3, 3), int), SQUARE, (TensorType(0, 1),))
    assert (zero.name, zero.scale) == ("zero", 0)


def test_moments_are_exact_sums():
    array = np.array([[1, 0, -1]])
    assert moments(array, (3,), 0) == [{}]
    assert moments(array, (3,), 1) == [{0: Fraction(-2)}]
    assert moments(array, (3,), 3) == [{0: Fraction(-2, 6)}]
    assert moments(np.array([[1, 1]]), (2,), 2) == [{0: Fraction(1, 4)}]
    assert moments(np.zeros((0, 3), int), (3,), 2) == []


def test_names_are_distinct_operators():
    for d in (1, 2, 3):
        for out, inn in [
            ("0+", "0+"),
            ("1+", "0+"),
            ("1+", "1+"),
            ("2+", "1+"),
            ("2s+", "2s+"),
        ]:
            found = named_operators(d, (TensorType.parse(out), TensorType.parse(inn)))
            assert len({name for name, _, _ in found}) == len(found)
            assert len({(tuple(sorted(row.items())), m) for _, row, m in found}) == len(
                found
            )
