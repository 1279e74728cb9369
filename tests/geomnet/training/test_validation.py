"""Validation: when asked, of conditioned models, without dropout, over many steps."""

import equinox as eqx
import jax
import numpy as np
import optax
import pytest

import geomnet as gn
from geomnet import training

from .small_run import ARRAYS, FLOW, SQUARE, Windows, fit, linear

pytestmark = pytest.mark.usefixtures("optax_promotes")


class Conditioned(eqx.Module):
    """An image, times a number."""

    linear: gn.nn.Linear

    def __call__(self, image, parameters):
        return self.linear(image) * parameters[0]


class Parametrised(Windows):
    """Histories, numbers, and what comes of both."""

    numbers = np.linspace(1, 2, 8, dtype=np.float32)[:, None]

    def take(self, numbers):
        image, _ = super().take(numbers)
        given = self.numbers[numbers]
        return image, given, image.with_array(-image.array * given[:, :, None, None])


def test_conditioned_models_are_validated_measured_and_rolled_out():
    model, history = fit(
        model=Conditioned(linear()),
        windows=Parametrised(),
        validation=Parametrised(),
        optimiser=optax.adam(0.1),
        num_steps=60,
        validate_every=20,
    )
    assert [step for step, _ in history["validation"]] == [20, 40, 60]
    errors = training.evaluate(
        model, Parametrised(), {"smse": training.smse}, batch_size=3
    )
    np.testing.assert_allclose(errors["smse"], history["validation"][-1][1], rtol=1e-4)
    assert errors["smse"] < 0.2 * history["validation"][0][1]
    images, numbers, targets = Parametrised().take(np.arange(2))
    frames = training.predict(model, images, 2, numbers)
    assert frames.array.shape == (2, 2, 4, 4, 3)
    np.testing.assert_allclose(frames.array[:, 0], targets.array, atol=0.5)
    one = training.rollout(model, images.with_array(images.array[0]), 2, numbers[0])
    np.testing.assert_allclose(frames.array[0], one.array, rtol=1e-5)


def test_what_can_not_be_validated_is_found_before_the_first_step(tmp_path):
    for windows in (Parametrised(), Windows(ARRAYS[:0])):
        with pytest.raises((ValueError, TypeError)):
            fit(tmp_path / "a", validation=windows, num_steps=100_000)
    assert not list(tmp_path.iterdir())


class Dropping(eqx.Module):
    """Drops channels in training, and needs a key for it."""

    linear: gn.nn.Linear
    dropout: gn.nn.Dropout

    def __call__(self, image, *, key=None):
        return self.dropout(self.linear(image), key=key)


def test_dropout_is_on_in_training_and_off_in_validation(tmp_path):
    def noisy(model, batch, key):
        images, targets = batch
        keys = jax.random.split(key, len(images.array))
        found = jax.vmap(lambda image, key: model(image, key=key))(images, keys)
        return training.smse(found, targets).mean()

    model = Dropping(linear(), gn.nn.Dropout(SQUARE, FLOW, 0.5))
    given = {"model": model, "loss": noisy, "validation": Windows()}
    whole, history = fit(**given)
    fit(tmp_path / "a", **given, num_steps=2)
    resumed, _ = fit(tmp_path / "a", **given)
    assert eqx.tree_equal(whole, resumed)
    assert whole.dropout.inference is False
    silent = training.evaluate(
        whole.linear, Windows(), {"smse": training.smse}, batch_size=4
    )
    assert history["validation"] == [(6, silent["smse"])]
    images, _ = Windows().take(np.arange(2))
    frames = training.predict(whole, images, 1)
    np.testing.assert_allclose(
        frames.array[:, 0], jax.vmap(whole.linear)(images).array, rtol=1e-6
    )


def test_validation_of_several_steps_is_a_rollout():
    class Several(Windows):
        def take(self, numbers):
            image, _ = super().take(numbers)
            steps = np.stack([(-0.5) ** n * image.array for n in (1, 2, 3)], 1)
            return image, gn.GeometricImage(FLOW, steps, 2)

    def call(model, history):
        return training.rollout(model, history, 3)

    def several(model, batch):
        found = jax.vmap(lambda history: call(model, history))(batch[0])
        return training.smse(found, batch[1]).mean()

    given = {"windows": Several(), "loss": several}
    model, history = fit(**given, validation=Several(), call=call, num_steps=2)
    whole = float(several(model, Several().take(np.arange(8))))
    np.testing.assert_allclose(history["validation"][-1][1], whole, rtol=1e-5)


def test_validation_is_at_the_steps_that_are_asked_for():
    _, history = fit(validation=Windows(), validate_every=25, num_steps=110)
    assert [step for step, _ in history["validation"]] == [25, 50, 75, 100, 110]
    steps = [step for step, _ in history["training"]]
    assert steps == [10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 100, 110]
