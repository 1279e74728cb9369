"""Traceless and isotropic filters: exact, inside the bank, of the right dimension."""

import numpy as np
import pytest
import sympy

from geomnet import (
    TensorType,
    filter_basis,
    hyperoctahedral,
    is_covariant,
    isotropic,
    kernel_basis,
    recognise,
    rotations,
    traceless,
    trivial,
)
from geomnet.filters._characters import (
    tensor_character,
    window_character,
    window_offsets,
)
from geomnet.filters._invariants import offset_symbols

SQUARE, CUBE = hyperoctahedral(2), hyperoctahedral(3)


def count(group, window, characters):
    """The mean of a character, in whole numbers."""
    fixed = np.array(window_character(group, window))
    return int((fixed * characters).sum()) // group.order


@pytest.mark.parametrize(("group", "size"), [(SQUARE, 5), (rotations(2), 4), (CUBE, 3)])
@pytest.mark.parametrize("text", ["2+", "2-", "2s+", "3s+", "4s-"])
def test_traceless_filters_have_no_trace_and_are_all_of_them(group, size, text):
    space = traceless(filter_basis(group, text, size))
    assert space.array.dtype == np.int64
    traces = np.trace(space.array, axis1=-1, axis2=-2)
    assert not traces.any()
    # Characters: a symmetric tensor is a traceless one and a trace of order k - 2.
    tensor_type = TensorType.parse(text)
    k, sign = tensor_type.order, text[-1]
    rest = "s" if k >= 4 else ""
    trace_type = TensorType.parse(f"{k - 2}{rest}{sign}")
    characters = np.array(tensor_character(group, tensor_type))
    characters = characters - np.array(tensor_character(group, trace_type))
    assert len(space) == count(group, space.window, characters)


def test_every_trace_of_a_general_tensor_vanishes():
    space = traceless(filter_basis(SQUARE, "3+", 3))
    assert len(space) > 0
    for a, b in [(-3, -2), (-3, -1), (-2, -1)]:
        assert not np.trace(space.array, axis1=a, axis2=b).any()


def test_coefficients_are_coprime_whole_numbers():
    for space in (
        traceless(filter_basis(CUBE, "2s+", 3)),
        isotropic(filter_basis(SQUARE, "1+", 5)),
    ):
        assert (np.gcd.reduce(space.coefficients, axis=1) == 1).all()
        combined = np.tensordot(space.coefficients, space.bank.array.astype(int), 1)
        np.testing.assert_array_equal(space.array, combined)


@pytest.mark.parametrize(
    ("group", "text", "size"),
    [
        (SQUARE, "0+", 5),
        (SQUARE, "1-", 5),
        (SQUARE, "2s+", 5),
        (rotations(2), "1+", 4),
        (CUBE, "1+", 4),
        (CUBE, "2+", 3),
        (trivial(2), "1+", 3),
        (trivial(3), "2-", (3, 2, 3)),
    ],
)
def test_isotropic_filters_sample_products_of_offset_delta_and_epsilon(
    group, text, size
):
    bank = filter_basis(group, text, size)
    space = isotropic(bank)
    d = bank.num_spatial_dims
    offsets = window_offsets(bank.window)
    radii = (offsets**2).sum(axis=1)
    k = TensorType.parse(text).order
    flat = space.array.reshape(len(space), len(offsets), -1)
    eye = np.eye(d)
    for values in flat:
        shell = np.unique(radii[np.abs(values).sum(axis=1) > 0])
        assert len(shell) == 1, "one distance each"
        x = offsets[radii == shell[0]].astype(float)
        if k == 0:
            products = [np.ones((len(x), 1))]
        elif k == 1 and text[-1] == "+":
            products = [x]
        elif k == 1:
            products = [x @ np.array([[0, 1], [-1, 0]])]
        elif text[-1] == "+":
            products = [
                np.broadcast_to(eye, (len(x), d, d)),
                x[:, :, None] * x[:, None, :],
            ]
        else:
            cross = np.zeros((len(x), 3, 3))
            for a, b, c in [(0, 1, 2), (1, 2, 0), (2, 0, 1)]:
                cross[:, a, b] += x[:, c]
                cross[:, b, a] -= x[:, c]
            products = [cross]
        basis = np.stack([p.reshape(-1) for p in products], axis=1)
        wanted = values[radii == shell[0]].ravel().astype(float)
        fit = basis @ np.linalg.lstsq(basis, wanted)[0]
        np.testing.assert_allclose(fit, wanted, atol=1e-9)


def test_isotropic_dimensions():
    # One radial profile for each covariant: distances 0, 1, √2, 2, √5, √8 in 5x5.
    assert len(isotropic(filter_basis(SQUARE, "0+", 5))) == 6
    assert len(isotropic(filter_basis(SQUARE, "1+", 5))) == 5
    assert len(isotropic(filter_basis(SQUARE, "2s+", 5))) == 1 + 2 * 5
    assert len(isotropic(filter_basis(SQUARE, "0-", 5))) == 0
    # (3, 4) and (5, 0) share one profile.
    bank = filter_basis(SQUARE, "0+", 11)
    assert len(isotropic(bank)) == len(set(bank.squared_radii)) == len(bank) - 1
    same = isotropic(kernel_basis(SQUARE, "1+", "1+", 3))
    assert len(same) == len(isotropic(filter_basis(SQUARE, "2+", 3)))


def test_conditions_combine():
    space = traceless(isotropic(filter_basis(SQUARE, "2s+", 5)))
    assert len(space) == 5
    assert not np.trace(space.array, axis1=-1, axis2=-2).any()
    assert "traceless, isotropic" in space.report()
    assert "dimension                5 of 12" in space.report()


def test_polynomials_equal_the_filters_on_their_cells():
    spaces = [
        traceless(filter_basis(SQUARE, "2s+", 3)),
        isotropic(filter_basis(SQUARE, "1-", 5)),
        isotropic(filter_basis(SQUARE, "0+", 11)),
    ]
    for space in spaces:
        symbols = offset_symbols(2)
        half = (space.window[0] - 1) // 2
        for values, polynomial in zip(space.array, space.polynomials, strict=True):
            support = np.abs(values).reshape(*space.window, -1).sum(axis=-1)
            for cell in np.argwhere(support):
                at = dict(zip(symbols, (cell - half).tolist(), strict=True))
                expected = values[tuple(cell)].tolist()
                found = sympy.sympify(polynomial).subs(at)
                assert found == (
                    sympy.Array(expected) if np.ndim(expected) else expected
                )


def test_bad_input_is_refused_with_what_would_work():
    with pytest.raises(ValueError, match="order 2 or more"):
        traceless(filter_basis(SQUARE, "1+", 3))
    with pytest.raises(ValueError, match=r"traceless\(isotropic\(bank\)\)"):
        isotropic(traceless(filter_basis(SQUARE, "2+", 3)))


@pytest.mark.parametrize("make", [lambda bank: bank, isotropic])
def test_a_bank_and_a_subspace_are_sequences_of_filters_with_names(make):
    space = make(filter_basis(SQUARE, "0+", 3))
    filters = list(space)
    assert len(filters) == len(space) == len(space.names)
    for filter, name in zip(filters, space.names, strict=True):
        assert str(recognise(filter, SQUARE, space.types)) == name
    with pytest.raises(ValueError, match="`array` must have 2 axes"):
        recognise(filters[0][None], SQUARE, space.types)


@pytest.mark.parametrize("wrong", ["x**2", sympy.sqrt(offset_symbols(1)[0]), None])
def test_what_is_no_polynomial_is_no_covariant_and_named(wrong):
    x, y = offset_symbols(2)
    assert is_covariant(SQUARE, "0+", x**2 + y**2)
    assert not is_covariant(SQUARE, "0+", x**2)
    with pytest.raises(TypeError, match="must be a sympy polynomial in x, y, z"):
        is_covariant(SQUARE, "0+", wrong)
