"""The laws of every layer: equivariance, before and after every leaf was changed.

One table of layers, and each law runs over all of it. A new layer joins the table.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.testing import TOLERANCES, equivariance_error, perturb, translation_error

SQUARE = gn.hyperoctahedral(2)
CUBE = gn.hyperoctahedral(3)
FIELDS = gn.Signature("2x0+ 2x1+ 1x0- 1x1- 1x2s+")
SPACE = gn.Signature("2x0+ 1x1+ 1x0- 1x1-")
MIXED = gn.Signature("a:1+ b:2x0+ c:1+ d:0-")


def conv(group, fields, out=None, size=3, **options):
    return lambda key, dtype: gn.nn.Conv(
        group, fields, out or fields, size, key=key, dtype=dtype, **options
    )


def between(layer, group, fields, out=None):
    return lambda key, dtype: layer(group, fields, out or fields, key=key, dtype=dtype)


# name: (maker, grid, shift under which the layer is translation equivariant)
LAYERS = {
    "conv": (conv(SQUARE, FIELDS), (6, 6), (1, 2)),
    "conv, not square": (conv(SQUARE, FIELDS), (6, 4), (2, 1)),
    "conv, odd": (conv(SQUARE, FIELDS), (5, 3), (2, 1)),
    "conv, entries out of order": (conv(SQUARE, MIXED), (4, 4), (1, 1)),
    "conv, window larger than grid": (conv(SQUARE, MIXED, size=5), (2, 3), (1, 1)),
    "conv, dilated": (conv(SQUARE, MIXED, dilation=2), (5, 6), (1, 3)),
    "conv, even size halves": (conv(SQUARE, MIXED, size=4, stride=2), (6, 4), (2, 4)),
    "conv, odd size thirds": (conv(SQUARE, MIXED, stride=3), (6, 6), (3, 0)),
    "conv, rotations": (conv(gn.rotations(2), FIELDS), (5, 5), (1, 2)),
    "conv, reflections": (
        conv(gn.reflections(2), MIXED, size=(3, 1)),
        (4, 5),
        (1, 2),
    ),
    "conv, line": (conv(gn.hyperoctahedral(1), "0+ 1+ 0-"), (5,), (2,)),
    "conv, cube": (conv(CUBE, SPACE), (4, 4, 4), (1, 2, 3)),
    "conv, box": (conv(CUBE, SPACE), (2, 3, 4), (1, 2, 3)),
    "conv, around a vertical": (
        conv(SQUARE * gn.trivial(1), "0+ 1+"),
        (4, 4, 3),
        (1, 2, 1),
    ),
    "linear": (between(gn.nn.Linear, SQUARE, FIELDS), (3, 2), (1, 1)),
    "linear, cube": (between(gn.nn.Linear, CUBE, SPACE), (2, 2, 2), (1, 1, 0)),
    "down": (between(gn.nn.Down, SQUARE, FIELDS), (6, 4), (2, 2)),
    "down, cube": (between(gn.nn.Down, CUBE, SPACE), (4, 4, 2), (2, 2, 0)),
    "up": (between(gn.nn.Up, SQUARE, FIELDS), (3, 2), (1, 1)),
    "up, cube": (between(gn.nn.Up, CUBE, SPACE), (2, 2, 1), (1, 1, 0)),
    "norm": (
        lambda key, dtype: gn.nn.LayerNorm(SQUARE, FIELDS, dtype=dtype),
        (5, 4),
        (1, 1),
    ),
    "norm, cube": (
        lambda key, dtype: gn.nn.LayerNorm(CUBE, SPACE, dtype=dtype),
        (3, 2, 4),
        (1, 1, 2),
    ),
    "norm, rotations": (
        lambda key, dtype: gn.nn.LayerNorm(gn.rotations(2), FIELDS, dtype=dtype),
        (4, 4),
        (1, 1),
    ),
    "gate": (
        lambda key, dtype: gn.nn.Gate(SQUARE, FIELDS, key=key, dtype=dtype),
        (5, 4),
        (1, 1),
    ),
    "gate, cube": (
        lambda key, dtype: gn.nn.Gate(CUBE, SPACE, key=key, dtype=dtype),
        (3, 2, 4),
        (1, 1, 2),
    ),
    "gate, rotations": (
        lambda key, dtype: gn.nn.Gate(gn.rotations(2), FIELDS, key=key, dtype=dtype),
        (4, 4),
        (1, 1),
    ),
}


@eqx.filter_jit
def run(layer, x):
    """One compiled call, shared: called eagerly, every operation compiles alone."""
    return layer(x)


@eqx.filter_jit
def run_batch(layer, x):
    return jax.vmap(layer)(x)


@eqx.filter_jit
def slope(layer, x):
    def loss(both):
        layer, x = both
        y = layer(x).array
        return jnp.sum(y**2) + jnp.sum(y)

    return eqx.filter_grad(loss)((layer, x))


every_layer = pytest.mark.parametrize("name", LAYERS)


def build(name, dtype):
    maker, grid, shift = LAYERS[name]
    layer = maker(jax.random.key(1), dtype)
    fields = layer.signature if hasattr(layer, "signature") else layer.in_signature
    rng = np.random.default_rng(0)
    array = rng.standard_normal((*grid, fields.features(len(grid))))
    return layer, gn.GeometricImage(fields, array.astype(dtype)), shift


@every_layer
def test_commutes_with_every_element_before_and_after_training(name, dtype):
    layer, x, _ = build(name, dtype)
    trained = perturb(layer, 0.3, key=jax.random.key(2))
    for state in (layer, trained):
        error = equivariance_error(state, x, state.group)
        assert error <= TOLERANCES[dtype.name]
        assert np.abs(run(state, x).array).max() > 1e-3, (
            "A layer of zeros proves nothing."
        )


@every_layer
def test_commutes_with_translations_of_the_torus(name, float64):
    layer, x, shift = build(name, float64)
    trained = perturb(layer, 0.3, key=jax.random.key(2))
    assert translation_error(trained, x, shift) <= 1e-13


@every_layer
def test_only_coefficients_are_parameters(name):
    layer, _, _ = build(name, np.dtype("float32"))
    leaves = jax.tree.leaves(layer)
    assert all(eqx.is_inexact_array(leaf) for leaf in leaves)
    # Fewer numbers than one dense kernel has: no filter hides among them.
    kernel = getattr(layer, "kernel", None)
    if kernel is not None:
        cells = int(np.prod(kernel.window))
        d = kernel.group.num_spatial_dims
        dense = cells * kernel.in_signature.features(d)
        assert kernel.weights.size < dense * kernel.out_signature.features(d)


@every_layer
def test_gradients_are_finite_on_degenerate_fields(name):
    layer, x, _ = build(name, np.dtype("float32"))

    for array in degenerate(x):
        found = slope(layer, x.with_array(jnp.asarray(array, jnp.float32)))
        for leaf in jax.tree.leaves(found):
            assert np.isfinite(leaf).all()


def degenerate(x):
    """Zero, constant, and a Taylor-Green vortex: isotropic, with equal variances."""
    yield np.zeros(x.array.shape)
    yield np.ones(x.array.shape)
    phases = [2 * np.pi * (np.arange(n) + 0.5) / n for n in x.grid]
    mesh = np.meshgrid(*phases, indexing="ij")
    wave = np.sin(mesh[0]) * np.prod([np.cos(m) for m in mesh[1:]], axis=0)
    array = np.zeros(x.array.shape)
    for entry, where in zip(x.signature, x.signature.slices(len(x.grid)), strict=True):
        if entry.type.order == 1:
            array[..., where.start] = wave
            array[..., where.start + 1] = -np.roll(wave, 1, 0)
    yield array


@every_layer
def test_vmap_changes_nothing(name, float64):
    layer, x, _ = build(name, float64)
    batch = x.with_array(jnp.stack([x.array, 2 * x.array]))
    together = run_batch(layer, batch)
    alone = run(layer, x)
    assert together.signature == alone.signature
    np.testing.assert_allclose(together.array[0], alone.array, rtol=0, atol=1e-12)


@every_layer
def test_bfloat16_stays_bfloat16_and_close(name):
    layer, x, _ = build(name, np.dtype("float32"))
    low = run(layer, x.astype(jnp.bfloat16))
    assert low.dtype == jnp.bfloat16
    slopes = slope(layer, x.astype(jnp.bfloat16))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))
    high = np.asarray(run(layer, x).array)
    scale = np.abs(high).max()
    np.testing.assert_allclose(
        low.array.astype(jnp.float32), high, rtol=0, atol=4e-2 * scale
    )


def test_the_law_finds_a_layer_that_prefers_an_axis():
    """A kernel of the trivial group, claimed to commute with the square's."""
    layer = gn.nn.Conv(gn.trivial(2), "0+ 1+", "0+ 1+", key=jax.random.key(0))
    x = gn.random_image("0+ 1+", (4, 4), key=jax.random.key(1))
    assert equivariance_error(layer, x, SQUARE) > 0.1


def test_the_law_finds_a_bias_that_the_group_forbids():
    norm = gn.nn.LayerNorm(SQUARE, "0-")
    assert norm.bias.weights.size == 0

    class Biased(eqx.Module):
        group: gn.Group = eqx.field(static=True)

        def __call__(self, x):
            return x.with_array(norm(x).array + jnp.float32(0.5))

    x = gn.random_image("0-", (4, 4), key=jax.random.key(1))
    assert equivariance_error(Biased(SQUARE), x) > 0.1
