"""A propagator acts on functions: no grid, no cell and no aliased wave is in it."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.models._propagator import limited
from geomnet.testing import equivariance_error, perturb

SQUARE = gn.hyperoctahedral(2)
FLOW = gn.Signature("density:0+ velocity:1+")
NUMBERS = jnp.asarray([0.3, -0.7])
KEY = jax.random.key(0)
OPTIONS = {"hidden": "2x0+ 1+ 0-", "modes": 4, "key": KEY}


def model(num_parameters=2, dtype=None, **changed):
    options = OPTIONS | changed
    net = gn.Propagator(
        SQUARE, 2 * FLOW, FLOW, num_parameters=num_parameters, dtype=dtype, **options
    )
    return perturb(net, 0.1, key=jax.random.key(1))


def on_grid(grid, shift=(0.0, 0.0), waves=4):
    """A smooth history as a function of position, sampled on a grid after a shift."""
    rng = np.random.default_rng(0)
    x, y = np.meshgrid(*(np.arange(n) / n for n in grid), indexing="ij")
    array = np.zeros((*grid, 6))
    for k in range(-waves, waves + 1):
        for q in range(-waves, waves + 1):
            cosine, sine = rng.standard_normal((2, 6)) / (1 + k * k + q * q)
            phase = 2 * np.pi * (k * (x - shift[0]) + q * (y - shift[1]))[..., None]
            array += cosine * np.cos(phase) + sine * np.sin(phase)
    return gn.GeometricImage(2 * FLOW, jnp.asarray(array), 2)


def run(net, image):
    return np.asarray(eqx.filter_jit(net)(image, NUMBERS).array)


@pytest.mark.slow
def test_a_finer_grid_gives_the_same_function():
    with jax.enable_x64(True):
        net = model(dtype=jnp.float64)
        fine, coarse = (run(net, on_grid((n, n))) for n in (36, 9))
        np.testing.assert_allclose(fine[::4, ::4], coarse, atol=1e-11)


@pytest.mark.parametrize(
    "norm", [pytest.param("restored", marks=pytest.mark.slow), "none"]
)
def test_it_commutes_with_shifts_by_parts_of_a_cell(norm):
    """Of what it gives, whose waves the grid resolves, by interpolation exactly."""
    with jax.enable_x64(True):
        net = model(dtype=jnp.float64, norm=norm)
        grid = (9, 11)
        moved = run(net, on_grid(grid, shift=(0.3 / 9, -0.45 / 11)))
        waves = np.fft.fft2(run(net, on_grid(grid)), axes=(0, 1))
        k, q = (np.fft.fftfreq(n, 1 / n) for n in grid)
        turn = np.exp(-2j * np.pi * (k[:, None] * 0.3 / 9 - q[None] * 0.45 / 11))
        found = np.fft.ifft2(waves * turn[..., None], axes=(0, 1)).real
        np.testing.assert_allclose(moved, found, atol=1e-11)


def test_a_network_with_gates_does_not():
    """The negative: what a gate makes beyond the grid's waves is aliased."""
    with jax.enable_x64(True):
        options = {"hidden": "2x0+ 2x1+", "modes": 4, "key": KEY}
        net = gn.FNO(SQUARE, 2 * FLOW, FLOW, dtype=jnp.float64, **options)
        fine, coarse = (
            np.asarray(eqx.filter_jit(net)(on_grid((n, n))).array) for n in (36, 9)
        )
        assert np.abs(fine[::4, ::4] - coarse).max() > 1e-4


def test_an_exact_propagator_of_sound_is_learned_for_every_speed():
    """A mixture of kernels comes near to the cosine of any speed times any wave."""
    line = gn.hyperoctahedral(1)
    net = gn.Propagator(
        line, "0+", "0+", hidden="0+", modes=4, num_parameters=1, norm="none", key=KEY
    )
    rng = np.random.default_rng(0)
    starts = rng.standard_normal((64, 9, 1)).astype(np.float32)
    speeds = rng.uniform(-1, 1, (64, 1)).astype(np.float32)
    angle = (
        np.abs(np.fft.fftfreq(9, 1 / 9))[None, :, None]
        * (0.4 + 0.2 * speeds)[..., None]
    )
    ends = np.fft.ifft(np.fft.fft(starts, axis=1) * np.cos(angle), axis=1).real

    def loss(net):
        images = gn.GeometricImage("0+", jnp.asarray(starts), 1)
        found = jax.vmap(net)(images, jnp.asarray(speeds)).array
        return jnp.square(found - ends.astype(np.float32)).mean()

    optimiser = gn.training.make_optimiser(
        learning_rate=2e-2, total_steps=400, warmup_steps=20
    )
    state = optimiser.init(eqx.filter(net, eqx.is_inexact_array))

    @eqx.filter_jit
    def step(net, state):
        value, gradient = eqx.filter_value_and_grad(loss)(net)
        updates, state = optimiser.update(
            gradient, state, eqx.filter(net, eqx.is_inexact_array)
        )
        return eqx.apply_updates(net, updates), state, value

    value = jnp.asarray(0.0)
    with jax.numpy_dtype_promotion("standard"):  # As Optax needs it.
        for _ in range(400):
            net, state, value = step(net, state)
    assert float(value) < 3e-3 * np.square(ends).mean()


@pytest.mark.parametrize(
    ("num_parameters", "num_blocks", "dtype"),
    [
        (2, 1, jnp.float32),
        (0, 1, jnp.float64),
        pytest.param(0, 1, jnp.float32, marks=pytest.mark.slow),
        pytest.param(2, 2, jnp.float32, marks=pytest.mark.slow),
        pytest.param(2, 2, jnp.float64, marks=pytest.mark.slow),
    ],
)
def test_every_element_on_square_and_other_grids(num_parameters, num_blocks, dtype):
    given = (NUMBERS,) if num_parameters else ()
    with jax.enable_x64(dtype == jnp.float64):
        net = model(num_parameters, dtype=dtype, num_blocks=num_blocks)
        net = eqx.filter_jit(net)
        for grid in ((9, 9), (10, 12)):
            image = gn.random_image(2 * FLOW, grid, key=KEY).astype(dtype)
            error = equivariance_error(lambda x, net=net: net(x, *given), image, SQUARE)
            bound = 2e-5 if dtype == jnp.float32 else 1e-13
            assert error < bound


def test_what_it_refuses():
    for modes, factors in ((4, 5), (4, 0), (0, None)):
        with pytest.raises(ValueError, match="from 1 to `modes`"):
            model(modes=modes, factor_modes=factors)
    for limit in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="`factor_limit` must be positive"):
            model(factor_limit=limit)
    with pytest.raises(ValueError, match=r"restored.*none.*got \"layer\""):
        model(norm="layer")
    with pytest.raises(ValueError, match="at least 2 \\* modes \\+ 1"):
        model()(gn.random_image(2 * FLOW, (8, 9), key=KEY), NUMBERS)
    with pytest.raises(ValueError, match="must hold `num_parameters` = 2"):
        model()(gn.random_image(2 * FLOW, (9, 9), key=KEY))


def test_fields_inside_may_have_names():
    """They are there twice, as factors and as products, so names are left out."""
    named = "a:2x0+ b:2x1+ c:0-"
    x = gn.random_image(2 * FLOW, (9, 9), key=KEY)
    unnamed = model(hidden="2x0+ 2x1+ 0-")
    np.testing.assert_array_equal(run(model(hidden=named), x), run(unnamed, x))
    assert str(model(hidden=named).hidden) == named


def layer_by_layer(net, image):
    """What the network is defined as: every layer on the grid of the image."""
    output = net.linear(image, NUMBERS)
    for block in net.blocks:
        factors = limited(block.factors(image, NUMBERS), net.factor_limit)
        products = block.product(factors)
        output = output + block.output(products, NUMBERS)
        image = gn.concatenate([factors, products])
    return output


@pytest.mark.parametrize("factor_modes", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_products_on_a_grid_of_its_own_are_those_on_a_fine_one(factor_modes):
    """Nothing is aliased."""
    with jax.enable_x64(True):
        net = model(
            dtype=jnp.float64, norm="none", factor_modes=factor_modes, num_blocks=2
        )
        x = on_grid((20, 23))
        full = np.asarray(eqx.filter_jit(layer_by_layer)(net, x).array)
        np.testing.assert_allclose(run(net, x), full, atol=1e-12)


def products_of(net, image, factor):
    """What the products add to the output of an image so many times as strong."""
    image = image.with_array(factor * image.array)
    output = np.asarray(eqx.filter_jit(net)(image, NUMBERS).array, np.float64)
    return output - np.asarray(net.linear(image, NUMBERS).array, np.float64)


@pytest.mark.parametrize("num_blocks", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_products_of_strong_flows_are_bounded(num_blocks):
    """By a number that has nothing to do with the flow; those of the bare series grow
    as its square. Weak flows have the same products."""
    with jax.enable_x64(True):
        options = {"dtype": jnp.float64, "norm": "none", "num_blocks": num_blocks}
        net, bare = model(**options), model(**options, factor_limit=math.inf)
        image = on_grid((12, 10))
        sizes = [np.abs(products_of(net, image, 10.0**n)).max() for n in (3, 6, 9)]
        assert sizes[0] / 2 < sizes[1] < 2 * sizes[0]
        assert sizes[2] == pytest.approx(sizes[1], rel=0.1)
        strong = [np.abs(products_of(bare, image, 10.0**n)).max() for n in (3, 6)]
        assert strong[1] > 0.9e6 * strong[0]
        held, free = (products_of(each, image, 1e-3) for each in (net, bare))
        np.testing.assert_allclose(held, free, atol=1e-4 * np.abs(free).max())


def test_a_flow_beyond_all_measure_is_held_without_overflow():
    """Squares of 1e30 are infinite in single precision."""
    image = gn.random_image(2 * FLOW, (9, 9), key=KEY)
    strong = limited(image.with_array(1e30 * image.array), 1.0).array
    assert float(jnp.square(strong).mean()) == pytest.approx(1, rel=1e-5)
    zero = limited(image.with_array(0 * image.array), 1.0).array
    assert not np.asarray(zero).any()


@pytest.mark.slow
def test_cost_hardly_grows_with_the_grid():
    """Only the transforms of input and output see the grid."""
    net = model(norm="none", hidden="4x0+ 4x1+ 2x0-")

    def flops(function, side):
        image = gn.random_image(2 * FLOW, (side, side), key=KEY)
        program = jax.jit(lambda array: function(image.with_array(array)).array)
        found = program.lower(image.array).compile().cost_analysis()
        assert found is not None
        return found["flops"]

    def growth(function):
        return flops(function, 48) / flops(function, 24)

    assert growth(lambda x: net(x, NUMBERS)) < 2
    assert growth(lambda x: layer_by_layer(net, x)) > 2.5
