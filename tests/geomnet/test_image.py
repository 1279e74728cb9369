"""`GeometricImage`: the layout contract, views, arithmetic and its refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn

FLOW = gn.Signature("density:0+ pressure:0+ velocity:1+")


def numbers(*shape: int) -> jax.Array:
    return jnp.arange(np.prod(shape), dtype=jnp.float32).reshape(shape)


def test_entries_lie_on_the_last_axis_in_signature_order_channels_before_tensor():
    image = gn.GeometricImage("a:2x1+ b:0-", numbers(3, 4, 5))
    assert image["a"].shape == (3, 4, 2, 2)
    assert image["b"].shape == (3, 4, 1)
    np.testing.assert_array_equal(image["a"][1, 2, 1], image.array[1, 2, 2:4])
    np.testing.assert_array_equal(image["b"][..., 0], image.array[..., 4])


def test_a_view_by_type_joins_all_entries_of_that_type():
    image = gn.GeometricImage("a:1+ s:0+ b:2x1+", numbers(2, 2, 7))
    expected = jnp.concatenate([image["a"], image["b"]], axis=-2)
    np.testing.assert_array_equal(image["1+"], expected)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_fields_collected_and_taken_apart_are_unchanged(d):
    grid = (2, 3, 4)[:d]
    fields = {
        "density": numbers(*grid, 1),
        "stress": numbers(*grid, 1, d, d),
        "velocity": numbers(*grid, 1, d),
    }
    image = gn.GeometricImage.from_fields(
        "velocity:1+ density:0+ stress:2s+", fields, d
    )
    assert image.array.shape == (*grid, d + 1 + d * d)
    for name, field in fields.items():
        np.testing.assert_array_equal(image[name], field)
    without_channel = {
        name: field.reshape(*grid, *field.shape[d + 1 :])
        for name, field in fields.items()
    }
    again = gn.GeometricImage.from_fields(image.signature, without_channel, d)
    np.testing.assert_array_equal(again.array, image.array)


def test_dimension_follows_from_the_number_of_features_even_in_a_batch():
    assert gn.GeometricImage(FLOW, jnp.zeros((7, 4, 4, 4))).num_spatial_dims == 2
    assert gn.GeometricImage(FLOW, jnp.zeros((4, 4, 4, 5))).num_spatial_dims == 3
    batched = gn.GeometricImage("0+", jnp.zeros((7, 4, 4, 1)), num_spatial_dims=2)
    assert batched.grid == (4, 4)


def test_vmap_takes_the_leading_axis_and_keeps_signature_and_dimension():
    images = gn.GeometricImage(FLOW, numbers(3, 4, 4, 4))
    doubled = jax.jit(jax.vmap(lambda image: 2.0 * image))(images)
    assert doubled.signature == FLOW
    assert doubled.num_spatial_dims == 2
    np.testing.assert_array_equal(doubled.array, 2 * images.array)


def test_arithmetic_is_that_of_the_arrays():
    a = gn.GeometricImage(FLOW, numbers(2, 2, 4))
    b = gn.GeometricImage(FLOW, jnp.ones((2, 2, 4)))
    np.testing.assert_array_equal((a + b - 3.0 * b).array, a.array - 2)
    np.testing.assert_array_equal((-a).array, -a.array)


def test_arithmetic_refuses_unlike_signatures_even_of_equal_shape():
    a = gn.GeometricImage("p:0+ q:0+", jnp.zeros((2, 2, 2)))
    b = gn.GeometricImage("q:0+ p:0+", jnp.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match="equal signatures"):
        a + b
    with pytest.raises(TypeError, match="prefer a direction"):
        a + 1.0  # pyright: ignore
    with pytest.raises(TypeError, match="one number"):
        a * a
    with pytest.raises(TypeError, match="one number"):
        a * jnp.ones(2)
    with pytest.raises(ValueError, match="equal shapes"):
        a + gn.GeometricImage("p:0+ q:0+", jnp.zeros((4, 2, 2)))


@pytest.mark.parametrize("shape", [(4, 4, 7), (4,), (), (4, 4, 4, 4, 4, 6)])
def test_an_array_that_does_not_hold_the_signature_is_refused(shape):
    with pytest.raises(ValueError, match="features"):
        gn.GeometricImage(FLOW, jnp.zeros(shape))


def test_wrong_fields_are_refused_with_what_is_expected():
    good = {
        "density": numbers(4, 4),
        "pressure": numbers(4, 4),
        "velocity": numbers(4, 4, 2),
    }
    with pytest.raises(ValueError, match="names"):
        gn.GeometricImage.from_fields(FLOW, {"density": numbers(4, 4)}, 2)
    bad = good | {"velocity": numbers(4, 4, 3)}
    with pytest.raises(ValueError, match="trailing axes"):
        gn.GeometricImage.from_fields(FLOW, bad, 2)
    bad = good | {"density": numbers(4, 5)}
    with pytest.raises(ValueError, match="different grids"):
        gn.GeometricImage.from_fields(FLOW, bad, 2)
    with pytest.raises(ValueError, match="unnamed"):
        gn.GeometricImage.from_fields("0+", {}, 2)
    with pytest.raises(KeyError, match="vorticity"):
        gn.GeometricImage(FLOW, jnp.zeros((4, 4, 4)))["vorticity"]


def test_renaming_keeps_numbers_and_refuses_other_types():
    image = gn.GeometricImage("a:0+ b:1+", numbers(2, 2, 3))
    renamed = image.with_signature("density:0+ velocity:1+")
    np.testing.assert_array_equal(renamed["velocity"], image["b"])
    with pytest.raises(ValueError, match="Only names"):
        image.with_signature("density:0- velocity:1+")


def test_images_are_joined_entry_by_entry():
    a = gn.GeometricImage("a:0+", numbers(2, 2, 1))
    b = gn.GeometricImage("b:1+", numbers(2, 2, 2))
    both = gn.concatenate([a, b])
    assert both.signature == gn.Signature("a:0+ b:1+")
    np.testing.assert_array_equal(both["b"], b["b"])
    with pytest.raises(ValueError, match="one grid"):
        gn.concatenate([a, gn.GeometricImage("b:1+", numbers(2, 3, 2))])
    with pytest.raises(ValueError, match="twice"):
        gn.concatenate([a, a])


@pytest.mark.parametrize(("d", "axes"), [(2, "yx"), (3, "zyx"), (3, "yzx")])
def test_arrays_in_another_order_of_axes_are_turned_and_components_are_not(d, axes):
    """A vector field that points away from the centre does so afterwards."""
    sides = {"x": 3, "y": 4, "z": 5}
    at = np.meshgrid(*(np.arange(float(sides[a])) for a in axes), indexing="ij")
    along = dict(zip(axes, at, strict=True))
    position = np.stack([along[a] for a in "xyz"[:d]], axis=-1)
    image = gn.GeometricImage.from_fields("u:1+", {"u": position}, d, axes=axes)
    assert image.grid == tuple(sides[a] for a in "xyz"[:d])
    for axis in range(d):
        values = np.moveaxis(np.asarray(image["u"][..., 0, axis]), axis, 0)
        expected = np.arange(len(values)).reshape(-1, *(1,) * (d - 1))
        assert (values == expected).all()
    with pytest.raises(ValueError, match="`axes` must name each of x, y"):
        gn.GeometricImage.from_fields("u:1+", {"u": position}, d, axes="xx")
