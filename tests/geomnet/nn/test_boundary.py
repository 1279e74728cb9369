"""Walls are mirrors, and what they do to the group is on record."""

import equinox as eqx
import jax
import numpy as np
import pytest

import geomnet as gn
from geomnet.nn import Boundary, Conv, ConvTranspose

SQUARE = gn.hyperoctahedral(2)
FLOW = gn.Signature("0+ 1+ 0- 1-")


def test_slip_walls_equal_a_torus_of_twice_the_size_with_the_mirrored_field(float64):
    """Two roads to one number: a wall, and the mirror image behind it."""
    group = gn.reflections(2)
    key = jax.random.key(0)
    walled = Conv(
        group,
        FLOW,
        FLOW,
        boundary=(Boundary.SLIP, Boundary.PERIODIC),
        key=key,
        dtype=float64,
    )
    torus = Conv(group, FLOW, FLOW, key=key, dtype=float64)
    array = np.random.default_rng(0).standard_normal((4, 3, FLOW.features(2)))
    x = gn.GeometricImage(FLOW, array)
    mirror = gn.act([[-1, 0], [0, 1]], x)
    doubled = x.with_array(jax.numpy.concatenate([x.array, mirror.array]))
    expected = eqx.filter_jit(torus)(doubled).array[:4]
    np.testing.assert_allclose(
        eqx.filter_jit(walled)(x).array, expected, rtol=0, atol=1e-12
    )


def test_a_mirror_turns_normal_vectors_and_tangential_pseudovectors():
    from geomnet.nn import as_faces
    from geomnet.nn._execution import extend

    ones, fields = np.ones((2, 2, FLOW.features(2))), gn.Representation(SQUARE, FLOW)
    padding = [(1, 0), (0, 0)]
    slip = extend(jax.numpy.asarray(ones), fields, as_faces(Boundary.SLIP, 2), padding)
    # scalar, vector (normal, tangential), pseudoscalar, pseudovector
    np.testing.assert_array_equal(slip[0, 0], [1, -1, 1, -1, 1, -1])
    stuck = extend(
        jax.numpy.asarray(ones), fields, as_faces(Boundary.NO_SLIP, 2), padding
    )
    np.testing.assert_array_equal(stuck[0, 0], [1, -1, -1, 1, -1, -1])


def test_faces_that_the_group_exchanges_need_one_rule():
    channel = (Boundary.PERIODIC, Boundary.SLIP)
    with pytest.raises(ValueError, match=r"only 4 of its 8 .*remaining="):
        Conv(SQUARE, "0+ 1+", "0+ 1+", boundary=channel, key=jax.random.key(0))
    layer = Conv(
        SQUARE,
        "0+ 1+",
        "0+ 1+",
        boundary=channel,
        remaining=gn.reflections(2),
        key=jax.random.key(0),
    )
    assert layer.equivariant_under((4, 6)) == gn.reflections(2)
    with pytest.raises(ValueError, match="largest that will do has 4"):
        Conv(
            SQUARE,
            "0+ 1+",
            "0+ 1+",
            boundary=channel,
            remaining=SQUARE,
            key=jax.random.key(0),
        )


@pytest.mark.parametrize(
    ("boundary", "message"),
    [
        ((Boundary.ZERO,), "1 axes"),
        ((Boundary.ZERO, (Boundary.PERIODIC, Boundary.ZERO)), "one face only"),
    ],
)
def test_boundaries_that_make_no_sense_are_refused(boundary, message):
    with pytest.raises(ValueError, match=message):
        Conv(gn.trivial(2), "0+", "0+", boundary=boundary, key=jax.random.key(0))


def test_a_wall_mirrors_no_more_cells_than_there_are():
    layer = Conv(SQUARE, "0+", "0+", 5, boundary=Boundary.SLIP, key=jax.random.key(0))
    with pytest.raises(ValueError, match="mirror 2 cells along axis 0, but the grid"):
        layer(gn.GeometricImage("0+", np.zeros((1, 4, 1), np.float32)))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dilation": 2},
        {"size": 4, "stride": 2},
        {"boundary": Boundary.ZERO},
        {"boundary": Boundary.EDGE},
        {"boundary": Boundary.SLIP, "size": 5},
        {"boundary": Boundary.NO_SLIP, "dilation": 2},
        # Sides of one more than a multiple, where multiples would do as well.
        {"boundary": Boundary.SLIP, "stride": 5},
        {"channel_groups": 2},
        # Sides that are multiples and sides of one more, with unlike padding.
        {"size": 3, "stride": 3},
        {"group": gn.cyclic(1), "size": 3, "stride": 2, "grid": (4, 5)},
        {"make": ConvTranspose},
        {"make": gn.nn.Linear},
        {"make": gn.nn.Down},
        {"make": gn.nn.Up},
        {"make": ConvTranspose, "size": 3, "boundary": Boundary.NO_SLIP},
        {
            "group": gn.reflections(2),
            "boundary": (Boundary.PERIODIC, Boundary.SLIP),
            "channel_groups": 2,
        },
    ],
)
def test_export_is_the_same_function_boundary_included(options, float64):
    options = {"group": SQUARE, **options}
    make, grid = options.pop("make", Conv), options.pop("grid", None)
    fields = "2x0+ 2x1+"
    layer = make(
        in_signature=fields,
        out_signature=fields,
        key=jax.random.key(0),
        dtype=float64,
        **options,
    )
    layer = gn.testing.perturb(layer, key=jax.random.key(1))
    plain = eqx.filter_jit(gn.nn.export(layer))
    grids = {3: (6, 7), 5: (6, 11)}
    grid = grid or grids.get(options.get("stride", 1), (4, 6))
    array = np.random.default_rng(0).standard_normal((*grid, 6))
    expected = eqx.filter_jit(layer)(gn.GeometricImage(fields, array)).array
    given = np.moveaxis(
        np.asarray(plain(jax.numpy.moveaxis(jax.numpy.asarray(array), -1, 0))), 0, -1
    )
    np.testing.assert_allclose(given, expected, rtol=0, atol=1e-12)
