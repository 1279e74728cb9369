"""Losses by training step: which one trains when, compiled once, resumed exactly."""

from typing import Any

import equinox as eqx
import pytest

from geomnet import training

from .small_run import ADAM, KEY, Windows, fit, linear, loss

pytestmark = pytest.mark.usefixtures("optax_promotes")


def tripled(model, batch):
    return 3.0 * loss(model, batch)


def test_each_stage_is_that_of_its_loss():
    """The same as training by hand with one loss, then with the other."""
    model, _ = fit(loss=training.Curriculum({0: loss, 4: tripled}), num_steps=9)
    steps = [training.make_train_step(part, ADAM) for part in (loss, tripled)]
    state = training.start_training(linear(), ADAM, key=KEY)
    for n, numbers in zip(range(9), training.batches(8, 4, key=KEY), strict=False):
        state, _ = steps[n >= 4](state, Windows().take(numbers))
    assert eqx.tree_equal(model, state.model)
    other, _ = fit(loss=training.Curriculum({0: loss, 5: tripled}), num_steps=9)
    assert not eqx.tree_equal(model, other)


@pytest.mark.parametrize("stop", [3, 4, 6])
def test_a_run_is_resumed_across_the_border(stop, tmp_path):
    curriculum = training.Curriculum({0: loss, 4: tripled})
    whole, _ = fit(loss=curriculum, num_steps=9, average=0.9)
    fit(tmp_path / "a", loss=curriculum, num_steps=stop, average=0.9)
    resumed, _ = fit(tmp_path / "a", loss=curriculum, num_steps=9, average=0.9)
    assert eqx.tree_equal(whole, resumed)


def test_each_stage_is_compiled_once():
    traced = []

    def counted(name):
        def inner(model, batch):
            traced.append(name)
            return loss(model, batch)

        return inner

    curriculum = training.Curriculum({0: counted("a"), 3: counted("b")})
    for _ in range(2):
        fit(loss=curriculum, num_steps=8)
    assert sorted(traced) == ["a", "b"]


def test_stages_are_part_of_what_a_run_is(tmp_path):
    path = tmp_path / "a"
    fit(path, loss=training.Curriculum({0: loss, 4: tripled}))
    for other in ({0: loss, 5: tripled}, {0: loss, 4: loss}, {0: loss}):
        with pytest.raises(training.OtherRun, match=r"loss\."):
            fit(path, loss=training.Curriculum(other))
    # One stage is the loss alone.
    fit(tmp_path / "b", loss=training.Curriculum({0: loss}), num_steps=2)
    fit(tmp_path / "b", loss=loss)


def test_a_later_stage_that_can_not_be_is_found_at_the_first_step():
    def broken(model, batch):
        raise ValueError("four steps are too many")

    class Counted(Windows):
        taken = 0

        def take(self, numbers):
            Counted.taken += 1
            return super().take(numbers)

    curriculum = training.Curriculum({0: loss, 10_000: broken})
    with pytest.raises(ValueError, match="four steps are too many"):
        fit(loss=curriculum, windows=Counted(), num_steps=20_000)
    assert Counted.taken == 1


@pytest.mark.parametrize("losses", [{1: loss}, {}, {0: loss, -1: loss}])
def test_what_is_no_curriculum_is_refused(losses):
    with pytest.raises(ValueError, match="`losses` must have one from step 0"):
        training.Curriculum(losses)


@pytest.mark.usefixtures("no_type_checks")
def test_one_step_is_made_for_one_loss():
    curriculum: Any = training.Curriculum({0: loss})
    with pytest.raises(TypeError, match="here make one step for each of its losses"):
        training.make_train_step(curriculum, ADAM)
    with pytest.raises(TypeError, match="of a `Curriculum` wrap each one"):
        training.accumulate(curriculum, 2)
