"""The training step: any optimiser of optax, compiled once, nothing of the caller's."""

from collections.abc import Hashable
from typing import Any

import equinox as eqx
import jax
import numpy as np
import optax
import pytest

from geomnet import training

from .small_run import ADAM, ARRAYS, Windows, fit, linear, loss

pytestmark = pytest.mark.usefixtures("optax_promotes")


def test_the_callers_key_and_model_stay_usable():
    key, model = jax.random.key(3), linear(3)
    first, _ = fit(key=key, model=model)
    second, _ = fit(key=key, model=model)
    assert eqx.tree_equal(first, second)
    np.testing.assert_array_equal(jax.random.key_data(key), [0, 3])


OPTIMISERS = {
    "prodigy": optax.contrib.prodigy,
    "mechanize": lambda: optax.contrib.mechanize(optax.sgd(1e-2)),
    "sam": lambda: optax.contrib.sam(optax.sgd(1e-2), optax.sgd(1e-1)),
    "reduce_on_plateau": lambda: optax.chain(
        optax.sgd(1e-2), optax.contrib.reduce_on_plateau(patience=1)
    ),
    "polyak_sgd": optax.polyak_sgd,
    "MultiSteps": lambda: optax.MultiSteps(
        optax.sgd(1e-2), 2
    ).gradient_transformation(),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimisers_that_keep_the_weights_or_ask_for_the_loss(name, tmp_path):
    """They train, and go on from a checkpoint bit for bit."""
    optimiser = OPTIMISERS[name]()
    given = {"optimiser": optimiser, "windows": Windows()}
    whole, history = fit(**given, num_steps=12)
    fit(tmp_path / "a", **given, num_steps=5)
    resumed, _ = fit(tmp_path / "a", **given, num_steps=12)
    assert eqx.tree_equal(whole, resumed)
    assert history["training"][-1][1] < history["training"][0][1]


def test_lbfgs_gets_the_loss():
    # The line search that compiles fastest; the default one is a slow test.
    search = optax.scale_by_backtracking_linesearch(4)
    _, history = fit(optimiser=optax.lbfgs(linesearch=search), num_steps=12)
    assert history["training"][-1][1] < 0.1 * history["training"][0][1]


@pytest.mark.slow
def test_line_searches_get_the_loss():
    for optimiser in (
        optax.lbfgs(),
        optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(8)),
        optax.contrib.sam(
            optax.sgd(1e-2),
            optax.chain(optax.contrib.normalize(), optax.sgd(1e-1)),
            opaque_mode=True,
        ),
    ):
        _, history = fit(optimiser=optimiser, num_steps=20)
        assert history["training"][-1][1] < 0.9 * history["training"][0][1]


def test_weights_are_frozen_by_labels():
    model = linear()
    trainable = eqx.filter(model, eqx.is_inexact_array)
    labels = eqx.tree_at(
        lambda m: m.kernel.weights, jax.tree.map(lambda _: "on", trainable), "off"
    )
    parts: dict[Hashable, Any] = {"on": optax.sgd(1e-2), "off": optax.set_to_zero()}
    optimiser = optax.multi_transform(parts, lambda _: labels)
    trained, _ = fit(optimiser=optimiser, windows=Windows(ARRAYS + 1))
    np.testing.assert_array_equal(trained.kernel.weights, model.kernel.weights)
    assert not eqx.tree_equal(trained, model)
    # Labels shaped like the model are called as the model is: the mend is named.
    with pytest.raises(ValueError, match=r"`optimiser` can't begin.*lambda _: labels"):
        fit(optimiser=optax.multi_transform(parts, labels))


class Scaled(eqx.Module):
    """A model with a number of the weak type that Python's numbers give."""

    layer: Any
    scale: jax.Array

    def __call__(self, image):
        return self.layer(image) * self.scale


ONCE = {
    "adamw": lambda: optax.adamw(1e-2),
    "schedule": lambda: training.make_optimiser(learning_rate=1e-2, total_steps=10),
    "inject_hyperparams": lambda: optax.inject_hyperparams(optax.adam)(1e-2),
    "lbfgs": lambda: optax.lbfgs(linesearch=optax.scale_by_backtracking_linesearch(4)),
    **OPTIMISERS,
}


@pytest.mark.parametrize(
    ("name", "average"), [*((name, None) for name in ONCE), ("lbfgs", 0.9)]
)
def test_the_second_step_is_the_program_of_the_first(name, average):
    """Types are those of before a step: weak ones, too, which steps do not keep."""
    weak = Scaled(linear(), jax.numpy.asarray(1.0))
    assert weak.scale.weak_type
    optimiser, batch = ONCE[name](), Windows().take(np.arange(4))
    step = training.make_train_step(loss, optimiser)
    state = training.start_training(
        weak, optimiser, key=jax.random.key(0), average=average
    )
    state, _ = step(state, batch)
    with jax.no_tracing():
        step(state, batch)


def test_a_state_of_weak_types_would_be_seen():
    weak = Scaled(linear(), jax.numpy.asarray(1.0))
    state = training.start_training(weak, ADAM, key=jax.random.key(0))
    trainable = eqx.filter(weak, eqx.is_inexact_array)
    state = eqx.tree_at(
        lambda s: (s.model, s.optimiser_state), state, (weak, ADAM.init(trainable))
    )
    step, batch = training.make_train_step(loss, ADAM), Windows().take(np.arange(4))
    state, _ = step(state, batch)
    with jax.no_tracing(), pytest.raises(RuntimeError, match="trac"):
        step(state, batch)


def test_a_step_is_compiled_once_for_all_fits():
    def settings():
        return training.make_optimiser(learning_rate=1e-2, total_steps=10)

    traced = []

    def counted(model, batch):
        traced.append(1)
        return loss(model, batch)

    for seed in range(3):
        fit(model=linear(seed), loss=counted, optimiser=settings(), num_steps=2)
    assert len(traced) == 1
    assert settings() is settings()
    # And is let go of with all that JAX keeps.
    jax.clear_caches()
    fit(loss=counted, optimiser=settings(), num_steps=1)
    assert len(traced) == 2
