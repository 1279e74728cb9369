"""What a block keeps for its backward pass, against a plain one of equal width."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.nn import _activation, _norm

from ..saved_bytes import saved_bytes

SQUARE = gn.hyperoctahedral(2)
FIELDS = gn.Signature("16x0+ 24x1+")
GRID = (64, 64)
FIELDS_KEPT = {"restored": 1, "layer": 2}


class PlainBlock(eqx.Module):
    """Convolution, group norm, silu."""

    conv: eqx.nn.Conv2d
    norm: eqx.nn.GroupNorm

    def __call__(self, x):
        return jax.nn.silu(self.norm(self.conv(x)))


def plain_block(width, key, dtype):
    block = PlainBlock(
        eqx.nn.Conv2d(
            width,
            width,
            3,
            padding="SAME",
            padding_mode="CIRCULAR",
            use_bias=False,
            key=key,
        ),
        eqx.nn.GroupNorm(1, width),
    )
    return cast(block, dtype)


def cast(module, dtype):
    return jax.tree.map(
        lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf, module
    )


def batch(fields, dtype):
    x = jnp.zeros((2, *GRID, fields.features(2)), dtype)
    return gn.GeometricImage(fields, x, 2)


def bytes_of_blocks(norm, dtype, key):
    """Of our block, and of the plain one."""
    ours = gn.models.ConvBlock(SQUARE, FIELDS, FIELDS, norm=norm, key=key, dtype=dtype)
    plain = plain_block(FIELDS.features(2), key, dtype)
    given = batch(FIELDS, dtype)
    return saved_bytes(ours, given), saved_bytes(
        plain, jnp.moveaxis(given.array, -1, 1)
    )


@pytest.fixture
def accelerator(monkeypatch):
    """What is decided by the device, as it is decided for a GPU."""
    jax.clear_caches()
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    yield
    jax.clear_caches()


def undo_the_mend(monkeypatch):
    for module, name in (
        (_activation, "_gated"),
        (_activation, "_scaled_by_norm"),
        (_norm, "_normalised"),
    ):
        function = getattr(module, name)
        monkeypatch.setattr(module, name, function.__wrapped__)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("norm", FIELDS_KEPT)
def test_a_block_keeps_no_more_than_a_plain_one(norm, dtype, accelerator, key):
    ours, plain = bytes_of_blocks(norm, dtype, key)
    assert ours <= plain


def fields_kept(norm, dtype, key):
    """How many fields of a block's output lie beside the extended input and the
    kernel, which every convolution keeps.
    """
    width, itemsize = FIELDS.features(2), jnp.dtype(dtype).itemsize
    cells = 2 * math.prod(GRID)
    extended = 2 * math.prod(n + 2 for n in GRID)
    convolution = (extended * width + 9 * width**2) * itemsize
    kept = bytes_of_blocks(norm, dtype, key)[0] - convolution
    return kept / (cells * width * itemsize)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("norm", FIELDS_KEPT)
def test_what_a_gate_and_a_norm_are_given_is_kept(norm, dtype, accelerator, key):
    """Numbers for each sample or channel, which grow with no grid, are below 5 %."""
    expected = FIELDS_KEPT[norm]
    assert expected <= fields_kept(norm, dtype, key) < expected + 0.05


def test_without_recomputation_the_laws_fail(accelerator, key, monkeypatch):
    undo_the_mend(monkeypatch)
    ours, plain = bytes_of_blocks("layer", "float32", key)
    assert ours > plain
    for norm, expected in FIELDS_KEPT.items():
        assert fields_kept(norm, "bfloat16", key) > expected + 2


LAYERS = {
    "gate": gn.nn.Gate(SQUARE, "2x0+ 1x1+ 1x0-", key=jax.random.key(1)),
    "plain gate": gn.nn.Gate(gn.trivial(2), "5x0+", key=jax.random.key(1)),
    "norm activation": gn.nn.NormActivation(SQUARE, "2x0+ 1x1+ 1x0-"),
    "layer norm": gn.nn.LayerNorm(SQUARE, "2x0+ 1x1+ 1x0-"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_recomputation_changes_no_bit_and_no_derivative(name, float64, monkeypatch):
    layer = cast(LAYERS[name], np.dtype("float64"))
    x, t = jax.random.normal(jax.random.key(2), (2, 3, 2, 2, 5), "float64")

    def run(x):
        image = gn.GeometricImage(layer.signature, x, 2)
        return layer(image).array

    def results():
        second = jax.grad(lambda x: jnp.vdot(jax.grad(loss)(x), t[0]))
        return (
            jax.jit(run)(x[0]),
            jax.vmap(run)(x),
            jax.jvp(run, (x[0],), (t[0],))[1],
            second(x[0]),
            jax.jvp(jax.grad(loss), (x[0],), (t[0],))[1],
        )

    def loss(x):
        return jnp.sum(run(x) ** 3)

    found = results()
    undo_the_mend(monkeypatch)
    expected = results()
    for a, b in zip(found[:2], expected[:2], strict=True):
        assert np.array_equal(a, b)
    for a, b in zip(found[2:], expected[2:], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)
    assert np.abs(expected[3]).max() > 0
