"""Two executions of one convolution: dense and symmetry-reduced."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.nn._boundary import Boundary, as_faces, extend
from geomnet.nn._lowering import convolve
from geomnet.nn._reduced import can_reduce, convolve_reduced, prefers_reduced, reduction

SQUARE, CUBE = gn.hyperoctahedral(2), gn.hyperoctahedral(3)

CASES = {
    "entries out of order": (
        SQUARE,
        "2x0+ 2x1+ 1x0-",
        "a:1+ 2x0+ 1+ 0- 2s+",
        3,
        1,
        (5, 4),
    ),
    "reflections, dilated": (gn.reflections(2), "0+ 1+", "1+ 0+", (5, 3), 2, (6, 7)),
    "cube": (CUBE, "2x0+ 1+", "1+ 1-", 3, 1, (4, 3, 3)),
    "many to few": (SQUARE, "6x0+ 6x1+", "0+ 1+", 3, 1, (4, 5)),
    "few to many": (SQUARE, "0+ 1-", "6x0- 6x1+", 3, 1, (4, 5)),
    "cube, many to few": (CUBE, "2x0+ 3x1+", "0+ 1+", 3, 1, (4, 3, 3)),
    "one parity is not reached": (SQUARE, "0+", "1+", 3, 1, (4, 4)),
}


def executions(group, source, target, size, dilation, dtype):
    kernel = gn.nn.Kernel(
        group, source, target, size, key=jax.random.key(0), dtype=dtype
    )
    d = group.num_spatial_dims
    faces = as_faces(Boundary.PERIODIC, d)
    padding = [(dilation * (n // 2),) * 2 for n in kernel.window]

    def dense(x, weights):
        changed = eqx.tree_at(lambda k: k.weights, kernel, weights)
        x = extend(x, kernel.in_signature, faces, padding)
        return convolve(x, changed.dense(), dilation=dilation)

    def reduced(x, weights):
        fields = kernel.in_signature, kernel.out_signature
        return convolve_reduced(x, weights, group, *fields, kernel.window, dilation)

    return kernel, dense, reduced


@pytest.mark.parametrize("name", CASES)
def test_value_and_both_gradients_agree_with_the_dense_form(name, dtype):
    group, source, target, size, dilation, grid = CASES[name]
    kernel, dense, reduced = executions(group, source, target, size, dilation, dtype)
    rng, d = np.random.default_rng(0), len(grid)
    x = rng.standard_normal((2, *grid, kernel.in_signature.features(d))).astype(dtype)
    cotangent = rng.standard_normal((2, *grid, kernel.out_signature.features(d)))
    cotangent = jnp.asarray(cotangent.astype(dtype))

    def everything(f):
        def value_and_gradients(x, weights):
            y, back = jax.vjp(jax.vmap(f, in_axes=(0, None)), x, weights)
            return y, *back(cotangent)

        return jax.jit(value_and_gradients)(jnp.asarray(x), kernel.weights)

    atol = 1e-11 if dtype == np.float64 else 2e-4
    for a, b in zip(everything(dense), everything(reduced), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=atol)


def test_gradients_of_single_samples_agree_too(float64):
    """`vmap` of `grad`: one gradient for each sample, not their sum."""
    kernel, dense, reduced = executions(SQUARE, "0+ 1+", "0+ 1+", 3, 1, float64)
    x = jnp.asarray(np.random.default_rng(0).standard_normal((2, 3, 4, 3)))

    def per_sample(f):
        gradient = jax.grad(lambda x, w: jnp.sum(f(x, w) ** 3), argnums=1)
        return jax.jit(jax.vmap(gradient, in_axes=(0, None)))(x, kernel.weights)

    np.testing.assert_allclose(
        per_sample(dense), per_sample(reduced), rtol=0, atol=1e-10
    )


def test_only_groups_that_reflect_every_axis_are_reduced():
    assert can_reduce(SQUARE, (3, 3))
    assert can_reduce(CUBE, (3, 3, 3))
    assert not can_reduce(gn.rotations(2), (3, 3))
    assert not can_reduce(SQUARE, (4, 4)), "No cell in the middle."
    assert not can_reduce(SQUARE, (1, 1)), "Nothing to gain."


def test_neighbours_are_summed_where_fewest_features_are():
    def axes(group, source, target):
        fields, d = (gn.Signature(source), gn.Signature(target)), group.num_spatial_dims
        plan = reduction(group, *fields, (3,) * d, 1)
        return plan.source.reach, plan.target.reach

    assert axes(SQUARE, "2x0+ 2x1+", "1+ 0+") == ((0, 1), (1, 0))
    assert axes(SQUARE, "4x0+ 4x1+", "1+ 0+") == ((0, 0), (1, 1))
    assert axes(SQUARE, "1+ 0+", "4x0+ 4x1+") == ((1, 1), (0, 0))
    assert axes(CUBE, "0+ 1+", "0+ 1+") == ((0, 1, 1), (1, 0, 0))
    assert axes(CUBE, "2x0+ 2x1+", "0+ 1+") == ((0, 0, 1), (1, 1, 0))


def test_small_layers_and_short_floats_stay_dense():
    wide, narrow = gn.Signature("8x0+ 8x1+"), gn.Signature("4x0+ 4x1+")
    f32, bf16 = jnp.dtype("float32"), jnp.dtype("bfloat16")
    fine, coarse = (64, 64), (4, 4)
    assert prefers_reduced(SQUARE, wide, wide, (3, 3), fine, f32)
    assert not prefers_reduced(SQUARE, narrow, wide, (3, 3), coarse, f32)
    assert not prefers_reduced(SQUARE, wide, wide, (3, 3), fine, bf16)


@pytest.mark.parametrize("grid", [(5, 7), (40, 39)], ids=["dense", "reduced"])
def test_both_forms_are_translated_to_the_bit(grid):
    fields = gn.Signature("8x0+ 8x1+ 2x0-")
    layer = gn.nn.Conv(SQUARE, fields, fields, key=jax.random.key(0))
    form = prefers_reduced(SQUARE, fields, fields, (3, 3), grid, jnp.dtype("float32"))
    assert form == (grid == (40, 39))
    rng = np.random.default_rng(0)
    array = rng.standard_normal((*grid, fields.features(2))).astype(np.float32)
    run = eqx.filter_jit(lambda array: layer(gn.GeometricImage(fields, array)).array)
    y = np.asarray(run(jnp.asarray(array)))
    for shift in ((1, 2), (3, 5)):
        moved = run(jnp.asarray(np.roll(array, shift, (0, 1))))
        np.testing.assert_array_equal(moved, np.roll(y, shift, (0, 1)))
