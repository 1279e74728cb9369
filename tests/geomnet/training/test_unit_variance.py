"""Kernels scaled on data keep every type at unit size, and commute as before."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.testing import TOLERANCES, equivariance_error
from geomnet.training import unit_variance

SQUARE, KEY = gn.hyperoctahedral(2), jax.random.key(0)
FIELDS = gn.Signature("8x0+ 8x1+ 4x0- 4x1-")


class Chain(eqx.Module):
    """Layers one after the other, without norms."""

    layers: tuple

    def __call__(self, image):
        for layer in self.layers:
            image = layer(image)
        return image


def chain(group, depth, fields=FIELDS):
    layers = []
    for key in jax.random.split(jax.random.key(0), depth):
        first, second = jax.random.split(key)
        layers += [
            gn.nn.Conv(group, fields, fields, key=first),
            gn.nn.Gate(group, fields, key=second),
        ]
    return Chain(tuple(layers))


def smooth_images(seed, fields=FIELDS, grid=(8, 8), batch=32):
    """Fields of long waves, of unit size, as physics has them."""
    shape = (batch, *grid, fields.features(2))
    waves = jnp.fft.rfft2(jax.random.normal(jax.random.key(seed), shape), axes=(1, 2))
    k = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, grid), indexing="ij")) * grid[0]
    keep = jnp.asarray(k[:, : grid[1] // 2 + 1, None] < 2.5, waves.dtype)
    array = jnp.fft.irfft2(waves * keep, s=grid, axes=(1, 2))
    return gn.GeometricImage(fields, array / jnp.std(array), 2)


@eqx.filter_jit
def sizes(model, images):
    """The root mean square of each type after each layer, `(layers, types)`."""

    def one(image):
        images = [image := layer(image) for layer in model.layers]
        return [[jnp.mean(jnp.square(y[t])) for t in FIELDS.types] for y in images]

    return jnp.sqrt(jnp.mean(jnp.array(jax.vmap(one)(images)), axis=-1))


@pytest.mark.slow
def test_every_type_keeps_its_size_through_twenty_bare_layers():
    """On other samples of the same kind; drawn weights alone let all types grow."""
    model = chain(SQUARE, 20)
    scaled = unit_variance(model, smooth_images(1))
    found = sizes(scaled, smooth_images(2))
    assert found.min() > 0.5
    assert found.max() < 2
    assert sizes(model, smooth_images(2))[-1].min() > 10


def test_on_its_own_data_each_kernel_makes_unit_size():
    images = smooth_images(1)
    scaled = unit_variance(chain(SQUARE, 2), images)
    np.testing.assert_allclose(sizes(scaled, images)[::2], 1, rtol=1e-5)


def test_equivariance_stays():
    images = smooth_images(1)
    scaled = unit_variance(chain(SQUARE, 2), images)
    first = jax.tree.map(lambda array: array[0], images)
    assert equivariance_error(scaled, first, SQUARE) <= TOLERANCES["float32"]


def test_the_last_layer_has_the_output_scale_and_biases_stay():
    model = Chain((chain(SQUARE, 1), gn.nn.Conv(SQUARE, FIELDS, FIELDS, key=KEY)))
    model = eqx.tree_at(
        lambda net: net.layers[1].bias.weights, model, replace_fn=lambda w: w + 7
    )
    images = smooth_images(1)
    (scaled,) = unit_variance(
        (model,), images, output_scale=0.25, call=lambda models, x: models[0](x)
    )
    np.testing.assert_array_equal(scaled.layers[1].bias.weights, 7)
    result = jax.vmap(scaled.__call__)(images)
    for tensor_type, constant in (("0+", 7), ("1+", 0)):
        size = jnp.sqrt(jnp.mean(jnp.square(result[tensor_type] - constant)))
        np.testing.assert_allclose(size, 0.25, rtol=1e-4)


def test_what_is_always_zero_is_left_alone():
    """Constant fields have no gradient: a vector made of scalars is zero."""
    conv = gn.nn.Conv(SQUARE, "2x0+", "2x0+ 2x1+", key=KEY)
    flat = gn.GeometricImage("2x0+", jnp.ones((1, 4, 4, 2)), 2)
    scaled = unit_variance(conv, flat)
    before, after = (layer.kernel.coefficients["1+<-0+"] for layer in (conv, scaled))
    np.testing.assert_array_equal(before, after)


class Twice(eqx.Module):
    """One layer in two places of a computation."""

    conv: gn.nn.Conv

    def __call__(self, image):
        return self.conv(self.conv(image))


class Looped(Twice):
    """The same, in a loop that JAX traces."""

    def __call__(self, image):
        return jax.lax.scan(lambda x, _: (self.conv(x), None), image, None, 2)[0]


def test_a_layer_called_twice_is_measured_once():
    conv = gn.nn.Conv(SQUARE, FIELDS, FIELDS, key=KEY)
    images = smooth_images(1)
    twice, once = unit_variance(Twice(conv), images), unit_variance(conv, images)
    np.testing.assert_array_equal(twice.conv.kernel.weights, once.kernel.weights)


def test_user_errors():
    conv, images = gn.nn.Conv(SQUARE, FIELDS, FIELDS, key=KEY), smooth_images(1)
    with pytest.raises(ValueError, match="inside a loop that JAX traces"):
        unit_variance(Looped(conv), images)
    with pytest.raises(ValueError, match="no layer with a kernel"):
        unit_variance(gn.nn.LayerNorm(SQUARE, FIELDS), images)
    with pytest.raises(ValueError, match="`output_scale` must be positive"):
        unit_variance(conv, images, output_scale=0.0)
