"""Strides: where windows may lie, transposes, and that groups of channels don't mix."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet import nn
from geomnet.nn import Boundary
from geomnet.nn._placement import place
from geomnet.testing import TOLERANCES, equivariance_error, translation_error

SQUARE = gn.hyperoctahedral(2)
SWAP = gn.Group.from_generators([[[0, 1], [1, 0]]], "exchange of axes")
KEY = jax.random.key(0)


def image(grid, signature="2x0+ 1+ 0-", dtype="float64"):
    fields = gn.Signature(signature)
    rng = np.random.default_rng(0)
    array = rng.standard_normal((*grid, fields.features(len(grid))))
    return gn.GeometricImage(fields, array.astype(dtype))


@pytest.mark.parametrize("size", range(1, 7))
@pytest.mark.parametrize("stride", range(1, 5))
@pytest.mark.parametrize("dilation", [1, 2])
def test_windows_lie_symmetrically_or_nowhere(size, stride, dilation):
    for side in range(1, 18):
        p = place(side, size, stride, dilation, SQUARE)
        reach = dilation * (size - 1)
        if p is not None:
            first = -p.low
            last = first + stride * (p.coarse - 1) + reach
            assert first + last == side - 1, "the mirror image of the windows"
            assert last + 1 - side == p.high
            assert (side % stride == 0) or p.translation == 0
        else:
            # So many windows can't be centred on the grid.
            n = side // stride + (side % stride == 1)
            assert side % stride > 1 or (side - 1 - stride * (n - 1) - reach) % 2


@pytest.mark.slow
@pytest.mark.parametrize("side", range(2, 18))
@pytest.mark.parametrize("size", [2, 3, 4, 5])
@pytest.mark.parametrize("boundary", [Boundary.PERIODIC, Boundary.SLIP])
def test_every_grid_is_exact_or_refused(side, size, boundary, float64):
    layer = nn.Conv(
        SQUARE,
        "2x0+ 1+ 0-",
        "0+ 1+",
        size,
        stride=2,
        boundary=boundary,
        key=KEY,
        dtype=float64,
    )
    x = image((side, side))
    if (side + size) % 2:
        with pytest.raises(ValueError, match="reflections would not commute"):
            layer(x)
        return
    if boundary is Boundary.SLIP and size // 2 > side:
        return
    assert equivariance_error(layer, x, SQUARE) <= TOLERANCES["float64"]
    steps = layer.translation_steps(x.grid)
    assert steps == (
        (2, 2) if side % 2 == 0 and boundary is not Boundary.SLIP else (0, 0)
    )
    back = nn.ConvTranspose(
        SQUARE, "0+ 1+", "1+", size, boundary=boundary, key=KEY, dtype=float64
    )
    assert back(layer(x)).grid == x.grid
    assert equivariance_error(back, layer(x), SQUARE) <= TOLERANCES["float64"]


def test_a_torus_with_both_ends_has_no_translations(float64):
    layer = nn.Conv(SQUARE, "0+", "0+", 3, stride=2, key=KEY, dtype=float64)
    assert layer.translation_steps((5, 9)) == (0, 0)
    even = nn.Conv(SQUARE, "0+", "0+", 4, stride=2, key=KEY, dtype=float64)
    assert even.translation_steps((4, 6)) == (2, 2)
    assert translation_error(even, image((4, 6), "0+"), (2, 4)) <= 1e-13


def test_what_survives_of_a_window_off_centre_is_on_record(float64):
    """Odd windows on even grids prefer one side: only exchanges of axes are left."""
    layer = nn.Conv(
        SQUARE, "0+", "0+", 3, stride=2, remaining=SWAP, key=KEY, dtype=float64
    )
    x = image((6, 6), "0+")
    assert layer.equivariant_under(x.grid) == SWAP
    assert equivariance_error(layer, x, SWAP) <= TOLERANCES["float64"]
    assert equivariance_error(layer, x, SQUARE) > 1e-2


@pytest.mark.parametrize(
    ("size", "stride", "dilation"), [(4, 2, 1), (5, 3, 1), (4, 2, 3)]
)
def test_transpose_is_the_transpose_of_a_strided_convolution(
    size, stride, dilation, float64
):
    """The adjoint of `Conv` is a `ConvTranspose`, with some of its coefficients."""
    options = {"stride": stride, "dilation": dilation, "use_bias": False}
    shapes = {"key": KEY, "dtype": float64, **options}
    forward = nn.Conv(SQUARE, "0+ 1+", "1+ 2x0+", size, **shapes)
    back = nn.ConvTranspose(SQUARE, "1+ 2x0+", "0+ 1+", size, **shapes)
    wanted = np.flip(np.swapaxes(forward.kernel.dense(), -1, -2), (0, 1))

    def dense(weights):
        return eqx.tree_at(lambda k: k.weights, back.kernel, weights).dense()

    columns = jax.jit(jax.vmap(dense))(jnp.eye(back.kernel.weights.size))
    matrix = np.asarray(columns).reshape(len(columns), -1).T
    weights, *_ = np.linalg.lstsq(matrix, wanted.ravel(), rcond=None)
    np.testing.assert_allclose(matrix @ weights, wanted.ravel(), atol=1e-12)
    back = eqx.tree_at(lambda c: c.kernel.weights, back, jnp.asarray(weights))
    x = image((2 * stride, 3 * stride), "0+ 1+")
    y, adjoint = jax.vjp(lambda a: forward(x.with_array(a)).array, x.array)
    g = jnp.asarray(np.random.default_rng(1).standard_normal(y.shape))
    found = back(gn.GeometricImage("1+ 2x0+", g)).array
    np.testing.assert_allclose(found, adjoint(g)[0], rtol=0, atol=1e-12)


def test_transpose_keeps_unit_variance_at_the_start(float64):
    fields = "32x0+ 32x1+"
    layer = nn.ConvTranspose(SQUARE, fields, fields, key=KEY, dtype=float64)
    y = eqx.filter_jit(layer)(image((8, 8), fields))
    for tensor_type in y.signature.types:
        assert 0.8 < float(jnp.std(y[tensor_type])) < 1.25


def test_groups_of_channels_do_not_mix(float64):
    """Each group is a layer of its own."""
    fields = gn.Signature("a:2x0+ b:4x1+")
    layer = nn.Conv(SQUARE, fields, fields, channel_groups=2, key=KEY, dtype=float64)
    single = nn.Conv(SQUARE, "0+ 2x1+", "0+ 2x1+", key=KEY, dtype=float64)
    assert layer.kernel.weights.size == 2 * single.kernel.weights.size
    x = image((4, 5), "a:2x0+ b:4x1+")
    y = eqx.filter_jit(layer)(x)
    for n, weights in enumerate(layer.kernel.weights.reshape(2, -1)):
        one = eqx.tree_at(lambda c: c.kernel.weights, single, weights)
        part = gn.GeometricImage.from_fields(
            "a:0+ b:2x1+",
            {"a": x["a"][..., n : n + 1], "b": x["b"][..., 2 * n : 2 * n + 2, :]},
            2,
        ).with_signature("0+ 2x1+")
        alone = eqx.filter_jit(one)(part)
        np.testing.assert_allclose(y["a"][..., n], alone["0+"][..., 0], atol=1e-12)
        np.testing.assert_allclose(
            y["b"][..., 2 * n : 2 * n + 2, :], alone["1+"], atol=1e-12
        )


def test_coefficients_of_groups_round_trip(float64):
    fields = gn.Signature("4x0+ 2x1+")
    kernel = nn.Kernel(SQUARE, fields, fields, 3, channel_groups=2, key=KEY)
    again = kernel.with_coefficients(kernel.coefficients)
    np.testing.assert_array_equal(again.weights, kernel.weights)
    assert kernel.coefficients["0+<-1+"].shape == (2, 2, 2, 1)
    ones = kernel.with_coefficients({"0+<-0+": np.ones(3)})
    np.testing.assert_array_equal(ones.coefficients["0+<-0+"], np.ones((2, 3, 2, 2)))
