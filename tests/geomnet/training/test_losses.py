"""Losses over several steps: values and gradients by hand, on a model of one number."""

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.nn import Boundary, Conv
from geomnet.training import rollout, shifted, smse, unrolled

from ..models.test_nondimensional import FLOW, GIVEN, NORMALISER, ROW, UNITS, inner

SQUARE, KEY = gn.hyperoctahedral(2), jax.random.key(0)
START, TRUTH = 2.0, (3.0, 5.0, 4.0)


class Factor(eqx.Module):
    """The next frame is the frame times a number."""

    weight: jax.Array

    def __call__(self, history):
        return history.with_array(self.weight * history.array)


def batch(steps):
    history = gn.GeometricImage("u:0+", np.full((1, 2, 2, 1), START, "f"), 2)
    truth = np.asarray(TRUTH[:steps], "f").reshape(1, steps, 1, 1, 1)
    truth = np.broadcast_to(truth, (1, steps, 2, 2, 1))
    if steps == 1:
        truth = truth[:, 0]
    return history, gn.GeometricImage("u:0+", truth, 2)


def value_and_slope(loss, steps, weight=1.5):
    return jax.value_and_grad(
        lambda w: loss(Factor(w), batch(steps), KEY), allow_int=False
    )(jnp.float32(weight))


def test_the_value_is_the_mean_over_the_steps():
    w = 1.5
    errors = [(w**k * START - t) ** 2 for k, t in enumerate(TRUTH, 1)]
    for gradient in ("all", "none"):
        value, _ = value_and_slope(unrolled(smse, gradient=gradient), 3)
        np.testing.assert_allclose(value, np.mean(errors), rtol=1e-6)
    value, _ = value_and_slope(unrolled(smse, gradient="last"), 3)
    np.testing.assert_allclose(value, errors[-1], rtol=1e-6)
    value, _ = value_and_slope(unrolled(smse, num_steps=2), 3)
    np.testing.assert_allclose(value, np.mean(errors[:2]), rtol=1e-6)
    with pytest.raises(ValueError, match="a batch has 2 targets"):
        value_and_slope(unrolled(smse, num_steps=3), 2)
    value, _ = value_and_slope(unrolled(smse), 1)
    np.testing.assert_allclose(value, errors[0], rtol=1e-6)


def test_the_gradient_goes_through_what_is_asked_for():
    """`(wᵏ s - t)²` has the slope `2 (wᵏ s - t) k wᵏ⁻¹ s`; from a fixed frame p it has
    `2 (w p - t) p`.
    """
    w, steps = 1.5, (1, 2, 3)
    left = [w**k * START - t for k, t in zip(steps, TRUTH, strict=True)]
    through = [
        2 * e * k * w ** (k - 1) * START for k, e in zip(steps, left, strict=True)
    ]
    alone = [2 * e * w ** (k - 1) * START for k, e in zip(steps, left, strict=True)]
    slopes: dict[Literal["all", "none", "last"], Any] = {
        "all": np.mean(through),
        "none": np.mean(alone),
        "last": alone[-1],
    }
    for gradient, slope in slopes.items():
        _, found = value_and_slope(unrolled(smse, gradient=gradient), 3)
        np.testing.assert_allclose(found, slope, rtol=1e-5, err_msg=gradient)
    assert not np.isclose(np.mean(through), np.mean(alone), rtol=0.1)


def test_noise_is_of_the_size_asked_for():
    """On a target that is the history itself the loss is the variance of the noise."""
    array = np.ones((64, 8, 8, 1), "f")
    image = gn.GeometricImage("u:0+", array, 2)
    loss = unrolled(smse, noise=0.1)
    value = loss(Factor(jnp.float32(1)), (image, image), KEY)
    np.testing.assert_allclose(value, 0.01, rtol=0.1)
    other = loss(Factor(jnp.float32(1)), (image, image), jax.random.key(1))
    assert value != other


def test_errors_and_noise_are_in_units_of_the_sample():
    net = gn.Nondimensional(inner(), NORMALISER, ROW)
    rng = np.random.default_rng(0)
    array = rng.normal(size=(2, 4, 4, 6, 4)).astype("f")
    array[..., :2] = 3 + 0.1 * array[..., :2]
    loss = unrolled(smse, noise=0.01, random_shifts=True)

    bare = gn.Nondimensional(net.model, NORMALISER)
    run = jax.jit(lambda batch: loss(bare, batch, KEY))

    def value(array, row):
        histories, targets = gn.Windows(FLOW, array, 2, num_targets=2).take(
            np.arange(2)
        )
        return run((histories, jnp.broadcast_to(row, (2, len(row))), targets))

    factors = {"M": 2.0**5, "L": 2.0, "T": 2.0**3}
    there = np.asarray(
        UNITS.converted(gn.GeometricImage(FLOW, array, 2), factors).array
    )
    given = jnp.asarray(UNITS.converted_parameters(UNITS.given(GIVEN), factors))
    assert value(array, jnp.asarray(ROW)) == value(there, given)
    # A wrapper hands on the units of what is inside.
    histories, targets = gn.Windows(FLOW, array, 2).take(np.arange(2))
    wrapped = gn.Conserving(net, 1.4)
    once = unrolled(smse)
    small, raw = eqx.filter_jit(
        lambda x, y: (
            once(wrapped, (x, y), KEY),
            smse(jax.vmap(wrapped)(x), y).mean(),
        )
    )(histories, targets)
    assert not np.isclose(small, raw, rtol=0.1)


def test_shifts_change_nothing_where_a_model_commutes_with_them():
    conv = Conv(SQUARE, "2x0+ 1+", "0+ 1+", key=KEY)
    x = gn.random_image("2x0+ 1+", (4, 6), key=KEY)
    for seed in range(4):
        moved = shifted(conv, jax.random.key(seed))(x)
        np.testing.assert_allclose(moved.array, conv(x).array, rtol=0, atol=1e-5)


def test_shifts_show_the_lattice_of_a_stride():
    net = gn.UNet(SQUARE, "0+ 1+", "0+", hidden="2x0+ 2x1+", depth=1, key=KEY)
    run = eqx.filter_jit(lambda x, key: shifted(net, key)(x).array - net(x).array)
    x = gn.random_image("0+ 1+", (4, 6), key=KEY)
    outputs = [run(x, jax.random.key(seed)) for seed in range(8)]
    errors = [float(np.abs(output).max()) for output in outputs]
    # Shifts by two cells, a quarter of all, are exact.
    assert min(errors) < 1e-5 < 1e-3 < max(errors)


def test_shifts_are_refused_where_an_axis_is_not_periodic():
    boundary = (Boundary.PERIODIC, Boundary.SLIP)
    conv = Conv(gn.reflections(2), "0+", "0+", boundary=boundary, key=KEY)
    x = gn.random_image("0+", (4, 6), key=KEY)
    with pytest.raises(ValueError, match=r"along axis 1 .* would not be exact"):
        shifted(conv, KEY)(x)
    with pytest.raises(ValueError, match="along axis 1"):
        rollout(conv, x, 2, key=KEY)


def test_a_rollout_shifts_each_step():
    class Marked(eqx.Module):
        """Adds one in the first cell of the array that it sees."""

        def __call__(self, history):
            return history.with_array(history.array.at[0, 0].add(1.0))

    x = gn.GeometricImage("u:0+", jnp.zeros((4, 4, 1)), 2)
    last = rollout(Marked(), x, 3, key=KEY).array[-1]
    assert last.sum() == 3
    assert (last[..., 0] > 0).sum() > 1
    still = rollout(Marked(), x, 3).array[-1]
    assert still[0, 0, 0] == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gradient": "some"}, "must be one of 'all', 'last', 'none', got 'some'"),
        ({"noise": -1.0}, "`noise` must be 0 or more"),
        ({"noise": float("nan")}, "`noise` must be 0 or more"),
    ],
)
def test_what_has_no_meaning_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        unrolled(smse, **options)
