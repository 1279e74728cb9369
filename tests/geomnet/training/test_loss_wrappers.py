"""Micro-batches and half precision: which gradients, and what stays in float32."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import geomnet as gn
from geomnet import training

from .small_run import FLOW, KEY, Windows, fit, linear, loss

pytestmark = pytest.mark.usefixtures("optax_promotes")
BATCH = Windows().take(np.arange(8))


def gradient(loss, model, batch=BATCH, **noise):
    """Value and gradient as one list of arrays."""
    found = eqx.filter_jit(eqx.filter_value_and_grad(loss))(model, batch, **noise)
    return jax.tree.leaves(found)


@pytest.mark.parametrize("num_parts", [1, 2, 8])
def test_micro_batches_have_the_gradient_of_the_whole(num_parts):
    whole = gradient(loss, linear())
    parts = gradient(training.accumulate(loss, num_parts), linear())
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6)


def test_micro_batches_train_and_resume_as_one_run(tmp_path):
    parts = training.accumulate(loss, 2)
    whole, _ = fit(loss=parts)
    plain, _ = fit()
    np.testing.assert_allclose(whole.kernel.weights, plain.kernel.weights, rtol=1e-5)
    fit(tmp_path / "a", loss=parts, num_steps=2)
    resumed, _ = fit(tmp_path / "a", loss=training.accumulate(loss, 2))
    assert eqx.tree_equal(resumed, whole)
    with pytest.raises(training.OtherRun, match=r"num_parts: 2\.0 in the file, 4\.0"):
        fit(tmp_path / "a", loss=training.accumulate(loss, 4))


def test_several_steps_of_optax_add_up_to_a_batch():
    """`optax.MultiSteps`, the other way: the mean gradient of k small batches."""
    optimiser = optax.MultiSteps(optax.sgd(0.1), 2).gradient_transformation()
    model, _ = fit(optimiser=optimiser, batch_size=4, num_steps=2)
    order = training.batches(8, 4, key=KEY)
    both = Windows().take(np.concatenate([next(order), next(order)]))
    _, slope = eqx.filter_value_and_grad(loss)(linear(), both)
    expected = linear().kernel.weights - 0.1 * slope.kernel.weights
    np.testing.assert_allclose(model.kernel.weights, expected, rtol=1e-5)


def noisy(model, batch, key):
    return loss(model, batch) * (1 + jax.random.uniform(key))


def test_each_part_has_a_key_of_its_own():
    value, *_ = gradient(training.accumulate(noisy, 2), linear(), key=KEY)
    halves = [Windows().take(np.arange(4) + first) for first in (0, 4)]
    keys = jax.random.split(KEY, 2)
    expected = [noisy(linear(), b, k) for b, k in zip(halves, keys, strict=True)]
    np.testing.assert_allclose(value, np.mean(expected), rtol=1e-5)
    fit(loss=training.accumulate(noisy, 2), num_steps=1)


def test_less_memory_is_needed_in_parts():
    def deep(model, batch):
        images, targets = batch
        for _ in range(8):
            images = jax.vmap(lambda x: model(x).with_array(jnp.sin(model(x).array)))(
                images
            )
        return training.smse(images, targets).mean()

    arrays = np.ones((64, 32, 32, 3), np.float32)
    batch = Windows(arrays).take(np.arange(64))

    def needed(loss):
        compiled = jax.jit(jax.grad(loss)).lower(linear(), batch).compile()
        analysis: Any = compiled.memory_analysis()
        return analysis.temp_size_in_bytes

    assert needed(training.accumulate(deep, 16)) < needed(deep) / 4


@pytest.mark.parametrize("num_parts", [3, 16])
def test_batches_that_can_not_be_parted_are_refused(num_parts):
    with pytest.raises(ValueError, match=f"in {num_parts} parts.*divisors"):
        fit(loss=training.accumulate(loss, num_parts), batch_size=8)
    with pytest.raises(ValueError, match="`num_parts`"):
        training.accumulate(loss, 0)


class Noted(gn.models.AbstractNetwork):
    """A network that notes in which precision it computes."""

    inner: gn.nn.Linear
    seen: list = eqx.field(static=True)
    group: gn.Group = eqx.field(static=True)
    in_signature: gn.Signature = eqx.field(static=True)
    out_signature: gn.Signature = eqx.field(static=True)
    hidden: gn.Signature = eqx.field(static=True)

    def __init__(self, seen):
        self.inner, self.seen = linear(), seen
        self.group = self.inner.group
        self.in_signature = self.out_signature = self.hidden = FLOW

    def translation_steps(self, grid):
        return (1,) * len(grid)

    def __call__(self, image):
        self.seen.append((str(image.dtype), str(self.inner.kernel.weights.dtype)))
        return self.inner(image)


def test_networks_compute_in_half_precision_and_all_else_does_not():
    """Small changes of a large field are lost in half precision; not around it."""
    seen, outputs = [], []
    model = gn.Residual(Noted(seen))

    def watched(model, batch):
        predicted = jax.vmap(model)(batch[0])
        outputs.append((model.out_signature, str(predicted.dtype)))
        # What is read from the model is what is trained.
        assert model.model.inner.kernel.weights.dtype == jnp.float32
        return training.smse(predicted, batch[1]).mean()

    half = training.mixed_precision(watched)
    found = gradient(half, model)
    assert seen == [("bfloat16", "bfloat16")]
    assert outputs == [(FLOW, "float32")]
    assert {str(leaf.dtype) for leaf in found} == {"float32"}
    exact = gradient(watched, model)
    errors = [
        np.abs(a - b).max() / np.abs(b).max() for a, b in zip(found, exact, strict=True)
    ]
    assert 1e-7 < max(errors) < 5e-2
    images, _ = BATCH
    large = images.with_array(images.array * 0 + 1000.001)
    silent = eqx.tree_at(
        lambda m: m.model.inner, model, jax.tree.map(jnp.zeros_like, linear())
    )
    assert float(half(silent, (large, large))) == 0.0


def test_a_model_of_ones_own_is_cast_as_a_whole_and_trains(tmp_path):
    half = training.mixed_precision(loss)
    model, history = fit(loss=half, num_steps=20)
    assert model.kernel.weights.dtype == jnp.float32
    assert history["training"][-1][1] < history["training"][0][1]
    plain, _ = fit(num_steps=20)
    np.testing.assert_allclose(model.kernel.weights, plain.kernel.weights, atol=0.05)
    assert not eqx.tree_equal(model, plain)
    # With others around it: a mean over parts, and a key.
    both = training.accumulate(training.mixed_precision(noisy), 2)
    fit(loss=both, num_steps=1)
    with pytest.raises(TypeError, match="floating-point type"):
        training.mixed_precision(loss, jnp.int8)


def moved_batch(g):
    return tuple(gn.act(g, image) for image in BATCH)


def plain_loss(model, batch):
    return loss(lambda image: image.with_array(jnp.square(model(image).array)), batch)


def test_augmented_is_the_loss_of_the_moved_batch_of_each_element():
    """Of every element, as often as of another; the negative: a plain model differs."""
    group = gn.hyperoctahedral(2)
    expected = np.array([plain_loss(linear(), moved_batch(g)) for g in group.elements])
    assert np.ptp(expected) > 1e-3
    found = jax.jit(
        lambda key: training.augmented(plain_loss, group)(linear(), BATCH, key)
    )
    values = np.array([found(key) for key in jax.random.split(KEY, 200)])
    distance = np.abs(values[:, None] - expected)
    assert distance.min(axis=1).max() < 1e-5 * expected.max()
    for value in expected:
        wanted, share = (
            np.isclose(x, value, rtol=1e-4).mean() for x in (expected, values)
        )
        assert abs(share - wanted) < 4 * np.sqrt(wanted / 200)


def test_augmented_changes_nothing_for_a_model_with_the_symmetry():
    wrapped = training.augmented(loss, gn.hyperoctahedral(2))
    for key in jax.random.split(KEY, 3):
        for a, b in zip(
            gradient(loss, linear()), gradient(wrapped, linear(), key=key), strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_augmented_refuses_a_group_that_exchanges_unlike_sides():
    long = gn.random_image(FLOW, (4, 6), key=KEY)
    batch = (long.with_array(long.array[None]),) * 2
    with pytest.raises(ValueError, match=r"exchanges axes, and the grid is \(4, 6\)"):
        training.augmented(loss, gn.hyperoctahedral(2))(linear(), batch, KEY)
    training.augmented(loss, gn.reflections(2))(linear(), batch, KEY)


def test_augmented_hands_on_the_key():
    def with_key(model, batch, key):
        return jax.random.uniform(key) + 0 * loss(model, batch)

    wrapped = training.augmented(with_key, gn.cyclic(2))
    first, again, other = (
        float(wrapped(linear(), BATCH, jax.random.key(n))) for n in (0, 0, 1)
    )
    assert first == again != other
