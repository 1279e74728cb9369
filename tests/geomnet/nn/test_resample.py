"""Coarser and finer grids: which sizes are exact, and what is kept."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet import nn
from geomnet.testing import TOLERANCES, equivariance_error

SQUARE = gn.hyperoctahedral(2)
FIELDS = gn.Signature("2x0+ 1+ 0-")
KEY = jax.random.key(0)

COARSER = {
    "down": lambda: nn.Down(SQUARE, FIELDS, FIELDS, key=KEY),
    "average": lambda: nn.AveragePool(SQUARE, FIELDS),
    "norm": lambda: nn.NormPool(SQUARE, FIELDS),
    "stride": lambda: nn.Conv(SQUARE, FIELDS, FIELDS, 4, stride=2, key=KEY),
}
FINER = {
    "up": lambda: nn.Up(SQUARE, FIELDS, FIELDS, key=KEY),
    "nearest": lambda: nn.NearestUp(SQUARE, FIELDS),
    "multilinear": lambda: nn.MultilinearUp(SQUARE, FIELDS),
    "transpose": lambda: nn.ConvTranspose(SQUARE, FIELDS, FIELDS, key=KEY),
    # Odd grids keep both ends.
    "blur": lambda: nn.BlurPool(SQUARE, FIELDS),
}


def image(grid):
    array = np.random.default_rng(0).standard_normal((*grid, FIELDS.features(2)))
    return gn.GeometricImage(FIELDS, array.astype(np.float32))


@pytest.mark.slow
@pytest.mark.parametrize("size", range(2, 18))
def test_every_size_is_exact_or_refused(size):
    x = image((size, size))
    for name, make in (COARSER | FINER).items():
        layer = make()
        if name in COARSER and size % 2:
            with pytest.raises(ValueError, match="multiples of 2"):
                layer(x)
            continue
        assert equivariance_error(layer, x, SQUARE) <= TOLERANCES["float32"]


@pytest.mark.parametrize("size", range(3, 18, 2))
@pytest.mark.parametrize("name", COARSER)
def test_odd_grids_are_refused(name, size):
    with pytest.raises(ValueError, match=r"Use .*such as \("):
        COARSER[name]()(image((size, 4)))


def test_averages_keep_sums():
    x = image((4, 6))
    coarse = eqx.filter_jit(nn.AveragePool(SQUARE, FIELDS))(x)
    sums = [y.array.sum(axis=(0, 1)) for y in (x, coarse)]
    np.testing.assert_allclose(4 * sums[1], sums[0], rtol=0, atol=1e-5)


def test_copies_average_to_what_they_were():
    x = image((3, 2))
    fine = eqx.filter_jit(nn.NearestUp(SQUARE, FIELDS))(x)
    back = eqx.filter_jit(nn.AveragePool(SQUARE, FIELDS))(fine)
    np.testing.assert_allclose(back.array, x.array, rtol=0, atol=1e-6)


def test_interpolation_is_of_second_order():
    """The error on a smooth wave falls by four when the grid is halved."""
    errors = []
    for n in (16, 32):
        coarse, fine = (2 * np.pi * (np.arange(m) + 0.5) / m for m in (n, 2 * n))
        wave = np.broadcast_to(np.sin(coarse)[:, None, None], (n, 2, 1))
        x = gn.GeometricImage("0+", jnp.asarray(wave, jnp.float32), 2)
        y = eqx.filter_jit(nn.MultilinearUp(SQUARE, "0+"))(x)
        errors.append(np.abs(y.array[:, 0, 0] - np.sin(fine)).max())
    assert 3.5 < errors[0] / errors[1] < 4.5


@pytest.mark.parametrize("side", [8, 9])
def test_blurring_leaves_constants_and_takes_the_shortest_wave_away(side):
    layer = eqx.filter_jit(nn.BlurPool(SQUARE, "0+", nn.Boundary.EDGE))
    ones = gn.GeometricImage("0+", jnp.ones((side, side, 1), jnp.float32), 2)
    y = layer(ones)
    assert y.grid == (-(-side // 2),) * 2
    np.testing.assert_allclose(y.array, 1, rtol=1e-6)
    signs = (-1.0) ** np.arange(side)
    wave = np.broadcast_to(signs[:, None, None], (side, side, 1))
    inside = layer(ones.with_array(jnp.asarray(wave, jnp.float32))).array[1:-1]
    np.testing.assert_allclose(inside, 0, atol=1e-6)


def test_interpolation_is_the_transpose_of_blurring():
    fine, coarse = image((8, 6)), image((4, 3))
    blur, up = nn.BlurPool(SQUARE, FIELDS), nn.MultilinearUp(SQUARE, FIELDS)
    left, right = (eqx.filter_jit(f)(x).array for f, x in ((blur, fine), (up, coarse)))
    np.testing.assert_allclose(
        4 * np.vdot(left, coarse.array), np.vdot(fine.array, right), rtol=1e-5
    )


def test_norm_pooling_has_no_ties():
    """Equal and opposite vectors: a maximum would have to choose one."""
    array = np.zeros((2, 2, 2), np.float32)
    array[0, 0], array[1, 1] = (1, 0), (-1, 0)
    y = nn.NormPool(SQUARE, "1+")(gn.GeometricImage("1+", array))
    np.testing.assert_allclose(y.array, 0, atol=1e-6)
    array[1, 1] = 0
    y = nn.NormPool(SQUARE, "1+")(gn.GeometricImage("1+", array))
    np.testing.assert_allclose(y.array[0, 0], [1, 0], atol=0.01)
