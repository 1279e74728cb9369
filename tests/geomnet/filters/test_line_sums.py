"""Filters whose sums along the new axis are given ones."""

import numpy as np
import pytest

import geomnet as gn
from geomnet.filters._line_sums import lift

SQUARE, CUBE = gn.hyperoctahedral(2), gn.hyperoctahedral(3)
PAIRS = [(out, inp) for out in ("0+", "1+", "2a+") for inp in ("0+", "1+", "2s+")]


def banks(types, size, source=SQUARE, target=CUBE):
    out_type, in_type = types
    return (
        gn.kernel_basis(source, out_type, in_type, size),
        gn.kernel_basis(target, out_type, in_type, size),
    )


def in_plane(array, pairs):
    """Only the components without index z, of the last `pairs` axes."""
    for axis in range(1, pairs + 1):
        array = array.take([0, 1], axis=-axis)
    return array


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("types", PAIRS)
def test_line_sums_are_the_source_filters(types, size):
    source, target = banks(types, size)
    found = lift(source, target)
    assert not found.missed.any()
    filters = np.tensordot(found.matrix.T, target.array, 1)
    indices = sum(t.order for t in target.types)
    sums = filters.sum(axis=3)
    np.testing.assert_allclose(in_plane(sums, indices), source.array, atol=1e-12)
    # No plane input makes a component along z.
    inputs = in_plane(sums, target.types[1].order)
    total = np.square(inputs).sum()
    np.testing.assert_allclose(total, np.square(source.array.astype(int)).sum())


def test_every_kernel_between_scalars_and_vectors_has_a_counterpart():
    for size in (3, 5):
        for out_type in ("0+", "1+"):
            for in_type in ("0+", "1+"):
                found = lift(*banks((out_type, in_type), size))
                assert found.matrix.any()
                assert not found.missed.any()


@pytest.mark.parametrize("types", [("0+", "0+"), ("1+", "0+"), ("1+", "1+")])
def test_isotropic_filters_become_isotropic_ones(types):
    source, target = banks(types, 5)
    isotropic = gn.isotropic(source).coefficients
    lifted = isotropic @ lift(source, target).matrix.T
    known = gn.isotropic(target).coefficients
    rank = np.linalg.matrix_rank(known)
    assert np.linalg.matrix_rank(np.vstack([known, lifted])) == rank
    # Other filters of the square, as scalars have none, do not.
    others = lift(source, target).matrix.T
    assert (np.linalg.matrix_rank(np.vstack([known, others])) > rank) == (
        len(isotropic) < len(source)
    )


@pytest.mark.parametrize(
    ("types", "operator"),
    [
        (("0+", "0+"), "laplacian"),
        (("1+", "0+"), "gradient"),
        (("0+", "1+"), "divergence"),
        (("1+", "1+"), "gradient of the divergence"),
    ],
)
def test_a_stencil_of_the_plane_becomes_that_of_space(types, operator):
    source, target = banks(types, 3)
    coefficients = np.array(gn.stencil(source, operator), float)
    lifted = lift(source, target).matrix @ coefficients
    expected = np.array(gn.stencil(target, operator), float)
    for degree in (0, 1, 2):
        np.testing.assert_allclose(
            taylor(lifted, target, degree), taylor(expected, target, degree), atol=1e-12
        )


def taylor(coefficients, bank, degree):
    """What the filter does to each monomial of one degree."""
    kernel = np.tensordot(coefficients, bank.array, 1)
    x = np.moveaxis(np.indices(bank.window), 0, -1) - 1.0
    exponents = [
        e for e in np.ndindex(*(degree + 1,) * len(bank.window)) if sum(e) == degree
    ]
    return [np.tensordot((x**e).prod(axis=-1), kernel, len(e)) for e in exponents]


def test_what_makes_components_along_the_new_axis_is_missed():
    # A symmetric tensor from a scalar would get a diagonal component along z.
    source, target = banks(("2s+", "0+"), 3)
    assert np.linalg.matrix_rank(lift(source, target).missed) == 2
    # Of single taps, those of vectors from scalars point along z.
    source, target = banks(("1+", "0+"), 2)
    assert not lift(source, target).missed.any()
    assert lift(source, target, stride=2).missed.any()
    # A curl of the plane is no kernel that reflections of space keep.
    source, target = banks(("1+", "0+"), 3, source=gn.rotations(2))
    assert lift(source, target).missed.any()


def test_sums_over_one_tap_in_every_stride_are_the_source_filter_each():
    source, target = banks(("0+", "0+"), 4)
    found = lift(source, target, stride=2)
    assert not found.missed.any()
    filters = np.tensordot(found.matrix.T, target.array, 1)
    for start in (0, 1):
        sums = filters[..., start::2].sum(axis=3)
        np.testing.assert_allclose(sums, source.array, atol=1e-12)


def test_a_line_becomes_a_plane():
    source, target = banks(("1+", "1+"), 3, gn.hyperoctahedral(1), SQUARE)
    found = lift(source, target)
    filters = np.tensordot(found.matrix.T, target.array, 1)
    np.testing.assert_allclose(filters.sum(axis=2)[..., :1, :1], source.array)
    assert not found.missed.any()
