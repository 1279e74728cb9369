"""Filter banks: invariant, independent, complete, for every group, type and window."""

import itertools
import math

import numpy as np
import pytest
import sympy
from hypothesis import given, settings, strategies as st

from geomnet import (
    GeometricImage,
    Group,
    Signature,
    TensorType,
    act,
    cyclic,
    filter_basis,
    hyperoctahedral,
    kernel_basis,
    reflections,
    rotations,
    trivial,
)
from geomnet.filters._characters import count_filters, window_offsets
from geomnet.filters._invariants import offset_symbols
from geomnet.filters._rational import rank, sparse_rows

from ..test_group import generators

PLANE = [hyperoctahedral(2), rotations(2), reflections(2), cyclic(2), trivial(2)]
PLANE += [
    Group.from_generators([((-1, 0), (0, 1))], "one mirror"),
    Group.from_generators([((0, 1), (1, 0))], "diagonal mirror"),
]
SPACE = [hyperoctahedral(3), rotations(3), reflections(3), trivial(3)]
SPACE += [hyperoctahedral(2) * trivial(1), hyperoctahedral(2) * reflections(1)]
SPACE += [cyclic(4) * trivial(1)]


def move(g, tensor_type, filters):
    """`g·C` of filters `(n, *window, *tensor)`, by matrices, apart from the library."""
    d = len(g)
    window = filters.shape[1 : d + 1]
    offsets = window_offsets(window)
    target = ((offsets @ g.T + np.array(window) - 1) // 2).T
    source = ((offsets + np.array(window) - 1) // 2).T
    moved = np.zeros_like(filters)
    moved[(slice(None), *target)] = filters[(slice(None), *source)]
    for axis in range(d + 1, d + 1 + tensor_type.order):
        moved = np.moveaxis(np.tensordot(g, moved, (1, axis)), 0, axis)
    sign = round(np.linalg.det(g)) if tensor_type.parity < 0 else 1
    return sign * moved


def check_bank(group, text, window):
    """Invariant under generators, disjoint, as many as the characters say."""
    tensor_type = TensorType.parse(text)
    bank = filter_basis(group, text, window)
    array = bank.array
    assert array.dtype == np.int8
    d = group.num_spatial_dims
    assert array.shape == (len(bank), *bank.window, *(d,) * tensor_type.order)
    assert len(bank) == count_filters(group, (tensor_type,), bank.window)
    flat = array.reshape(len(bank), math.prod(array.shape[1:]))
    assert (np.abs(flat).sum(axis=0) <= 1).all(), "disjoint supports, entries -1, 0, 1"
    assert np.abs(flat).any(axis=1).all(), "no filter is zero"
    for g in group.generators:
        moved = move(np.asarray(g), tensor_type, array.astype(int))
        np.testing.assert_array_equal(moved, array)
    return bank


@pytest.mark.parametrize("group", PLANE, ids=str)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_plane_banks_are_invariant_independent_and_complete(group, size):
    for order, parity in itertools.product(range(4), "+-"):
        check_bank(group, f"{order}{parity}", size)


@pytest.mark.parametrize("group", SPACE, ids=str)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_space_banks_are_invariant_independent_and_complete(group, size):
    for order, parity in itertools.product(range(3), "+-"):
        check_bank(group, f"{order}{parity}", size)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9])
def test_line_banks_are_invariant_independent_and_complete(size):
    for group in (hyperoctahedral(1), trivial(1)):
        for order, parity in itertools.product(range(5), "+-"):
            check_bank(group, f"{order}{parity}", size)


@pytest.mark.parametrize("group", PLANE + SPACE, ids=str)
def test_every_order_and_large_windows(group):
    sizes = range(1, 10) if group.num_spatial_dims == 2 else (4, 5, 6, 7)
    for size, order, parity in itertools.product(sizes, range(5), "+-"):
        bank = filter_basis(group, f"{order}{parity}", size)
        # Any combination of the filters is invariant; their count is checked within.
        # The dense array of a small group would be too large.
        weights = np.random.default_rng(0).integers(1, 100, len(bank) + 1)
        weights[-1] = 0
        image = (weights[bank.labels] * bank.signs)[None]
        for g in group.generators:
            moved = move(np.asarray(g), bank.types[0], image)
            np.testing.assert_array_equal(moved, image)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(generators(), st.integers(0, 3), st.sampled_from("+-"), st.data())
def test_random_subgroups_have_complete_banks(matrices, order, parity, data):
    group = Group.from_generators(matrices)
    d = group.num_spatial_dims
    if d == 3:
        order = min(order, 2)
    # One size for each orbit of axes: boxes where the group allows them.
    axes = {
        tuple(np.flatnonzero(np.abs(group.elements[:, i]).any(0))) for i in range(d)
    }
    sizes = {axis: data.draw(st.integers(1, 4)) for axis in sorted(axes)}
    window = [0] * d
    for linked, size in sizes.items():
        for i in linked:
            window[i] = size
    symmetry = data.draw(st.sampled_from(["", "s", "a"] if order > 1 else [""]))
    bank = check_bank(group, f"{order}{symmetry}{parity}", tuple(window))
    assert rank(sparse_rows(bank.array)) == len(bank)


def test_every_invariant_is_a_combination_of_the_filters():
    # Completeness by a third road: the group mean of any image is in the span.
    rng = np.random.default_rng(0)
    for group, text, size in [
        (PLANE[0], "2+", 3),
        (PLANE[1], "1-", 4),
        (SPACE[0], "1+", 3),
    ]:
        tensor_type = TensorType.parse(text)
        bank = filter_basis(group, text, size)
        image = rng.integers(-9, 9, size=(1, *bank.array.shape[1:]))
        elements = group.elements.astype(int)
        mean = np.sum([move(g, tensor_type, image) for g in elements], axis=0)
        basis = bank.array.reshape(len(bank), -1).astype(float)
        weights = (basis @ mean.ravel()) / (basis**2).sum(axis=1)
        np.testing.assert_allclose(weights @ basis, mean.ravel(), atol=1e-12)


def test_the_check_sees_a_broken_filter():
    bank = filter_basis(PLANE[0], "1+", 3)
    broken = bank.array.astype(int).copy()
    broken[0, 0, 1, 0] *= -1
    moves = [
        move(np.asarray(g), TensorType.parse("1+"), broken) for g in PLANE[0].generators
    ]
    assert any((moved != broken).any() for moved in moves)
    assert (
        move(np.asarray(PLANE[0].generators[0]), TensorType(1, -1), bank.array)
        != bank.array
    ).any() or (
        move(np.asarray(PLANE[0].generators[1]), TensorType(1, -1), bank.array)
        != bank.array
    ).any(), "a vector filter is no pseudovector filter"


@pytest.mark.parametrize(
    ("group", "text"), [(PLANE[0], "1-"), (SPACE[0], "2+"), (SPACE[4], "1+")]
)
def test_filters_are_images_that_act_leaves_alone(group, text):
    bank = filter_basis(group, text, 3)
    d = group.num_spatial_dims
    for values in bank.array:
        image = GeometricImage(Signature(text), values.reshape(*bank.window, -1), d)
        for g in group.generators:
            np.testing.assert_array_equal(act(g, image).array, image.array)


def test_kernels_commute_with_the_group():
    group = hyperoctahedral(2)
    for out, inn in itertools.product(["0-", "1+", "2+"], ["0+", "1-"]):
        bank = kernel_basis(group, out, inn, 3)
        k = TensorType.parse(out).order + TensorType.parse(inn).order
        parity = TensorType.parse(out).parity * TensorType.parse(inn).parity
        as_one = filter_basis(group, f"{k}{'+' if parity > 0 else '-'}", 3)
        np.testing.assert_array_equal(bank.array, as_one.array)


def test_symmetric_and_antisymmetric_tensors_are_stored_in_full():
    group = hyperoctahedral(3)
    full = filter_basis(group, "2+", 3)
    symmetric, antisymmetric = (
        filter_basis(group, "2s+", 3),
        filter_basis(group, "2a+", 3),
    )
    assert len(full) == len(symmetric) + len(antisymmetric)
    a = symmetric.array
    np.testing.assert_array_equal(a, np.swapaxes(a, -1, -2))
    b = filter_basis(rotations(3), "2a+", 3).array
    assert len(b) > 0
    np.testing.assert_array_equal(b, -np.swapaxes(b, -1, -2))


def test_filters_come_nearest_first():
    for bank in (filter_basis(PLANE[0], "2+", 5), filter_basis(SPACE[0], "1+", 4)):
        assert list(bank.squared_radii) == sorted(bank.squared_radii)


@pytest.mark.parametrize(
    "bank",
    [
        filter_basis(PLANE[0], "1+", 5),
        filter_basis(PLANE[1], "2-", 4),
        filter_basis(SPACE[4], "1-", (3, 3, 2)),
    ],
    ids=repr,
)
def test_orbits_and_stabilisers_are_on_record(bank):
    d = bank.num_spatial_dims
    assert sum(len(cells) for cells in bank.pixel_orbits) == math.prod(bank.window)
    for values, cells, stabiliser in zip(
        bank.array, bank.orbits, bank.stabilisers, strict=True
    ):
        assert len(cells) * stabiliser.order == bank.group.order
        support = np.abs(values).reshape(*bank.window, -1).sum(axis=-1)
        found = np.argwhere(support) - (np.array(bank.window) - 1) / 2
        assert {tuple(c) for c in found} == {tuple(c) for c in cells}
        for g in stabiliser.elements:
            np.testing.assert_array_equal(g @ cells[0], cells[0])
    # The count by a fourth road: tensors that the stabiliser of one cell allows.
    by_orbit = [
        count_filters(
            bank.group.stabiliser((2 * c[0]).astype(int)), bank.types, (1,) * d
        )
        for c in bank.pixel_orbits
    ]
    assert sum(by_orbit) == len(bank)


@pytest.mark.parametrize(
    "bank",
    [
        filter_basis(PLANE[0], "0-", 5),
        filter_basis(PLANE[0], "1-", 3),
        filter_basis(PLANE[0], "1+", 4),
        filter_basis(PLANE[1], "2+", 3),
        filter_basis(PLANE[5], "1+", (2, 3)),
        filter_basis(SPACE[0], "2s+", 3),
        filter_basis(hyperoctahedral(1), "1+", 4),
        kernel_basis(PLANE[0], "1-", "1+", 3),
    ],
    ids=repr,
)
def test_polynomials_equal_the_filters_on_their_orbits(bank):
    d = bank.num_spatial_dims
    symbols = offset_symbols(d)
    half = (np.array(bank.window) - 1) / 2
    assert len(bank.polynomials) == len(bank)
    for values, polynomial, cells in zip(
        bank.array, bank.polynomials, bank.orbits, strict=True
    ):
        for cell in cells:
            at = {s: sympy.Rational(str(c)) for s, c in zip(symbols, cell, strict=True)}
            tensor = polynomial.subs(at)
            expected = values[tuple((cell + half).astype(int))].tolist()
            assert tensor == (sympy.Array(expected) if np.ndim(expected) else expected)


def test_polynomials_read_as_in_the_books():
    x, y = offset_symbols(2)
    assert filter_basis(PLANE[0], "1-", 3).polynomials == (sympy.Array([-y, x]),) * 2
    assert filter_basis(PLANE[0], "1+", 3).polynomials == (sympy.Array([x, y]),) * 2
    [pseudoscalar] = filter_basis(PLANE[0], "0-", 5).polynomials
    assert sympy.expand(pseudoscalar - (x**3 * y - x * y**3) / 6) == 0


def test_max_radius_drops_the_cells_outside():
    group = hyperoctahedral(2)
    full = filter_basis(group, "1+", 5)
    near = filter_basis(group, "1+", 5, max_radius=2)
    assert len(near) == sum(r <= 16 for r in full.squared_radii) == 3
    np.testing.assert_array_equal(near.array, full.array[:3])
    assert len(filter_basis(hyperoctahedral(3), "0+", 3, max_radius=math.sqrt(2))) == 3


def test_the_report_shows_that_all_counts_agree():
    report = filter_basis(PLANE[0], "1-", 3).report()
    for line in [
        "hyperoctahedral(2), order 8",
        "1- (pseudovector) on 3x3",
        "orbits of pixels         3",
        "dimension by orbits      2",
        "dimension by characters  2",
        "rank over the rationals  2",
        "(-y, x)",
        "2 h rotated gradient + O(h³)",
    ]:
        assert line in report
    assert "dimension by orbits      0" in filter_basis(PLANE[0], "0-", 3).report()


def test_an_empty_bank_has_an_empty_array():
    bank = filter_basis(PLANE[0], "0-", 3)
    assert bank.array.shape == (0, 3, 3)
    assert bank.polynomials == bank.names == bank.orbits == ()


def test_banks_are_cached_and_read_only():
    bank = filter_basis(PLANE[0], "1+", 3)
    assert filter_basis(hyperoctahedral(2), TensorType(1, 1), (3, 3)) is bank
    for array in (bank.array, bank.labels, bank.signs):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: filter_basis(PLANE[0], "1+", (3, 5)), "exchanges axes"),
        (lambda: filter_basis(SPACE[4], "1+", (3, 2, 3)), "reflections"),
        (lambda: filter_basis(PLANE[0], "1+", 0), "`size` must be"),
        (lambda: filter_basis(PLANE[0], "1+", (3, 3, 3)), "`size` must be"),
        (lambda: filter_basis(PLANE[0], "7+", 3), "`order` must be"),
        (lambda: filter_basis(PLANE[0], "vector", 3), "not a tensor type"),
        (lambda: filter_basis(SPACE[0], "4+", 101), "smaller size or order"),
        (lambda: filter_basis(trivial(3), "4+", 7).array, "`labels` and `signs`"),
        (lambda: filter_basis(PLANE[0], "1+", 3, max_radius=-1), "`max_radius`"),
        (lambda: filter_basis(PLANE[0], "1+", 3, max_radius=math.nan), "`max_radius`"),
    ],
)
def test_bad_input_is_refused_with_what_would_work(build, message):
    with pytest.raises(ValueError, match=message):
        build()
