"""Several models trained at once: each as if it were alone."""

import equinox as eqx
import jax
import numpy as np
import optax
import pytest

import geomnet as gn
from geomnet import training

from .small_run import ADAM, FLOW, KEY, SQUARE, fit, linear, loss

pytestmark = pytest.mark.usefixtures("optax_promotes")


def noisy(model, batch, key):
    return loss(model, batch) * (1 + jax.random.uniform(key))


MEMBERS = [linear(seed) for seed in range(3)]


@pytest.mark.parametrize("clip", [1e-2, 1e3])
def test_each_member_is_trained_as_if_it_were_alone(clip, tmp_path):
    """Clipping by the norm of all members together would be seen."""
    optimiser = training.make_optimiser(
        learning_rate=0.1, total_steps=10, gradient_clip=clip
    )
    sgd = optax.chain(optax.clip_by_global_norm(clip), optax.sgd(0.1))
    for own in (optimiser, sgd):
        given = {
            "loss": training.loss_of_members(loss),
            "optimiser": training.optimiser_of_members(own),
            "model": training.stack_models(MEMBERS),
        }
        stacked, history = fit(**given)
        fit(tmp_path / "a", **given, num_steps=3, restart=True)
        assert eqx.tree_equal(fit(tmp_path / "a", **given)[0], stacked)
        alone = [fit(model=model, optimiser=own) for model in MEMBERS]
        for member, (model, _) in zip(
            training.unstack_models(stacked), alone, strict=True
        ):
            for a, b in zip(*map(jax.tree.leaves, (member, model)), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
        total = sum(h["training"][-1][1] for _, h in alone)
        assert history["training"][-1][1] == pytest.approx(total, rel=1e-5)
    together, _ = fit(**given | {"optimiser": sgd})
    is_shared = clip < 1
    same = np.allclose(together.kernel.weights, stacked.kernel.weights, rtol=1e-5)
    assert same != is_shared


def test_members_come_back_as_they_were():
    again = training.unstack_models(training.stack_models(MEMBERS))
    assert all(eqx.tree_equal(a, b) for a, b in zip(again, MEMBERS, strict=True))
    noisy_members = training.loss_of_members(noisy)
    fit(
        loss=noisy_members,
        model=training.stack_models(MEMBERS),
        optimiser=training.optimiser_of_members(ADAM),
        num_steps=1,
    )


def test_what_can_not_be_stacked_is_said():
    other = gn.nn.Linear(gn.rotations(2), FLOW, FLOW, key=KEY)
    with pytest.raises(ValueError, match=r"`models\[1\]` can't be stacked"):
        training.stack_models([linear(), other])
    with pytest.raises(ValueError, match="empty"):
        training.stack_models([])
    with pytest.raises(ValueError, match="leading axis"):
        training.unstack_models(gn.nn.Conv(SQUARE, FLOW, FLOW, key=KEY))
