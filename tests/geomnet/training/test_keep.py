"""Metrics of validation, rollouts among them; what they keep and when they stop."""

import equinox as eqx
import numpy as np
import pytest

import geomnet as gn
from geomnet import training

from .small_run import ADAM, FLOW, KEY, Windows, fit, linear

pytestmark = pytest.mark.usefixtures("optax_promotes")


class Measured:
    """A metric that takes given values, whatever the model, one for each validation."""

    def __init__(self, *values: float):
        self.values = list(values)

    def metrics(self, monkeypatch):
        """As metrics are compiled, the value is put in where they are averaged."""

        def evaluate(model, windows, metrics, **_):
            return {"error": self.values.pop(0)}

        monkeypatch.setattr(training._validation, "evaluate", evaluate)
        return {"error": training.smse}


def validated(values, monkeypatch, **changes):
    metrics = Measured(*values).metrics(monkeypatch)
    given = {
        "validation": Windows(),
        "validation_metrics": metrics,
        "validate_every": 2,
        "num_steps": 12,
    }
    return given | changes


def done(path) -> int:
    """How many steps the state in a file has done."""
    state = training.start_training(linear(), ADAM, key=KEY)
    return int(training.load_checkpoint(path, state)[0].num_steps)


def test_the_best_the_last_and_every_nth_are_kept_by_name(tmp_path, monkeypatch):
    path = tmp_path / "run.checkpoint"
    values = [5.0, 3.0, 4.0, float("nan"), 3.0, 6.0]
    keep = training.Keep(best="error", every=5)
    model, _ = fit(path, **validated(values, monkeypatch, keep=keep))
    found = {file.name: done(file) for file in tmp_path.iterdir()}
    assert found == {
        "run.checkpoint": 12,
        "run.best.checkpoint": 4,
        "run.step-00000005.checkpoint": 5,
        "run.step-00000010.checkpoint": 10,
    }
    best, _ = training.load_checkpoint(tmp_path / "run.best.checkpoint", linear())
    assert eqx.tree_equal(best, fit(num_steps=4)[0])
    assert eqx.tree_equal(model, fit(num_steps=12)[0])


def test_the_best_so_far_is_known_when_a_run_is_resumed(tmp_path, monkeypatch):
    path, keep = tmp_path / "run", training.Keep(best="error")
    fit(path, **validated([5.0, 2.0], monkeypatch, keep=keep, num_steps=4))
    fit(path, **validated([3.0, 2.5], monkeypatch, keep=keep, num_steps=8))
    assert done(tmp_path / "run.best") == 4
    fit(path, **validated([1.0], monkeypatch, keep=keep, num_steps=10))
    assert done(tmp_path / "run.best") == 10


@pytest.mark.parametrize("name", ["run.best.ckpt", "run.step-00000003.ckpt"])
def test_kept_files_of_others_are_not_replaced(name, tmp_path, monkeypatch):
    def given():
        return validated(
            [1.0] * 6, monkeypatch, keep=training.Keep(best="error", every=3)
        )

    other = tmp_path / name
    for write in (
        lambda: other.write_text("notes"),
        lambda: training.save_checkpoint(other, linear()),
        lambda: fit(other, metadata={"grid": "another"}, num_steps=1),
    ):
        other.unlink(missing_ok=True)
        write()
        before = other.read_bytes()
        with pytest.raises(training.OtherRun, match="not of this run"):
            fit(tmp_path / "run.ckpt", **given())
        assert other.read_bytes() == before
        assert [file.name for file in tmp_path.iterdir()] == [name]
    fit(tmp_path / "run.ckpt", **given(), restart=True)
    assert done(other) in (2, 3)


STOPS = {
    # values, patience, least gain, the step of the end
    "no gain": ([5.0, 4.0, 4.0, 4.5, 3.0, 2.0], 2, 0.0, 8),
    "patient": ([5.0, 4.0, 4.0, 4.5, 3.0, 2.0], 3, 0.0, 12),
    "too small a gain": ([5.0, 4.9, 4.8, 4.7, 4.6, 4.5], 2, 0.5, 6),
    "gains that add up": ([5.0, 4.7, 4.4, 4.1, 3.8, 3.5], 2, 0.5, 12),
    "never finite": ([float("nan")] * 6, 4, 0.0, 8),
}


@pytest.mark.parametrize("name", STOPS)
def test_a_run_stops_when_it_is_enough(name, tmp_path, monkeypatch, capsys):
    values, patience, least_gain, last = STOPS[name]
    stopping = training.EarlyStopping("error", patience, least_gain)
    path = tmp_path / "run"
    model, history = fit(
        path, **validated(values, monkeypatch, early_stopping=stopping)
    )
    assert history["validation error"][-1][0] == last == done(path)
    assert ("enough at step" in capsys.readouterr().out) == (last < 12)
    # The same call again does nothing, and gives the same.
    again, _ = fit(path, **validated([], monkeypatch, early_stopping=stopping))
    assert eqx.tree_equal(again, model)
    # It is no part of what the run is: without it the run goes on.
    rest = [1.0] * (12 - last)
    whole, _ = fit(path, **validated(rest, monkeypatch))
    assert eqx.tree_equal(whole, fit(num_steps=12)[0])


WRONG = {
    "no such metric": (
        {"early_stopping": training.EarlyStopping("mse", 3), "validation": Windows()},
        "`early_stopping` names the metric 'mse'.*'smse'",
    ),
    "no validation": (
        {"keep": training.Keep(best="smse")},
        "`keep` names the metric 'smse'.*none without `validation`",
    ),
    "metrics alone": ({"validation_metrics": {"a": training.smse}}, "no `validation`"),
    "a column": (
        {"validation": Windows(), "validation_metrics": {"loss": training.smse}},
        "the name 'loss'",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_can_not_be_is_said_before_the_first_step(name, tmp_path):
    changes, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        fit(tmp_path / "a", **changes, num_steps=10**6)
    assert not list(tmp_path.iterdir())


def test_settings_that_keep_or_wait_for_nothing_are_refused():
    with pytest.raises(ValueError, match="beside `checkpoint`"):
        fit(keep=training.Keep(every=3))
    for wrong in (
        lambda: training.Keep(),
        lambda: training.Keep(every=0),
        lambda: training.EarlyStopping("smse", 0),
        lambda: training.EarlyStopping("smse", 3, -1.0),
        lambda: training.RolloutMetric(training.smse, 0),
    ):
        with pytest.raises(ValueError, match="`"):
            wrong()


FRAMES = np.random.default_rng(1).standard_normal((3, 7, 4, 4, 3)).astype(np.float32)


def test_rollouts_are_measured_beside_one_step():
    """From the first window of each trajectory, whatever the number of steps."""
    windows = gn.Windows(FLOW, FRAMES, past=1, stride=2)
    metrics = {
        "smse": training.smse,
        "one": training.RolloutMetric(training.smse, 1),
        "three": training.RolloutMetric(training.nrmse, 3),
    }
    model, history = fit(
        windows=windows,
        validation=windows,
        validation_metrics=metrics,
        num_steps=2,
    )
    histories, rest = windows.rollouts()
    for name, metric, steps in (("one", "smse", 1), ("three", "nrmse", 3)):
        rolled = training.predict(model, histories, steps)
        target = rest.with_array(rest.array[:, :steps])
        expected = np.asarray(getattr(training, metric)(rolled, target)).mean()
        found = history[f"validation {name}"]
        assert found == [(2, pytest.approx(expected, rel=1e-5))]
    whole = training.evaluate(model, windows, {"a": training.smse}, batch_size=4)
    assert history["validation smse"] == [(2, whole["a"])]


def test_rollouts_longer_than_the_data_are_refused_at_once():
    windows = gn.Windows(FLOW, FRAMES, past=1)
    given = {"windows": windows, "validation": windows, "num_steps": 10**6}
    metrics = {"far": training.RolloutMetric(training.smse, 7)}
    with pytest.raises(ValueError, match="`past` must be from 1 to"):
        fit(**given, validation_metrics=metrics)
    with pytest.raises(TypeError, match="`starts"):
        fit(**given | {"validation": Windows()}, validation_metrics=metrics)
