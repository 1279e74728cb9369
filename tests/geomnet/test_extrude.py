"""Fields that are constant along a new axis."""

import numpy as np
import pytest

import geomnet as gn

FIELDS = gn.Signature("density:0+ velocity:2x1+ stress:2s+")


def random(signature, grid):
    fields = gn.Signature(signature)
    shape = (*grid, fields.features(len(grid)))
    return gn.GeometricImage(fields, np.random.default_rng(0).standard_normal(shape))


def test_an_extruded_field_is_constant_and_has_no_component_along_the_axis():
    image = random(FIELDS, (3, 4))
    longer = gn.extrude(image, 5)
    assert longer.grid == (3, 4, 5)
    for name in FIELDS.names:
        # (3, 4, 5, channels, *tensor)
        field, plane = np.asarray(longer[name]), np.asarray(image[name])
        inside = field[..., :2] if plane.ndim > 3 else field
        inside = inside[..., :2, :] if plane.ndim > 4 else inside
        np.testing.assert_array_equal(inside, np.stack(5 * [plane], axis=2))
        assert np.square(field).sum() == pytest.approx(5 * np.square(plane).sum())


def test_extruding_commutes_with_the_symmetries_of_the_plane():
    image = random(FIELDS, (3, 4))
    for g in gn.hyperoctahedral(2).elements:
        in_space = np.eye(3, dtype=int)
        in_space[:2, :2] = g
        first, then = (
            gn.extrude(gn.act(g, image), 2),
            gn.act(in_space, gn.extrude(image, 2)),
        )
        np.testing.assert_array_equal(first.array, then.array)


def test_a_batch_keeps_its_axes():
    image = gn.GeometricImage(FIELDS, np.ones((7, 3, 4, FIELDS.features(2))))
    assert gn.extrude(image, 2).array.shape == (7, 3, 4, 2, FIELDS.features(3))


def test_what_can_not_be_extruded_is_refused():
    with pytest.raises(ValueError, match="3 spatial dimensions already"):
        gn.extrude(random(FIELDS, (2, 2, 2)), 2)
    with pytest.raises(ValueError, match=r"vorticity:0-.*'2a\+'"):
        gn.extrude(random("vorticity:0-", (2, 2)), 2)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        gn.extrude(random(FIELDS, (2, 2)), 0)
