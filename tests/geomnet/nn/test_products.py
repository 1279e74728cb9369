"""Tensor products, dropout and conditioning: what they do, apart from the laws."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet import nn
from geomnet.testing import equivariance_error, perturb

SQUARE = gn.hyperoctahedral(2)
FIELDS = gn.Signature("2x0+ 3x1+ 0-")


def image(signature: "gn.Signature | str" = FIELDS, grid=(3, 2)):
    fields = gn.Signature(signature)
    array = np.random.default_rng(0).standard_normal((*grid, fields.features(2)))
    return gn.GeometricImage(fields, array.astype(np.float32))


def test_the_product_of_two_vectors_is_their_wedge():
    """One path, one coefficient: u_x v_y - u_y v_x, up to its weight."""
    layer = nn.TensorProduct(SQUARE, "2x1+", "0-", key=jax.random.key(0))
    assert layer.weights.shape == (1,)
    x = image("2x1+")
    v, w = x["1+"][..., 0, :], layer.mixture(x)["1+"][..., 0, :]
    wedge = v[..., 0] * w[..., 1] - v[..., 1] * w[..., 0]
    y = eqx.filter_jit(layer)(x).array[..., 0]
    np.testing.assert_allclose(
        np.abs(y), np.abs(layer.weights[0] * wedge), rtol=1e-4, atol=1e-5
    )


def test_dropout_drops_whole_tensors_and_keeps_the_mean():
    layer = nn.Dropout(SQUARE, FIELDS, 0.5)
    ones = image().with_array(jnp.ones((3, 2, FIELDS.features(2))))
    run = jax.jit(lambda key: layer(ones, key=key).array)
    keys = jax.random.split(jax.random.key(0), 400)
    arrays = np.asarray(jax.jit(jax.vmap(run))(keys))
    assert set(np.unique(arrays)) == {0.0, 2.0}
    vectors = arrays[..., 2:8].reshape(400, 3, 2, 3, 2)
    assert (vectors == vectors[:, :1, :1, :, :1]).all(), "cells and components together"
    np.testing.assert_allclose(arrays.mean(axis=0), 1, atol=0.2)


def test_dropout_is_equivariant_for_one_key_and_off_in_inference():
    layer, key = nn.Dropout(SQUARE, FIELDS, 0.5), jax.random.key(3)
    assert equivariance_error(lambda x: layer(x, key=key), image(), SQUARE) == 0
    still = eqx.nn.inference_mode(layer)
    np.testing.assert_array_equal(still(image()).array, image().array)


def test_conditioning_starts_as_the_identity_and_stays_equivariant():
    layer = nn.FiLM(SQUARE, FIELDS, 2, key=jax.random.key(0))
    numbers = jnp.array([0.3, -1.0])
    x = image()
    np.testing.assert_array_equal(eqx.filter_jit(layer)(x, numbers).array, x.array)
    trained = perturb(layer, 1.0, key=jax.random.key(1))
    assert equivariance_error(lambda x: trained(x, numbers), x, SQUARE) <= 1e-6
    moved = [eqx.filter_jit(trained)(x, factor * numbers).array for factor in (1, 2)]
    assert np.abs(moved[0] - moved[1]).max() > 1e-2


@pytest.mark.parametrize("name", ["sigmoid", "silu"])
def test_activations_keep_unit_second_moments(name):
    from geomnet.nn._activation import unit_second_moment

    z = np.random.default_rng(0).standard_normal(400_000)
    f = {"sigmoid": 1 / (1 + np.exp(-z)), "silu": z / (1 + np.exp(-z))}[name]
    moment = np.mean((unit_second_moment(name) * f) ** 2)
    np.testing.assert_allclose(moment, 1, rtol=0.01)
