"""Covariants of all rotations: checked under a rotation that no grid has."""

from typing import Any

import pytest
import sympy

from geomnet import hyperoctahedral, is_covariant, isotropic_covariants
from geomnet.filters._invariants import offset_symbols

TYPES = ["0+", "0-", "1+", "1-", "2+", "2-", "2s+", "2a-", "3+", "3-"]


def rotated(g, polynomial, parity, x):
    """`det^p ρ(g) p(g⁻¹ x)` for any orthogonal matrix of rationals."""
    back = dict(zip(x, g.T * sympy.Matrix(x), strict=True))
    moved: Any = sympy.Array(polynomial).subs(back, simultaneous=True)
    order = moved.rank()
    for _ in range(order):
        # Contract the first index and append the new one last: all take their turn.
        product = sympy.tensorproduct(moved, sympy.Array(g))
        moved = sympy.tensorcontraction(product, (0, order + 1))
    return moved * (g.det() if parity == "-" else 1)


def expand(array):
    array = sympy.Array(array)
    return [
        sympy.expand(e) for e in (sympy.flatten(array) if array.shape else [array[()]])
    ]


@pytest.mark.parametrize("text", TYPES)
def test_they_are_covariant_under_pythagorean_rotations_and_mirrors(text):
    c, s = sympy.Rational(3, 5), sympy.Rational(4, 5)
    plane = sympy.Matrix([[c, -s], [s, c]])
    turn = sympy.Matrix([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    other = sympy.Matrix([[1, 0, 0], [0, c, -s], [0, s, c]])
    for d, matrices in [
        (2, [plane, sympy.diag(-1, 1)]),
        (3, [turn, other, sympy.diag(1, 1, -1)]),
    ]:
        for polynomial in isotropic_covariants(d, text):
            assert is_covariant(hyperoctahedral(d), text, polynomial)
            for g in matrices:
                moved = rotated(g, polynomial, text[-1], offset_symbols(d))
                assert expand(moved) == expand(polynomial)


def test_the_check_tells_a_cubic_covariant_from_an_isotropic_one():
    x, y = offset_symbols(2)
    g = sympy.Matrix(
        [
            [sympy.Rational(3, 5), sympy.Rational(-4, 5)],
            [sympy.Rational(4, 5), sympy.Rational(3, 5)],
        ]
    )
    assert is_covariant(hyperoctahedral(2), "1+", [x**3, y**3])
    assert expand(rotated(g, [x**3, y**3], "+", (x, y))) != expand([x**3, y**3])


def test_they_read_as_in_the_books():
    x, y = offset_symbols(2)
    assert isotropic_covariants(2, "0+") == (1,)
    assert isotropic_covariants(2, "0-") == ()
    assert isotropic_covariants(2, "1+") == (sympy.Array([x, y]),)
    assert isotropic_covariants(2, "1-") == (sympy.Array([-y, x]),)
    delta, offsets = isotropic_covariants(2, "2+")
    assert delta == sympy.Array([[1, 0], [0, 1]])
    assert offsets == sympy.Array([[x * x, x * y], [x * y, y * y]])
    assert isotropic_covariants(3, "1-") == ()


@pytest.mark.parametrize(
    ("d", "text", "number"),
    # Dimensions of the invariants of O(d-1), the stabiliser of a point.
    [
        *[(2, "2+", 2), (2, "2-", 2), (2, "3+", 4), (2, "4+", 8), (1, "1-", 1)],
        *[(2, "2a-", 1), (3, "2a-", 1), (3, "3a-", 1), (3, "2a+", 0), (3, "2s-", 0)],
        *[(3, "2+", 2), (3, "2-", 1), (3, "3+", 4), (3, "3-", 3), (3, "4+", 10)],
    ],
)
def test_their_number_is_that_of_the_stabiliser_of_a_point(d, text, number):
    assert len(isotropic_covariants(d, text)) == number


def test_bad_dimensions_are_refused():
    with pytest.raises(ValueError, match="`num_spatial_dims` must be 1, 2 or 3"):
        isotropic_covariants(4, "1+")
