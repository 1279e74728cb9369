"""Waves that travel: one law for all wave vectors, speeds and directions."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet import nn
from geomnet.testing import equivariance_error, perturb

SQUARE = gn.hyperoctahedral(2)
TYPES = "2x0+ 1+ 0- 2s+"
NUMBERS = jnp.asarray([0.3, -0.7])
KEY = jax.random.key(0)


def layer(group=SQUARE, source=TYPES, target=TYPES, modes=3, dtype=None, **changed):
    options = {"num_parameters": 2, "key": KEY, "dtype": dtype} | changed
    return nn.ConditionedSpectralConv(group, source, target, modes, **options)


def without_mixture(layer):
    """The waves that travel alone."""
    zero = jnp.zeros_like(layer.kernel.weights)
    return eqx.tree_at(lambda layer: layer.kernel.weights, layer, zero)


@pytest.mark.parametrize(
    ("group", "grid"),
    [
        (SQUARE, (9, 8)),
        (gn.hyperoctahedral(1), (9,)),
        pytest.param(SQUARE, (7, 7), marks=pytest.mark.slow),
        pytest.param(gn.rotations(2), (8, 9), marks=pytest.mark.slow),
        pytest.param(gn.reflections(2), (10, 7), marks=pytest.mark.slow),
        pytest.param(gn.trivial(2), (7, 8), marks=pytest.mark.slow),
        pytest.param(gn.hyperoctahedral(3), (5, 6, 5), marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    "dtype", [jnp.float32, pytest.param(jnp.float64, marks=pytest.mark.slow)]
)
def test_it_commutes_alone_and_after_training(group, grid, dtype):
    d = len(grid)
    with jax.enable_x64(dtype == jnp.float64):
        types = TYPES if d == 2 else "2x0+ 1+"
        modes = 3 if d < 3 else 2
        net = layer(group, types, types, modes=modes, dtype=dtype)
        net = without_mixture(perturb(net, 0.1, key=jax.random.key(1)))
        net = eqx.filter_jit(net)
        image = gn.random_image(types, grid, key=KEY).astype(dtype)
        assert np.abs(np.asarray(net(image, NUMBERS).array)).max() > 0.01
        error = equivariance_error(lambda x: net(x, NUMBERS), image, group)
        assert error < (1e-5 if dtype == jnp.float32 else 1e-13)


def test_the_check_catches_a_direction_that_is_preferred():
    """The negative: the same tables of covariants for one axis alone."""
    with jax.enable_x64(True):
        net = without_mixture(layer(gn.trivial(2), "0+", "0+", dtype=jnp.float64))
        image = gn.random_image("0+", (7, 7), key=KEY).astype(jnp.float64)
        assert equivariance_error(lambda x: net(x, NUMBERS), image, SQUARE) > 1e-3


def waves_and_factors(net, shape):
    """Wave vectors of a grid, and the sum over m of a layer with one amplitude."""
    k = np.stack(np.meshgrid(*(np.fft.fftfreq(n, 1 / n) for n in shape), indexing="ij"))
    length, p, part = np.linalg.norm(k, axis=0), np.asarray(NUMBERS), net.travelling
    speed = np.exp(p @ np.asarray(part.speed_weight) + np.asarray(part.speed_bias))
    decay = np.exp(p @ np.asarray(part.decay_weight) + np.asarray(part.decay_bias))
    angle = length[..., None] * speed + np.asarray(part.phase)
    factor = np.cos(angle) * np.exp(-np.square(length)[..., None] * decay)
    inside = (np.abs(k) <= max(net.modes)).all(axis=0)
    return k / np.where(length > 0, length, 1), factor * inside[..., None]


def test_it_is_what_it_says_for_scalars_and_their_gradients():
    """Against NumPy's Fourier transform, with the formula of the documentation."""
    with jax.enable_x64(True):
        net = without_mixture(
            layer(source="0+", target="0+ 1+", dtype=jnp.float64, num_waves=4)
        )
        image = gn.random_image("0+", (8, 9), key=KEY).astype(jnp.float64)
        direction, factors = waves_and_factors(net, image.grid)
        amplitudes = np.asarray(net.travelling.weights)
        # Of scalars the constant, and one that is zero for the mean alone.
        mean, rest = amplitudes[:4], amplitudes[4:8]
        waves = np.fft.fft2(np.asarray(image.array)[..., 0])
        is_wave = np.ones(image.grid)
        is_wave[0, 0] = 0
        scalar = waves * (factors @ mean + is_wave * (factors @ rest))
        vector = 1j * direction * waves * (factors @ amplitudes[8:])
        wanted = [np.fft.ifft2(part).real for part in (scalar, *vector)]
        found = np.asarray(net(image, NUMBERS).array)
        np.testing.assert_allclose(found, np.stack(wanted, axis=-1), atol=1e-12)


def test_a_vector_is_split_along_and_across_the_wave():
    """Two amplitudes tell sound from shear: what is along a wave may be kept, and what
    is across it removed, exactly."""
    with jax.enable_x64(True):
        net = without_mixture(
            layer(gn.hyperoctahedral(2), "1+", "1+", dtype=jnp.float64, num_waves=1)
        )
        image = gn.random_image("1+", (7, 7), key=KEY).astype(jnp.float64)
        direction, factors = waves_and_factors(net, image.grid)
        waves = np.fft.fft2(np.asarray(image.array), axes=(0, 1))
        along = np.einsum("iab,jab,abj->abi", direction, direction, waves)
        wanted = np.fft.ifft2(along * factors, axes=(0, 1)).real

        def output(amplitudes):
            weights = jnp.asarray(amplitudes)
            one = eqx.tree_at(lambda n: n.travelling.weights, net, weights)
            return np.asarray(one(image, NUMBERS).array).ravel()

        count = net.travelling.weights.size
        columns = np.stack([output(row) for row in np.eye(count)], axis=1)
        solution, *_ = np.linalg.lstsq(columns, wanted.ravel(), rcond=None)
        np.testing.assert_allclose(columns @ solution, wanted.ravel(), atol=1e-12)


def test_twice_the_speed_is_half_the_box():
    """What the numbers say of a wave, its length says too: the law that lets a layer
    learn one speed from all wave lengths."""
    with jax.enable_x64(True):
        net = layer(gn.hyperoctahedral(1), "0+", "0+", 4, dtype=jnp.float64)
        part = net.travelling
        one = jnp.ones_like(part.speed_weight)
        part = eqx.tree_at(
            lambda p: (p.speed_weight, p.decay_weight), part, (one, 2 * one)
        )
        slow, fast = (
            part.coefficients(jnp.asarray([0.0, speed])) for speed in (0, np.log(2))
        )
        # A mean, then cosines of wave numbers 1 to 4.
        np.testing.assert_allclose(fast[1:3], slow[2::2], rtol=1e-12)


def test_none_leaves_the_mixture():
    net = layer(source="0+ 1+", target="0+ 1+", num_waves=0)
    assert net.travelling.weights.size == 0
    image = gn.random_image("0+ 1+", (7, 7), key=KEY)
    assert not np.asarray(without_mixture(net)(image, NUMBERS).array).any()
    assert np.asarray(net(image, NUMBERS).array).any()


def test_half_of_the_variance_is_theirs():
    """And half that of the mixture, so that together they keep about unit variance."""
    image = gn.random_image(TYPES, (7, 7), key=KEY)
    nets = [layer(key=jax.random.key(seed), num_waves=64) for seed in range(12)]
    run = eqx.filter_jit(lambda net: without_mixture(net)(image, NUMBERS).array)
    outputs = [run(net) for net in nets]
    variance = np.square(np.stack(outputs)).mean(axis=(0, 1, 2))
    assert (variance > 0.3).all()
    assert (variance < 0.9).all()
