"""The laws of every layer: equivariance, before and after every leaf was changed.

One table of layers, and each law runs over all of it. A new layer joins the table.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.nn import Boundary
from geomnet.testing import TOLERANCES, equivariance_error, perturb, translation_error

SQUARE = gn.hyperoctahedral(2)
CUBE = gn.hyperoctahedral(3)
ROTATIONS = gn.rotations(2)
FIELDS = gn.Signature("2x0+ 2x1+ 1x0- 1x1- 1x2s+")
SPACE = gn.Signature("2x0+ 1x1+ 1x0- 1x1-")
MIXED = gn.Signature("a:1+ b:2x0+ c:1+ d:0-")


def conv(group, fields, size: int | tuple = 3, **options):
    return lambda key, dtype: gn.nn.Conv(
        group, fields, fields, size, key=key, dtype=dtype, **options
    )


def between(layer, group, fields, out=None):
    return lambda key, dtype: layer(group, fields, out or fields, key=key, dtype=dtype)


def spectral(group, fields, modes):
    return lambda key, dtype: gn.nn.SpectralConv(
        group, fields, fields, modes, key=key, dtype=dtype
    )


def within(layer, group, fields):
    return lambda key, dtype: layer(group, fields, key=key, dtype=dtype)


def norm(group, fields, layer: type = gn.nn.LayerNorm):
    return lambda key, dtype: layer(group, fields, dtype=dtype)


def groups(group, fields):
    return lambda key, dtype: gn.nn.GroupNorm(group, fields, 2, dtype=dtype)


def fixed(layer, group, fields, **options):
    return lambda key, dtype: layer(group, fields, **options)


def transpose(group, fields, size, **options):
    return lambda key, dtype: gn.nn.ConvTranspose(
        group, fields, fields, size, key=key, dtype=dtype, **options
    )


# name: (maker, grid, shift under which the layer is translation equivariant)
PLANE = {
    "conv": (conv(SQUARE, FIELDS), (6, 4), (2, 1)),
    "conv, odd": (conv(SQUARE, FIELDS), (5, 5), (2, 1)),
    "conv, window larger than grid": (conv(SQUARE, MIXED, size=5), (2, 3), (1, 1)),
    "conv, dilated": (conv(SQUARE, MIXED, dilation=2), (5, 6), (1, 3)),
    "conv, even size halves": (conv(SQUARE, MIXED, size=4, stride=2), (6, 4), (2, 4)),
    "conv, odd size thirds": (conv(SQUARE, MIXED, stride=3), (6, 6), (3, 0)),
    "conv, rotations": (conv(ROTATIONS, MIXED), (5, 5), (1, 2)),
    "conv, reflections": (conv(gn.reflections(2), MIXED, size=(3, 1)), (4, 5), (1, 2)),
    "conv, line": (conv(gn.hyperoctahedral(1), "0+ 1+ 0-"), (5,), (2,)),
    "conv, nothing beyond": (conv(SQUARE, MIXED, boundary=Boundary.ZERO), (4, 3), None),
    "conv, edges": (conv(SQUARE, MIXED, 5, boundary=Boundary.EDGE), (2, 3), None),
    "conv, slip": (conv(SQUARE, FIELDS, boundary=Boundary.SLIP), (4, 3), None),
    "conv, no slip": (conv(SQUARE, FIELDS, boundary=Boundary.NO_SLIP), (4, 3), None),
    "conv, channel flow": (
        conv(
            gn.reflections(2),
            MIXED,
            boundary=(Boundary.PERIODIC, Boundary.SLIP),
        ),
        (4, 3),
        (1, 0),
    ),
    "conv, ends of an odd grid": (conv(SQUARE, MIXED, stride=2), (5, 3), None),
    "conv, ends between walls": (
        conv(SQUARE, MIXED, stride=2, boundary=Boundary.SLIP),
        (5, 3),
        None,
    ),
    "conv, depthwise": (conv(SQUARE, "3x0+ 3x1+", channel_groups=3), (4, 3), (1, 2)),
    "conv, groups": (
        conv(SQUARE, "a:2x1+ b:4x0+ c:2x1+", channel_groups=2, dilation=2),
        (5, 4),
        (1, 2),
    ),
    "conv, no reversal": (
        conv(gn.Group.from_generators([[[0, 1], [1, 0]]]), MIXED, stride=2),
        (4, 6),
        (2, 2),
    ),
    "transpose, even": (between(gn.nn.ConvTranspose, SQUARE, MIXED), (3, 2), (1, 1)),
    "transpose, odd": (transpose(SQUARE, MIXED, 3), (3, 2), None),
    "transpose, thirds": (transpose(SQUARE, MIXED, 5, stride=3), (2, 3), (1, 1)),
    "transpose, dilated": (transpose(SQUARE, MIXED, 4, dilation=3), (3, 2), (1, 1)),
    "transpose, walls": (
        transpose(SQUARE, MIXED, 4, boundary=Boundary.NO_SLIP),
        (3, 2),
        None,
    ),
    "spectral": (spectral(SQUARE, FIELDS, 1), (3, 4), (1, 2)),
    "linear": (between(gn.nn.Linear, SQUARE, FIELDS), (3, 2), (1, 1)),
    "mean bias": (norm(SQUARE, FIELDS, gn.nn.MeanBias), (5, 4), (1, 1)),
    "down": (between(gn.nn.Down, SQUARE, FIELDS), (6, 4), (2, 2)),
    "up": (between(gn.nn.Up, SQUARE, FIELDS), (3, 2), (1, 1)),
    "norm": (norm(SQUARE, FIELDS), (5, 4), (1, 1)),
    "norm, rotations": (norm(ROTATIONS, FIELDS), (4, 4), (1, 1)),
    "group norm": (groups(SQUARE, "2x0+ 4x1+ 2x0-"), (5, 4), (1, 1)),
    "instance norm": (norm(SQUARE, FIELDS, gn.nn.InstanceNorm), (5, 4), (1, 1)),
    "norm activation": (norm(SQUARE, FIELDS, gn.nn.NormActivation), (5, 4), (1, 1)),
    "vector neuron": (within(gn.nn.VectorNeuron, SQUARE, FIELDS), (5, 4), (1, 1)),
    "gate": (within(gn.nn.Gate, SQUARE, FIELDS), (5, 4), (1, 1)),
    "gate, rotations": (within(gn.nn.Gate, ROTATIONS, FIELDS), (4, 4), (1, 1)),
    "product": (
        between(gn.nn.TensorProduct, SQUARE, "2x0+ 2x1+", "0- 2x0+ 1+ 2s+ 1-"),
        (3, 4),
        (1, 1),
    ),
    "average pool": (fixed(gn.nn.AveragePool, SQUARE, FIELDS), (4, 6), (2, 4)),
    "norm pool": (fixed(gn.nn.NormPool, SQUARE, FIELDS), (4, 6), (2, 4)),
    "nearest": (fixed(gn.nn.NearestUp, SQUARE, FIELDS), (3, 2), (1, 1)),
    "multilinear": (fixed(gn.nn.MultilinearUp, SQUARE, FIELDS), (3, 2), (1, 1)),
    "multilinear, walls": (
        fixed(gn.nn.MultilinearUp, SQUARE, FIELDS, boundary=Boundary.SLIP),
        (3, 2),
        None,
    ),
    "blur": (fixed(gn.nn.BlurPool, SQUARE, FIELDS), (4, 6), (2, 4)),
    "blur, odd": (fixed(gn.nn.BlurPool, SQUARE, FIELDS), (5, 4), None),
}
VOLUME = {
    "conv, box": (conv(CUBE, "2x0+ 1+ 1-"), (3, 3, 2), (1, 2, 1)),
    "conv, reduced": (conv(CUBE, "11x0+ 7x1+"), (2, 2, 2), (1, 0, 1)),
    "conv, slip in a box": (
        conv(CUBE, "0+ 1+ 1-", boundary=Boundary.SLIP),
        (2, 2, 2),
        None,
    ),
    "conv, around a vertical": (
        conv(SQUARE * gn.trivial(1), "0+ 1+"),
        (4, 4, 3),
        (1, 2, 1),
    ),
    "spectral, rotations": (
        spectral(gn.rotations(3), "0+ 1+", 1),
        (3, 4, 3),
        (1, 0, 2),
    ),
    "linear, cube": (between(gn.nn.Linear, CUBE, SPACE), (2, 2, 2), (1, 1, 0)),
    "down, cube": (between(gn.nn.Down, CUBE, SPACE), (4, 4, 2), (2, 2, 0)),
    "up, cube": (between(gn.nn.Up, CUBE, SPACE), (2, 2, 1), (1, 1, 0)),
    "norm, cube": (norm(CUBE, SPACE), (2, 2, 3), (1, 1, 2)),
    "gate, cube": (within(gn.nn.Gate, CUBE, SPACE), (2, 2, 2), (1, 1, 0)),
    "product, cube": (
        between(gn.nn.TensorProduct, CUBE, "0+ 2x1+", "1- 0+ 2a+"),
        (2, 2, 2),
        (1, 1, 1),
    ),
}
LAYERS = PLANE | VOLUME

every_layer = pytest.mark.parametrize("name", LAYERS)
every_flat_layer = pytest.mark.parametrize("name", PLANE)
LINEAR = ("conv", "transpose", "multilinear", "blur")


def _is_variant(name):
    """Of a linear layer: windows and walls differ, of which doubles tell, and
    derivatives are of no field.
    """
    kind, comma, _ = name.partition(", ")
    return bool(comma) and kind in LINEAR and name != "transpose, even"


each_flat_layer = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if _is_variant(name) else [])
        for name in PLANE
    ],
)


@eqx.filter_jit
def run_batch(layer, x):
    """Compiled: called eagerly, every operation would be compiled alone."""
    return jax.vmap(layer)(x)


@eqx.filter_jit
def slope(layer, x):
    def loss(both):
        layer, x = both
        y = layer(x).array
        return jnp.sum(y**2) + jnp.sum(y)

    return eqx.filter_value_and_grad(loss)((layer, x))


def build(name, dtype):
    maker, grid, shift = LAYERS[name]
    layer = maker(jax.random.key(1), dtype)
    fields = layer.signature if hasattr(layer, "signature") else layer.in_signature
    rng = np.random.default_rng(0)
    array = rng.standard_normal((*grid, fields.features(len(grid))))
    return layer, gn.GeometricImage(fields, array.astype(dtype)), shift


@every_layer
def test_commutes_with_group_and_translations_before_and_after_training(name, float64):
    layer, x, shift = build(name, float64)
    trained = perturb(layer, 0.3, key=jax.random.key(2))
    for state in (layer, trained):
        assert equivariance_error(state, x, state.group) <= TOLERANCES["float64"]
    if shift is not None:
        assert translation_error(trained, x, shift) <= 1e-13
    batch = x.with_array(jnp.stack([x.array, 2 * x.array]))
    together = run_batch(trained, batch)
    assert np.abs(together.array).max() > 1e-3, "A layer of zeros proves nothing."
    alone = eqx.filter_jit(trained)(x)
    assert together.signature == alone.signature
    np.testing.assert_allclose(together.array[0], alone.array, rtol=0, atol=1e-12)


@every_layer
def test_every_layer_states_with_what_it_commutes(name):
    """From shapes alone: nothing is drawn or compiled."""
    maker, grid, shift = LAYERS[name]
    layer = eqx.filter_eval_shape(lambda k: maker(k, np.float32), jax.random.key(1))
    assert layer.equivariant_under(grid) == layer.group
    steps = layer.translation_steps(grid)
    if shift is None:
        assert 0 in steps
    else:
        assert all(n and s % n == 0 for n, s in zip(steps, shift, strict=True) if s)
    with pytest.raises(ValueError, match=f"must have {len(grid)} sides"):
        layer.equivariant_under((*grid, 4))


@each_flat_layer
def test_float32_commutes_to_its_rounding(name):
    layer, x, _ = build(name, np.dtype("float32"))
    trained = perturb(layer, 0.3, key=jax.random.key(2))
    assert equivariance_error(trained, x, trained.group) <= TOLERANCES["float32"]


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
        dense = cells * kernel.in_signature.features(d) / kernel.channel_groups
        assert kernel.weights.size < dense * kernel.out_signature.features(d)


@each_flat_layer
def test_gradients_are_finite_on_degenerate_fields(name):
    layer, x, _ = build(name, np.dtype("float32"))
    for array in degenerate(x):
        found = slope(layer, x.with_array(jnp.asarray(array, jnp.float32)))
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))


@pytest.mark.slow
@every_flat_layer
def test_gradients_are_finite_on_degenerate_fields_in_bfloat16(name):
    layer, x, _ = build(name, np.dtype("float32"))
    for array in degenerate(x):
        found = slope(layer, x.with_array(jnp.asarray(array, jnp.bfloat16)))
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))


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
            array[..., where.stop - 1] = -np.roll(wave, 1, 0)
    yield array


@each_flat_layer
def test_bfloat16_stays_bfloat16_and_close(name):
    layer, x, _ = build(name, np.dtype("float32"))
    high = np.asarray(eqx.filter_jit(layer)(x).array)
    low, slopes = slope(layer, x.astype(jnp.bfloat16))
    assert low.dtype == jnp.bfloat16
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))
    wanted = np.sum(high**2) + np.sum(high)
    np.testing.assert_allclose(np.float32(low), wanted, rtol=0.06, atol=1)


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
