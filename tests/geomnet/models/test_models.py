"""Every model: equivariant before and after training, in both precisions."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import geomnet as gn
from geomnet.testing import TOLERANCES, equivariance_error, perturb, translation_error

SQUARE, CUBE = gn.hyperoctahedral(2), gn.hyperoctahedral(3)
FLOW = gn.Signature("density:0+ velocity:1+")
INSIDE = "2x0+ 2x1+ 1x0-"


def unet(group, hidden=INSIDE, fields=FLOW, **options):
    return lambda dtype: gn.UNet(
        group,
        2 * fields,
        fields,
        hidden=hidden,
        key=jax.random.key(0),
        dtype=dtype,
        **options,
    )


def resunet(**options):
    return lambda dtype: gn.ResUNet(
        SQUARE,
        2 * FLOW,
        FLOW,
        hidden=INSIDE,
        depth=1,
        num_blocks=1,
        key=jax.random.key(0),
        dtype=dtype,
        **options,
    )


def resnet(model, **options):
    return lambda dtype: model(
        SQUARE,
        2 * FLOW,
        FLOW,
        hidden=INSIDE,
        num_blocks=1,
        key=jax.random.key(0),
        dtype=dtype,
        **options,
    )


def block(make, *signatures, group=SQUARE, **options):
    return lambda dtype: make(
        group, *signatures, key=jax.random.key(0), dtype=dtype, **options
    )


def averaged(dtype):
    return gn.GroupAverage(gn.twin(unet(SQUARE, depth=0)(dtype)), gn.rotations(2))


def in_own_units(dtype):
    gas = gn.Signature("density:0+ pressure:0+ velocity:1+")
    units = gn.Units(
        gn.flow_units().fields, ("rms density", "rms pressure", "cell"), {"cell": "L"}
    )
    one, zero = (1.0,) * len(gas), (0.0,) * len(gas)
    normaliser = gn.UnitNormaliser(units, gn.Normaliser(gas, zero, one, 2), (), ())
    inside = unet(SQUARE, depth=1, fields=gas)(dtype)
    return gn.Nondimensional(inside, normaliser, (0.5,))


def at_rest(dtype):
    units, given = gn.flow_units("time_step"), (1.0, 1.0)
    return gn.Galilean(unet(SQUARE, depth=1)(dtype), units, given)


# name: (maker, grid, translation it commutes with)
MODELS = {
    "UNet": (unet(SQUARE, depth=1), (4, 2), (2, 2)),
    "UNet under rotations": (unet(gn.rotations(2), depth=1), (4, 4), (2, 0)),
    "UNet in a box with walls": (
        unet(SQUARE, depth=1, boundary=gn.nn.Boundary.SLIP),
        (4, 4),
        None,
    ),
    "UNet of residuals": (
        lambda dtype: gn.Residual(unet(SQUARE, depth=0)(dtype)),
        (4, 3),
        (1, 2),
    ),
    "UNet in units of the flow's own": (in_own_units, (4, 2), (2, 2)),
    "UNet that conserves": (
        lambda dtype: gn.Conserving(in_own_units(dtype), 1.4),
        (4, 4),
        (2, 0),
    ),
    "UNet that sees flows at rest": (at_rest, (4, 4), (2, 0)),
    "ResUNet": (resunet(), (4, 2), (2, 2)),
    "ResNet": (resnet(gn.ResNet), (5, 5), (1, 2)),
    "DilatedResNet": (resnet(gn.DilatedResNet, dilations=(1, 2)), (3, 3), (2, 1)),
    "FNO": (resnet(gn.FNO, modes=1), (4, 3), (1, 2)),
    "Propagator": (resnet(gn.Propagator, modes=2), (5, 6), (1, 2)),
    "average of a plain network": (averaged, (3, 3), (1, 2)),
    "persistence": (lambda dtype: gn.Persistence(2 * FLOW, FLOW), (3, 4), (1, 1)),
    "ConvBlock": (block(gn.models.ConvBlock, INSIDE, FLOW), (3, 4), (1, 2)),
    "ResidualBlock": (block(gn.models.ResidualBlock, INSIDE), (4, 3), (1, 2)),
    "ConditionedBlock in a channel": (
        block(
            gn.models.ConditionedBlock,
            INSIDE,
            "0+ 1+",
            group=gn.reflections(2),
            boundary=(gn.nn.Boundary.SLIP, gn.nn.Boundary.PERIODIC),
        ),
        (4, 4),
        (0, 1),
    ),
    "FourierBlock": (block(gn.models.FourierBlock, INSIDE, modes=1), (4, 3), (2, 1)),
}
# Of the same make as others here; the conditioned ResUNet has a test of its own.
LONGER = ("UNet under rotations", "ResUNet")
every_model = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in LONGER else name
        for name in MODELS
    ],
)


def image(grid, dtype, signature=2 * FLOW):
    rng = np.random.default_rng(0)
    array = rng.standard_normal((*grid, signature.features(len(grid))))
    return gn.GeometricImage(signature, array.astype(dtype))


@every_model
def test_commutes_before_and_after_training(name, float64):
    maker, grid, shift = MODELS[name]
    model = maker(float64)
    x = image(grid, float64, model.in_signature)
    for state in (model, perturb(model, key=jax.random.key(1))):
        assert equivariance_error(state, x, model.group) <= TOLERANCES["float64"]
    if shift is not None:
        assert translation_error(model, x, shift) <= TOLERANCES["float64"]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_states_with_what_it_commutes(name, float64):
    """From shapes alone: nothing is drawn or compiled."""
    maker, grid, shift = MODELS[name]
    model = eqx.filter_eval_shape(lambda: maker(float64))
    assert isinstance(model, gn.nn.AbstractLayer)
    assert model.equivariant_under(grid) == model.group
    steps = model.translation_steps(grid)
    if shift is None:
        assert steps == (0, 0)
    else:
        # What it claims covers the shift that the test above measures.
        for step, cells in zip(steps, shift, strict=True):
            assert cells % step == 0 if step else cells == 0
    with pytest.raises(ValueError, match="must have 2 sides"):
        model.equivariant_under((*grid, 4))
    if "UNet" in name and name != "UNet of residuals":
        with pytest.raises(ValueError, match="must be multiples of 2"):
            model.translation_steps((4, 5))


def test_every_public_model_is_held_to_the_contract():
    """A network, block or wrapper that is added without a case here fails."""
    public = {
        value
        for value in vars(gn.models).values()
        if isinstance(value, type) and issubclass(value, eqx.Module)
    }
    abstract = {gn.models.AbstractMap, gn.models.AbstractNetwork}
    made = [eqx.filter_eval_shape(lambda m=m: m(None)) for m, _, _ in MODELS.values()]
    assert {type(model) for model in made} == public - abstract


def test_an_average_commutes_with_what_its_model_does_on_every_moved_grid():
    class Lopsided(eqx.Module):
        group: gn.Group = eqx.field(static=True, default=gn.trivial(2))

        def translation_steps(self, grid):
            return (1, 2) if grid[0] > grid[1] else (3, 0)

        def __call__(self, image):
            return image

    turns = gn.cyclic(4)
    average = gn.GroupAverage(Lopsided(), turns)
    assert average.translation_steps((8, 4)) == (0, 6)
    assert gn.GroupAverage(lambda x: x, turns).translation_steps((4, 4)) == (0, 0)


def test_numbers_condition_a_model_and_leave_it_equivariant(float64):
    model, x = resunet(num_parameters=2)(float64), image((4, 4), float64)
    trained = perturb(gn.Residual(model), key=jax.random.key(1))
    numbers = jnp.asarray([0.3, -1.0])
    run = eqx.filter_jit(lambda model, x, numbers: model(x, numbers))
    error = equivariance_error(lambda x: run(trained, x, numbers), x, SQUARE)
    assert error <= TOLERANCES["float64"]
    moved = run(trained, x, 2 * numbers).array - run(trained, x, numbers).array
    assert np.abs(moved).max() > 1e-3
    with pytest.raises(ValueError, match=r"`num_parameters` = 2 numbers, got 0"):
        model(x)
    with pytest.raises(ValueError, match=r"`num_parameters` = 2 numbers, got 1"):
        model(x, numbers[:1])


def test_unet_commutes_in_float32_to_its_rounding():
    field = image((4, 4), np.dtype("float32"))
    trained = perturb(unet(SQUARE, depth=1)(field.dtype), key=jax.random.key(1))
    assert equivariance_error(trained, field) <= TOLERANCES["float32"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "grid"),
    [(CUBE, (4, 4, 4)), (SQUARE * gn.trivial(1), (4, 4, 2)), (CUBE, (4, 2, 6))],
)
def test_unet_in_three_dimensions_commutes(group, grid, float64):
    model = unet(group, "2x0+ 1x1+ 1x1-", depth=1)(float64)
    trained = perturb(model, key=jax.random.key(1))
    assert equivariance_error(trained, image(grid, float64)) <= TOLERANCES["float64"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "hidden", "grid"),
    [(SQUARE, INSIDE, (32, 16)), (CUBE, "1x0+ 1x1+", (16, 16, 32))],
)
def test_unet_of_depth_four_commutes(group, hidden, grid, dtype):
    model = unet(group, hidden, depth=4)(dtype)
    # Noise of 0.1 would be twice the deep weights, and its output 20,000 times larger.
    trained = perturb(model, 0.02, key=jax.random.key(1))
    assert equivariance_error(trained, image(grid, dtype)) <= TOLERANCES[dtype.name]


def test_the_law_tells_the_twin_from_the_model(float64):
    plain = gn.twin(unet(SQUARE, depth=1)(float64))
    assert equivariance_error(plain, image((4, 4), float64), SQUARE) > 0.1


def test_unet_commutes_with_translations_by_its_total_stride_only(float64):
    model, x = unet(SQUARE, depth=1)(float64), image((4, 4), float64)
    assert translation_error(model, x, (2, 0)) <= 1e-12
    assert translation_error(model, x, (1, 0)) > 1e-3


@eqx.filter_jit
def slope(model, x):
    def loss(model):
        return jnp.sum(model(x).array ** 2) + jnp.sum(model(x).array)

    return eqx.filter_grad(loss)(model)


def test_gradients_are_finite_on_zero_and_constant_fields():
    model = unet(SQUARE, depth=0)(np.dtype("float32"))
    for value in (0.0, 1.0):
        x = image((4, 4), np.dtype("float32"))
        x = x.with_array(jnp.full_like(x.array, value))
        found = jax.tree.leaves(slope(model, x))
        assert all(np.isfinite(leaf).all() for leaf in found)


@pytest.mark.slow
def test_every_type_keeps_its_size_through_twenty_blocks(float64):
    """Convolution, norm and gate, as the models have them."""
    fields = gn.Signature("16x0+ 16x1+ 8x0- 8x1-")
    blocks = [
        gn.models.ConvBlock(SQUARE, fields, fields, norm="layer", key=k, dtype=float64)
        for k in jax.random.split(jax.random.key(0), 20)
    ]

    @eqx.filter_jit
    def run(blocks, x):
        for block in blocks:
            x = block(x)
        return x

    y = run(blocks, image((16, 16), float64, fields))
    for tensor_type in fields.types:
        size = float(jnp.sqrt(jnp.mean(jnp.square(y[tensor_type]))))
        assert 0.6 < size < 1.6, tensor_type


@pytest.mark.slow
@pytest.mark.parametrize("learning_rate", [1e-3, 1e-2, 3e-2])
def test_learning_rates_of_the_twin_serve_the_model_too(learning_rate):
    """Both learn a diffusion step, and neither runs away."""
    model = unet(SQUARE, "4x0+ 4x1+ 1x0-", depth=1)(np.dtype("float32"))
    batch = image((16, 16), np.float32, 8 * (2 * FLOW)).array
    x = gn.GeometricImage(2 * FLOW, jnp.stack(jnp.split(batch, 8, axis=-1)))
    # What to learn: the mean of the last frame and its four neighbours.
    last = jax.vmap(lambda image: gn.latest_frame(image, FLOW).array)(x)
    rolled = [jnp.roll(last, n, axis) for axis in (1, 2) for n in (1, -1)]
    y = (last + sum(rolled, start=jnp.zeros_like(last))) / jnp.float32(5)
    for state in (model, gn.twin(model)):
        losses = train(state, x, y, learning_rate)
        assert np.isfinite(losses).all()
        assert losses[-1] < 0.5 * losses[0]


def train(model, x, y, learning_rate, steps=60):
    optimiser = optax.adamw(learning_rate)
    arrays, rest = eqx.partition(model, eqx.is_inexact_array)

    @jax.jit
    def step(arrays, state):
        def loss(arrays):
            return jnp.mean((jax.vmap(eqx.combine(arrays, rest))(x).array - y) ** 2)

        value, gradient = jax.value_and_grad(loss)(arrays)
        updates, state = optimiser.update(gradient, state, arrays)
        return eqx.apply_updates(arrays, updates), state, value

    state, losses = optimiser.init(arrays), []
    # Optax counts steps in integers.
    with jax.numpy_dtype_promotion("standard"):
        for _ in range(steps):
            arrays, state, value = step(arrays, state)
            losses.append(float(value))
    return np.array(losses)


def test_group_average_of_an_equivariant_model_is_that_model(float64):
    model, x = unet(SQUARE, depth=0)(float64), image((3, 3), float64)
    average = gn.GroupAverage(model, gn.cyclic(2))
    np.testing.assert_allclose(
        eqx.filter_jit(average)(x).array,
        eqx.filter_jit(model)(x).array,
        rtol=0,
        atol=1e-12,
    )


def test_a_group_average_hands_numbers_on_to_its_model(float64):
    x = image((3, 3), float64)
    average = gn.GroupAverage(lambda image, number: image * number, gn.cyclic(2))
    np.testing.assert_allclose(average(x, 3.0).array, 3 * x.array, rtol=1e-14)


def test_persistence_and_residual_start_from_the_newest_frame(float64):
    x = image((3, 2), float64)
    latest = gn.latest_frame(x, FLOW).array
    np.testing.assert_array_equal(gn.Persistence(2 * FLOW, FLOW)(x).array, latest)
    small = unet(SQUARE, depth=0, output_scale=1e-6)(float64)
    near = eqx.filter_jit(gn.Residual(small))(x).array
    np.testing.assert_allclose(near, latest, rtol=0, atol=1e-4)


REFUSED = {
    "an odd grid": (image((6, 5), np.float32), r"multiples of 4.*Use a grid such as"),
    "a batch without vmap": (
        gn.GeometricImage(2 * FLOW, np.zeros((2, 4, 4, 6), np.float32)),
        r"jax.vmap\(layer\)",
    ),
    "other fields": (image((4, 4), np.float32, FLOW), "must have signature"),
    "another dimension": (image((4, 4, 4), np.float32), "3 spatial dimensions"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_model_refuses_names_the_mend(what):
    given, message = REFUSED[what]
    model = unet(SQUARE, depth=2)(np.dtype("float32"))
    with pytest.raises(ValueError, match=message):
        model(given)


def test_a_model_around_something_else_is_refused():
    with pytest.raises(TypeError, match="must have `group`"):
        gn.Residual(eqx.nn.Identity())


@pytest.mark.slow
def test_an_average_of_a_model_without_an_equivariant_part_says_so():
    """Nothing of 3x3x3 leads from pseudoscalars to vectors under the whole cube."""
    turned = gn.nn.Conv(gn.trivial(3), "2x0-", "1+", key=jax.random.key(0))
    # Large terms, whose rounding is not small beside the input.
    turned = jax.tree.map(lambda weights: 1000 * weights, turned)
    average = gn.GroupAverage(turned, CUBE)
    x = gn.random_image("2x0-", (3, 3, 3), key=jax.random.key(1))
    assert float(average.share(x)) < 1e-6
    with pytest.raises(AssertionError, match="The average is rounding: it is"):
        gn.testing.assert_equivariant(average, x, elements=4)
    scalars = gn.GroupAverage(turned, gn.trivial(3))
    assert float(scalars.share(x)) == 1
