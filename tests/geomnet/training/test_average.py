"""The average of the weights: what it is, where it is kept, and what it is used for."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from geomnet import training
from geomnet.training._average import averaged_weights

from .small_run import ADAM, KEY, Windows, fit, linear, loss

pytestmark = pytest.mark.usefixtures("optax_promotes")


def trained(num_steps: int, average, model=None):
    """The weights after each step, and the last state."""
    state = training.start_training(model or linear(), ADAM, key=KEY, average=average)
    step = training.make_train_step(loss, ADAM)
    weights = []
    for _, numbers in zip(
        range(num_steps), training.batches(8, 4, key=KEY), strict=False
    ):
        state, _ = step(state, Windows().take(numbers))
        weights.append(np.asarray(state.model.kernel.weights, np.float64))
    return weights, state


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.9999])
def test_the_average_is_that_of_the_definition_without_the_start(decay):
    weights, state = trained(7, decay)
    factors = decay ** np.arange(6, -1, -1)
    expected = sum(f * w for f, w in zip(factors, weights, strict=True)) / factors.sum()
    found = state.averaged.kernel.weights
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # The step itself knows nothing of it.
    _, plain = trained(7, None)
    assert eqx.tree_equal(plain.model, state.model)
    assert plain.averaged is plain.model
    assert not np.allclose(found, weights[-1], rtol=1e-4)


def test_after_one_step_it_is_the_weights():
    _, state = trained(1, 0.999)
    assert eqx.tree_equal(state.averaged, state.model)


def test_sums_of_half_precision_are_kept_in_float32():
    model = jax.tree.map(lambda w: w.astype(jnp.bfloat16), linear())
    weights, state = trained(40, 0.99, model)
    assert state.average is not None
    (kept, *_) = jax.tree.leaves(state.average.weights)
    assert kept.dtype == jnp.float32
    assert state.averaged.kernel.weights.dtype == jnp.bfloat16
    factors = 0.99 ** np.arange(39, -1, -1)
    expected = np.average(weights, axis=0, weights=factors)
    # XLA may skip the rounding of weights on their way; sums in half precision stand
    # still, a hundred times further away.
    np.testing.assert_allclose(kept, expected, rtol=3e-3)
    assert np.abs(weights[-1] - expected).min() > 0.1


def test_fit_validates_and_returns_the_average_and_resumes_it(tmp_path):
    given = {"average": 0.9, "validation": Windows(), "num_steps": 30}
    whole, history = fit(**given)
    measured = training.evaluate(
        whole, Windows(), {"smse": training.smse}, batch_size=4
    )
    assert history["validation"] == [(30, measured["smse"])]
    path = tmp_path / "a"
    fit(path, **given | {"num_steps": 13})
    resumed, _ = fit(path, **given)
    assert eqx.tree_equal(whole, resumed)
    # The weights of the last step are in the checkpoint, and are those without it.
    last, _ = training.load_checkpoint(path, linear())
    assert eqx.tree_equal(last, fit(num_steps=30)[0])
    assert not eqx.tree_equal(last, whole)


def test_another_average_is_another_run(tmp_path):
    path = tmp_path / "a"
    fit(path, average=0.9)
    with pytest.raises(training.OtherRun, match=r"average\.decay: 0\.9 in the file"):
        fit(path, average=0.99)
    with pytest.raises(training.OtherRun, match="average"):
        fit(path)


@pytest.mark.parametrize("wrong", [0.0, 1.0, 1.5, -0.1, float("nan")])
def test_what_is_no_decay_is_refused(wrong):
    with pytest.raises(ValueError, match="`average`"):
        fit(average=wrong)


def test_states_of_before_averages_are_read(tmp_path, monkeypatch):
    """Their files have no line for it."""
    state = training.start_training(linear(), optax.sgd(1.0), key=KEY)
    lines = training._checkpoint.static_lines
    monkeypatch.setattr(
        training._checkpoint,
        "static_lines",
        lambda tree: {k: v for k, v in lines(tree).items() if k != ".average"},
    )
    training.save_checkpoint(tmp_path / "a", state)
    monkeypatch.undo()
    found, _ = training.load_checkpoint(tmp_path / "a", state)
    assert eqx.tree_equal(found.model, state.model)


def test_wide_weights_stay_wide_where_nothing_is_promoted():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        for dtype, expected in (("bfloat16", "float32"), ("float64", "float64")):
            weights = averaged_weights({"w": jnp.ones(2, dtype)})
            assert weights["w"].dtype == expected
