"""Norms and nonlinearities: special cases that are known from elsewhere."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet import nn
from geomnet.testing import perturb

SQUARE, TRIVIAL = gn.hyperoctahedral(2), gn.trivial(2)
KEY = jax.random.key(0)


def image(signature, grid=(4, 3), dtype="float64"):
    fields = gn.Signature(signature)
    rng = np.random.default_rng(0)
    array = 2 + rng.standard_normal((*grid, fields.features(len(grid))))
    return gn.GeometricImage(fields, array.astype(dtype), len(grid))


@pytest.mark.parametrize("num_groups", [1, 2, 6])
def test_under_the_trivial_group_it_is_the_usual_group_norm(num_groups, float64):
    x = image("6x0+")
    layer = nn.GroupNorm(TRIVIAL, "6x0+", num_groups, dtype=float64)
    usual = eqx.nn.GroupNorm(num_groups, 6, dtype=float64)
    expected = np.moveaxis(np.asarray(usual(jnp.moveaxis(x.array, -1, 0))), 0, -1)
    np.testing.assert_allclose(layer(x).array, expected, rtol=0, atol=1e-12)


def test_layer_and_instance_norm_are_the_ends_of_group_norm(float64):
    x = image("4x0+ 4x1+")
    fields = SQUARE, "4x0+ 4x1+"
    for ours, groups in ((nn.LayerNorm(*fields), 1), (nn.InstanceNorm(*fields), 4)):
        same = nn.GroupNorm(*fields, groups)
        np.testing.assert_allclose(ours(x).array, same(x).array, rtol=0, atol=1e-12)


def test_vectors_are_divided_by_their_root_mean_square_and_not_shifted(float64):
    x = image("2x1+")
    y = nn.InstanceNorm(SQUARE, "2x1+", epsilon=1e-14)(x)
    for channel in range(2):
        v, w = x["1+"][..., channel, :], y["1+"][..., channel, :]
        np.testing.assert_allclose(w, v / np.sqrt(np.mean(np.square(v))), rtol=1e-9)


def test_a_mean_bias_adds_a_share_of_the_mean(float64):
    x = image("0+ 2x1+")
    layer = nn.MeanBias(SQUARE, "0+ 2x1+", float64)
    np.testing.assert_array_equal(layer(x).array, x.array)
    layer = eqx.tree_at(lambda b: b.scale, layer, jnp.asarray([1.0, 0.0, -0.5]))
    mean = np.mean(x.array, axis=(0, 1))
    expected = x.array + np.array([1, 0, 0, -0.5, -0.5]) * mean
    np.testing.assert_allclose(layer(x).array, expected, rtol=1e-12)


def test_vector_neurons_are_leaky_rectifiers_along_a_fixed_direction(float64):
    """A pseudoscalar is a number with one direction: the sign of its weight."""
    layer = nn.VectorNeuron(
        SQUARE, "0-", slope=0.1, epsilon=1e-8, key=KEY, dtype=float64
    )
    unit = 1 / np.sqrt((1 + 0.1**2) / 2)
    x = image("0-").with_array(jnp.asarray([-2.0, -0.5, 0.5, 2.0]).reshape(2, 2, 1))
    # <t, w t> is positive for a positive weight: nothing is taken off.
    for weight, kept in ((1.0, 1.0), (-1.0, 0.1)):
        turned = eqx.tree_at(
            lambda n: n.direction.kernel.weights, layer, jnp.asarray([weight])
        )
        np.testing.assert_allclose(turned(x).array, unit * kept * x.array, rtol=1e-6)


def test_vector_neurons_take_off_what_points_the_other_way(float64):
    layer = nn.VectorNeuron(
        SQUARE, "3x1+", slope=0.0, epsilon=1e-7, key=KEY, dtype=float64
    )
    x = image("3x1+")
    y, k = layer(x)["1+"], layer.direction(x)["1+"]  # pyright: ignore
    inner = np.sum(np.asarray(y) * np.asarray(k), axis=-1)
    assert inner.min() > -1e-9
    assert (np.sum(np.asarray(x["1+"]) * np.asarray(k), axis=-1) < -0.1).any()


def test_norm_activations_are_odd_on_pseudoscalars_and_mix_nothing(float64):
    layer = perturb(nn.NormActivation(SQUARE, "2x0- 0+", dtype=float64), key=KEY)
    x = image("2x0- 0+")
    plus, minus = layer(x).array, layer(-x).array
    np.testing.assert_allclose(minus[..., :2], -plus[..., :2], rtol=1e-12)
    jacobian = jax.jacfwd(lambda a: layer(x.with_array(a)).array[0, 0])(x.array)
    np.testing.assert_array_equal(jacobian[:, 0, 0] != 0, np.eye(3, dtype=bool))


@pytest.mark.parametrize(
    "make",
    [
        lambda f, t: nn.NormActivation(SQUARE, f, dtype=t),
        lambda f, t: nn.VectorNeuron(SQUARE, f, key=KEY, dtype=t),
        lambda f, t: nn.Gate(SQUARE, f, key=KEY, dtype=t),
    ],
    ids=["norm", "vector neuron", "gate"],
)
def test_nonlinearities_keep_the_size_of_their_input(make, float64):
    fields = gn.Signature("32x0+ 32x1+ 16x0-")
    layer = make(fields, float64)
    array = np.random.default_rng(0).standard_normal((16, 16, fields.features(2)))
    y = eqx.filter_jit(layer)(gn.GeometricImage(fields, array))
    for tensor_type in fields.types:
        assert 0.85 < float(jnp.sqrt(jnp.mean(jnp.square(y[tensor_type])))) < 1.15


@pytest.mark.parametrize("grid", [(3, 4), (40, 40)], ids=["dense", "reduced"])
def test_forward_mode_agrees_with_differences(grid, float64):
    """In both forms of a convolution, for the field and for the weights."""
    fields = "8x0+ 8x1+"
    conv = nn.Conv(SQUARE, fields, fields, key=KEY, dtype=float64)
    x = image(fields, grid)

    @jax.jit
    def run(array, weights):
        layer = eqx.tree_at(lambda c: c.kernel.weights, conv, weights)
        return layer(x.with_array(array)).array

    rng = np.random.default_rng(1)
    at = (x.array, conv.kernel.weights)
    along = tuple(jnp.asarray(rng.standard_normal(a.shape)) for a in at)
    _, slope = jax.jvp(run, at, along)
    h = 1e-4
    above, below = (
        run(*(a + sign * h * b for a, b in zip(at, along, strict=True)))
        for sign in (1, -1)
    )
    np.testing.assert_allclose(slope, (above - below) / (2 * h), rtol=0, atol=1e-7)
