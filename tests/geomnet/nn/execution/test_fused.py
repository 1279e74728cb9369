"""The fused convolution, interpreted: the function of the dense form, to rounding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.filters._kernel_space import KernelSpace
from geomnet.nn import Boundary, as_faces
from geomnet.nn._execution import Form, _fused, chosen_form
from geomnet.nn._execution._dense import convolve_dense
from geomnet.nn._execution._fused import can_fuse, convolve_fused
from geomnet.nn._execution._fused_plan import Tiling, Tilings
from geomnet.nn._placement import SlidingWindow

pytestmark = pytest.mark.filterwarnings("ignore:The Pallas Triton backend")

SQUARE, FLIPS = gn.hyperoctahedral(2), gn.reflections(2)
# So small that a few cells and channels have several programs, and some in part.
SMALL = Tiling((4, 4), 16, 16, warps=1, stages=1)
TILINGS = Tilings(SMALL, SMALL, programs=9)

CASES = {
    "more channels than at once": (SQUARE, "17x0+", "18x0+ 1+", 3, 1, (5, 3)),
    "entries out of order": (SQUARE, "a:0+ 1+ 0+", "1-", 3, 1, (3, 8)),
    "to matrices": (SQUARE, "0- 1+", "2+", 3, 1, (4, 6)),
    "dilated": (FLIPS, "2s+", "2x0+", (5, 3), 2, (6, 7)),
}
# Interpreting takes long to compile, so that not every case is there in both.
QUICK = [
    *((name, "float32") for name in CASES if name != "dilated"),
    ("dilated", "bfloat16"),
]
BOTH = [
    pytest.param(
        name, dtype, marks=[] if (name, dtype) in QUICK else [pytest.mark.slow]
    )
    for name in CASES
    for dtype in ("float32", "bfloat16")
]


def forms(space, dilation=1):
    """The dense and the fused form, of an array and of weights."""
    faces = as_faces(Boundary.PERIODIC, 2)
    sliding = SlidingWindow(space.window, 1, dilation, space.source.group)

    def by(form, **options):
        def run(x, weights):
            placed = sliding.on(x.shape[:-1], "test")
            return form(x, weights, space, placed, faces, **options)

        return run

    return by(convolve_dense), by(convolve_fused, tilings=TILINGS)


def space_of(group, source, target, size=3, **groups):
    window = (size,) * group.num_spatial_dims if isinstance(size, int) else size
    source, target = (gn.Representation(group, fields) for fields in (source, target))
    return KernelSpace(source, target, window, **groups)


def numbers(seed, shape, dtype="float32"):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), dtype)


def evaluated(f, *arguments):
    """Interpreted kernels are long programs, and short runs: nothing is optimised."""
    options: dict[str, str | bool] = {"xla_backend_optimization_level": "0"}
    return jax.jit(f).lower(*arguments).compile(options)(*arguments)


def assert_equal_to_rounding(found, wanted, dtype):
    """Of the largest number: sums are in float32, what is multiplied is rounded."""
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert a.dtype == dtype
        atol = 8 * float(jnp.finfo(dtype).eps) * np.abs(b).max()
        np.testing.assert_allclose(a.astype(b.dtype), b, rtol=0, atol=atol)


@pytest.mark.parametrize(("name", "dtype"), BOTH)
def test_value_and_both_gradients_agree_with_the_dense_form(name, dtype):
    group, source, target, size, dilation, grid = CASES[name]
    space = space_of(group, source, target, size)
    x = numbers(0, (2, *grid, space.source.num_features), dtype)
    weights = numbers(1, len(space.deviations), dtype)
    cotangent = numbers(2, (2, *grid, space.target.num_features), dtype)

    def everything(f):
        def run(x, weights, cotangent):
            y, back = jax.vjp(jax.vmap(f, in_axes=(0, None)), x, weights)
            return y, *back(cotangent)

        return run

    dense, fused = map(everything, forms(space, dilation))
    found = evaluated(fused, x, weights, cotangent)
    exact = (a.astype("float32") for a in (x, weights, cotangent))
    assert_equal_to_rounding(found, jax.jit(dense)(*exact), jnp.dtype(dtype))


def test_each_sample_may_have_weights_of_its_own():
    """`vmap` of `grad` over both: gradients of each sample, not their sums."""
    space = space_of(SQUARE, "0+", "0+ 1+")
    x = numbers(0, (2, 3, 5, 1))
    weights = numbers(1, (2, len(space.deviations)))

    def per_sample(f):
        return jax.vmap(jax.grad(lambda x, w: jnp.sum(f(x, w) ** 3), argnums=(0, 1)))

    dense, fused = map(per_sample, forms(space))
    found, wanted = evaluated(fused, x, weights), jax.jit(dense)(x, weights)
    assert_equal_to_rounding(found, wanted, jnp.dtype("float32"))
    one = jax.jit(dense)(x, weights[:1].repeat(2, 0))
    with pytest.raises(AssertionError):
        assert_equal_to_rounding(found, one, jnp.dtype("float32"))


@pytest.mark.slow
def test_second_derivatives_agree_too(float64):
    """Of a product of a field and numbers, all derivatives are such products."""
    space = space_of(FLIPS, "0+", "1+")
    x, weights = numbers(0, (3, 5, 1), float64), numbers(1, len(space.deviations))
    weights = weights.astype(float64)

    def hessian(f):
        def gradient(x, w):
            return jax.grad(lambda x, w: jnp.sum(f(x, w) ** 3), argnums=(0, 1))(x, w)

        return lambda *at: jax.jvp(gradient, at, at)[1]

    dense, fused = map(hessian, forms(space))
    assert_equal_to_rounding(
        evaluated(fused, x, weights), jax.jit(dense)(x, weights), float64
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_gpu_is_given_one_kernel_for_each_derivative(dtype):
    """Lowered for one, without one: Triton's code, and no convolution of XLA's."""
    space = space_of(SQUARE, "40x0+ 24x1+", "16x0+ 80x1-")
    shapes = (2, 9, 20, space.source.num_features), (len(space.deviations),)
    arguments = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
    dense, _ = forms(space)

    def fused(x, weights):
        faces, sliding = (
            as_faces(Boundary.PERIODIC, 2),
            SlidingWindow((3, 3), 1, 1, SQUARE),
        )
        return convolve_fused(x, weights, space, sliding.on((9, 20), "test"), faces)

    def calls(f):
        def run(x, weights):
            y, back = jax.vjp(jax.vmap(f, in_axes=(0, None)), x, weights)
            return y, *back(y)

        text = for_gpu(run, arguments)
        return text.count("@__gpu$xla.gpu.triton"), text.count("stablehlo.convolution")

    assert calls(fused) == (3, 0)
    assert calls(dense) == (0, 3)


def for_gpu(f, arguments):
    """What XLA is given for an H100."""

    def lowered():
        traced = jax.jit(f).trace(*arguments)
        return traced.lower(lowering_platforms=("cuda",)).as_text()

    if jax.__version_info__ < (0, 11):
        return lowered()
    device = jax.sharding.AbstractDevice("NVIDIA H100 80GB HBM3", None, "gpu")
    mesh = jax.sharding.AbstractMesh((), (), abstract_device=device)
    with jax.sharding.use_abstract_mesh(mesh):
        return lowered()


def form_of(space, dtype="float32", stride=1, boundary=Boundary.PERIODIC):
    placed = SlidingWindow(space.window, stride, 1, gn.trivial(2)).on((64, 64), "test")
    faces = as_faces(boundary, 2)
    return chosen_form(space, placed, faces, (64, 64), jnp.dtype(dtype))


def test_it_is_chosen_only_where_it_was_measured(monkeypatch):
    wide = space_of(SQUARE, "16x0+ 16x1+", "16x0+ 16x1+")
    assert not _fused.MEASURED, "What a card found is to be tested like this."
    assert form_of(wide) is not Form.FUSED
    here = jax.devices()[0].device_kind
    monkeypatch.setitem(_fused.MEASURED, (here, "float32"), TILINGS)
    assert form_of(wide) is Form.FUSED
    assert form_of(wide, "bfloat16") is Form.DENSE
    assert form_of(wide, stride=2) is Form.DENSE
    assert form_of(wide, boundary=Boundary.SLIP) is Form.DENSE
    narrow = space_of(SQUARE, "16x0+ 15x1+", "16x0+ 16x1+")
    dealt = space_of(SQUARE, "16x0+ 16x1+", "16x0+ 16x1+", channel_groups=2)
    turned = space_of(gn.rotations(2), "16x0+ 16x1+", "16x0+ 16x1+")
    for other in (narrow, dealt, turned):
        assert form_of(other) is not Form.FUSED


def test_there_is_a_kernel_in_planes_whose_axes_are_reflected():
    assert can_fuse(space_of(SQUARE, "0+", "0+"))
    assert can_fuse(space_of(FLIPS, "0+", "0+", 5))
    assert not can_fuse(space_of(gn.rotations(2), "0+", "0+"))
    assert not can_fuse(space_of(SQUARE, "0+", "0+", 4)), "No cell in the middle."
    assert not can_fuse(space_of(gn.hyperoctahedral(3), "0+", "0+"))


def test_arrays_laid_out_over_devices_are_left_to_xla():
    space = space_of(SQUARE, "0+", "0+")
    _, fused = forms(space)
    mesh = jax.make_mesh((1,), ("x",), axis_types=(jax.sharding.AxisType.Explicit,))
    x, weights = numbers(0, (3, 5, 1)), numbers(1, len(space.deviations))
    assert "geomnet_fused" in str(jax.make_jaxpr(fused)(x, weights))
    shared = jax.NamedSharding(mesh, jax.P())
    with jax.set_mesh(mesh):
        x, weights = jax.device_put((x, weights), shared)
        assert "geomnet_fused" not in str(jax.make_jaxpr(fused)(x, weights))
