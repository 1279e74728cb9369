"""What is not finite is neither saved nor returned, and the message names its cause."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import geomnet as gn
from geomnet import training

from .small_run import ARRAYS, FLOW, Windows, fit, linear, loss

pytestmark = pytest.mark.usefixtures("optax_promotes")


def rooted(model, batch):
    """Its value is finite everywhere, its gradient not at zero."""
    weights = model.kernel.weights
    return loss(model, batch) + jnp.sqrt(jnp.square(weights - weights).sum())


@pytest.mark.parametrize("num_steps", [1, 3])
def test_a_state_that_is_not_finite_is_neither_saved_nor_returned(tmp_path, num_steps):
    path = tmp_path / "a"
    with pytest.raises(FloatingPointError) as found:
        fit(path, loss=rooted, num_steps=num_steps)
    text = str(found.value)
    if num_steps == 1:
        assert "`state.model.kernel.weights` of 'training' is not finite" in text
        assert "after step 1: 2 of 2 numbers" in text
    assert "No checkpoint of this run has been written." in text
    assert not path.exists()
    with pytest.raises(FloatingPointError):
        fit(loss=rooted, num_steps=num_steps)


def test_the_file_before_stays(tmp_path, monkeypatch):
    path = tmp_path / "a"
    fit(path, num_steps=2)
    before = path.read_bytes()
    monkeypatch.setattr(gn.metrics._errors, "jnp", _RootedNumPy())
    jax.clear_caches()
    with pytest.raises(FloatingPointError, match="a holds step 2"):
        fit(path, num_steps=3)
    jax.clear_caches()
    assert path.read_bytes() == before


class _RootedNumPy:
    """`jax.numpy` whose mean has a gradient that is not finite."""

    def __getattr__(self, name):
        return getattr(jnp, name)

    def square(self, x):
        return jnp.square(x) + jnp.sqrt(jnp.abs(x - x))


def test_nrmse_has_gradient_zero_at_a_perfect_prediction():
    target = gn.GeometricImage(FLOW, jnp.asarray(ARRAYS[0]), 2)

    def error(array):
        return training.nrmse(target.with_array(array), target)

    value, gradient = jax.value_and_grad(error)(target.array)
    assert float(value) == 0.0
    np.testing.assert_array_equal(gradient, 0.0)
    nothing = target * 0.0
    assert float(training.nrmse(nothing, nothing)) == 0.0
    # Elsewhere it is what it was, with its slope.
    step = 1e-2 * jnp.ones_like(target.array)
    slope = jax.grad(error)(target.array + step)
    expected = np.sqrt(np.square(1e-2 * np.ones(48)).sum() / np.square(ARRAYS[0]).sum())
    np.testing.assert_allclose(error(target.array + step), expected, rtol=1e-4)
    assert np.isfinite(slope).all()
    assert np.all(np.asarray(slope) > 0)


def test_training_on_nrmse_stays_at_a_perfect_prediction():
    class Done(Windows):
        def take(self, numbers):
            image = gn.GeometricImage(FLOW, self.arrays[numbers], 2)
            return image, jax.vmap(linear())(image)

    def relative(model, batch):
        return training.nrmse(jax.vmap(model)(batch[0]), batch[1]).mean()

    model, _ = fit(loss=relative, windows=Done(), optimiser=optax.sgd(0.1), num_steps=2)
    np.testing.assert_allclose(model.kernel.weights, linear().kernel.weights, atol=0.1)


def test_data_that_are_not_finite_are_named_and_not_the_learning_rate():
    arrays = ARRAYS.copy()
    arrays[5, 1, 2, 0] = np.nan
    with pytest.raises(FloatingPointError) as found:
        fit(windows=Windows(arrays), num_steps=4)
    text = str(found.value)
    assert "is nan at step" in text
    assert "windows [5], `batch[0].array`" in text
    assert "learning rate does not help" in text


def test_a_run_that_diverges_is_told_the_learning_rate():
    with pytest.raises(FloatingPointError, match="Use a smaller learning rate"):
        fit(optimiser=optax.sgd(1e18), num_steps=10)
