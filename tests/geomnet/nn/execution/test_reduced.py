"""Two executions of one convolution: dense and symmetry-reduced."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.filters._kernel_space import KernelSpace
from geomnet.nn import Boundary, as_faces
from geomnet.nn._execution import Form, chosen_form
from geomnet.nn._execution._dense import convolve_dense
from geomnet.nn._execution._reduced import can_reduce, convolve_reduced, reduction
from geomnet.nn._placement import SlidingWindow

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
    faces = as_faces(Boundary.PERIODIC, group.num_spatial_dims)
    sliding = SlidingWindow(kernel.window, 1, dilation, group)

    def by(form):
        def run(x, weights):
            placed = sliding.on(x.shape[:-1], "test")
            return form(x, weights, kernel.space, placed, faces)

        return run

    return kernel, by(convolve_dense), by(convolve_reduced)


def space(group, source, target, size=3, channel_groups=1):
    window = (size,) * group.num_spatial_dims
    source, target = (gn.Representation(group, fields) for fields in (source, target))
    return KernelSpace(source, target, window, channel_groups)


def form_of(kernels, grid, dtype="float32", stride=1, boundary=Boundary.PERIODIC):
    group = kernels.source.group
    placed = SlidingWindow(kernels.window, stride, 1, gn.trivial(2)).on(grid, "test")
    faces = as_faces(boundary, group.num_spatial_dims)
    return chosen_form(kernels, placed, faces, grid, jnp.dtype(dtype))


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
    assert can_reduce(space(SQUARE, "0+", "0+"))
    assert can_reduce(space(CUBE, "0+", "0+"))
    assert not can_reduce(space(gn.rotations(2), "0+", "0+"))
    assert not can_reduce(space(SQUARE, "0+", "0+", 4)), "No cell in the middle."
    assert not can_reduce(space(SQUARE, "0+", "0+", 1)), "Nothing to gain."


def test_neighbours_are_summed_where_fewest_features_are():
    def axes(group, source, target):
        plan = reduction(space(group, source, target), 1)
        return plan.source.reach, plan.target.reach

    assert axes(SQUARE, "2x0+ 2x1+", "1+ 0+") == ((0, 1), (1, 0))
    assert axes(SQUARE, "4x0+ 4x1+", "1+ 0+") == ((0, 0), (1, 1))
    assert axes(SQUARE, "1+ 0+", "4x0+ 4x1+") == ((1, 1), (0, 0))
    assert axes(CUBE, "0+ 1+", "0+ 1+") == ((0, 1, 1), (1, 0, 0))
    assert axes(CUBE, "2x0+ 2x1+", "0+ 1+") == ((0, 0, 1), (1, 1, 0))


def test_what_the_reduced_form_can_not_do_or_not_faster_stays_dense():
    wide, narrow = "8x0+ 8x1+", "4x0+ 4x1+"
    square = space(SQUARE, wide, wide)
    assert form_of(square, (64, 64)) is Form.REDUCED
    assert form_of(space(SQUARE, narrow, wide), (4, 4)) is Form.DENSE
    assert form_of(square, (64, 64), "bfloat16") is Form.DENSE
    assert form_of(square, (64, 64), stride=2) is Form.DENSE
    assert form_of(square, (64, 64), boundary=Boundary.SLIP) is Form.DENSE
    dealt = space(SQUARE, wide, wide, channel_groups=2)
    assert form_of(dealt, (64, 64)) is Form.DENSE
    assert form_of(space(SQUARE, wide, wide, 5), (64, 64)) is Form.DENSE


@pytest.mark.parametrize("grid", [(5, 7), (40, 39)], ids=["dense", "reduced"])
def test_both_forms_are_translated_to_the_bit(grid):
    fields = gn.Signature("8x0+ 8x1+ 2x0-")
    layer = gn.nn.Conv(SQUARE, fields, fields, key=jax.random.key(0))
    form = form_of(layer.kernel.space, grid)
    assert (form is Form.REDUCED) == (grid == (40, 39))
    rng = np.random.default_rng(0)
    array = rng.standard_normal((*grid, fields.features(2))).astype(np.float32)
    run = eqx.filter_jit(lambda array: layer(gn.GeometricImage(fields, array)).array)
    y = np.asarray(run(jnp.asarray(array)))
    for shift in ((1, 2), (3, 5)):
        moved = run(jnp.asarray(np.roll(array, shift, (0, 1))))
        np.testing.assert_array_equal(moved, np.roll(y, shift, (0, 1)))
