"""Learned products follow `jax.default_matmul_precision`, gradients too."""

import jax
import jax.numpy as jnp
import pytest

import geomnet as gn
from geomnet import nn
from geomnet._equivariance._program import product_precisions
from geomnet.nn._execution._primitives import times

SQUARE = gn.hyperoctahedral(2)
KEY = jax.random.key(0)
FIELDS = "2x0+ 2x1+"
HIGHEST, HIGH = ((p,) * 2 for p in (jax.lax.Precision.HIGHEST, jax.lax.Precision.HIGH))

LAYERS = {
    "small Conv": nn.Conv(SQUARE, "0+", "0+", key=KEY),
    "large Conv": nn.Conv(SQUARE, "16x0+ 16x1+", "16x0+ 16x1+", key=KEY),
    "Linear": nn.Linear(SQUARE, FIELDS, FIELDS, key=KEY),
    "SpectralConv": nn.SpectralConv(SQUARE, FIELDS, FIELDS, 1, key=KEY),
    "turning SpectralConv": nn.SpectralConv(
        gn.rotations(2), FIELDS, FIELDS, 1, key=KEY
    ),
    "TensorProduct": nn.TensorProduct(SQUARE, FIELDS, FIELDS, key=KEY),
}


@pytest.mark.parametrize("name", LAYERS)
def test_what_is_set_reaches_the_learned_products_of_every_layer(name):
    layer = LAYERS[name]
    x = gn.random_image(layer.in_signature, (6, 6), key=KEY)
    for setting, precision in (("highest", HIGHEST), ("tensorfloat32", HIGH)):
        with jax.default_matmul_precision(setting):
            found = product_precisions(layer, x)
        # Transforms to waves are in full always.
        assert precision in found
        assert found <= {precision, HIGHEST}
        if "Spectral" not in name:
            assert found == {precision}


def test_gradients_have_the_precision_of_the_product_they_belong_to():
    """As with JAX's own: also where they are taken outside of the block."""
    array, matrix = jnp.ones((4, 3)), jnp.ones((3, 2))
    with jax.default_matmul_precision("highest"):
        y, back = jax.vjp(times, array, matrix)
    assert product_precisions(back, y) == {HIGHEST}
