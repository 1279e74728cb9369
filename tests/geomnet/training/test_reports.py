"""Callbacks and logs: what they are told, what their failures do, each row once."""

import csv
import dataclasses
import json
import math
import sys
import types
from typing import Any

import equinox as eqx
import pytest

from geomnet import training

from .small_run import Windows, fit

pytestmark = pytest.mark.usefixtures("optax_promotes")
METRICS = {"smse": training.smse, "relative": training.nrmse}
VALIDATED = {
    "validation": Windows(),
    "validation_metrics": METRICS,
    "validate_every": 15,
}


def test_a_callback_is_told_every_step_once():
    reports = []
    _, history = fit(callbacks=[reports.append], num_steps=32, **VALIDATED)
    assert [r.step for r in reports] == [10, 15, 20, 30, 32]
    assert [len(r.losses) for r in reports] == [10, 5, 5, 10, 2]
    means = [(r.step, pytest.approx(r.loss)) for r in reports]
    assert history["training"] == means
    assert [set(r.metrics) for r in reports if r.metrics] == [set(METRICS)] * 3
    last = reports[-1]
    assert history["validation smse"][-1] == (32, last.metrics["smse"])
    assert history["validation relative"][-1] == (32, last.metrics["relative"])
    assert history["validation"] == history["validation smse"]
    assert 0 < last.seconds_per_step < last.seconds
    with pytest.raises(dataclasses.FrozenInstanceError):
        last.step = 3


def test_a_callback_that_raises_does_not_lose_the_run(tmp_path, capsys):
    told = []

    def broken(report):
        told.append(report.step)
        raise OSError("the network is down")

    model, _ = fit(tmp_path / "a", callbacks=[broken], num_steps=30)
    assert told == [10, 20, 30]
    said = capsys.readouterr().err
    assert said.count("the network is down") == 1
    assert "At step 10 the callback" in said
    assert eqx.tree_equal(model, fit(num_steps=30)[0])


def test_a_callback_may_stop_the_run_and_what_is_done_is_saved(tmp_path):
    def stop(report):
        raise KeyboardInterrupt

    with pytest.raises(training.Interrupted, match=r"at step 10 of 30.*saved in"):
        fit(tmp_path / "a", callbacks=[stop], num_steps=30)


class Read:
    """A log of either kind, and the rows of its file."""

    def __init__(self, kind: str):
        self.log = {"json": training.JSONLog, "csv": training.CSVLog}[kind]
        self.kind = kind

    def rows(self, path) -> list[dict]:
        if self.kind == "csv":
            with path.open() as file:
                return list(csv.DictReader(file))
        return [json.loads(line) for line in path.read_text().splitlines()]

    def steps(self, path) -> list[int]:
        return [int(row["step"]) for row in self.rows(path)]


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_rows_are_there_once_however_often_a_run_is_resumed(kind, tmp_path):
    """Also after it was killed behind its checkpoint, in the middle of a line."""
    read, path = Read(kind), tmp_path / f"log.{kind}"

    def go(num_steps, file):
        fit(file, num_steps=num_steps, callbacks=[read.log(path)], **VALIDATED)

    go(15, tmp_path / "a")
    saved = (tmp_path / "a").read_bytes()
    go(32, tmp_path / "a")
    (tmp_path / "a").write_bytes(saved)
    with path.open("a") as file:
        file.write('{"step": 4' if kind == "json" else "4")
    go(32, tmp_path / "a")
    assert read.steps(path) == [10, 15, 20, 30, 32]
    rows = read.rows(path)
    assert float(rows[1]["smse"]) > 0
    assert float(rows[1]["relative"]) > 0
    assert rows[0].get("smse", "") == ""
    # Nothing left to do adds nothing; a run that begins anew spares what was there.
    go(32, tmp_path / "a")
    assert read.steps(path) == [10, 15, 20, 30, 32]
    before = path.read_bytes()
    go(10, tmp_path / "b")
    go(10, tmp_path / "c")
    assert read.steps(path) == [10]
    assert path.with_name(f"log.1.{kind}").read_bytes() == before
    assert path.with_name(f"log.2.{kind}").exists()


def test_a_log_of_what_is_not_finite_is_json_and_numbers_again(tmp_path):
    path, reports = tmp_path / "log.json", []
    fit(callbacks=[reports.append], num_steps=2)
    metrics = {"a": math.nan, "b": -math.inf, "c": 0.5}
    training.JSONLog(path)(dataclasses.replace(reports[0], metrics=metrics))
    row = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert [float(row[name]) for name in "bc"] == [-math.inf, 0.5]
    assert math.isnan(float(row["a"]))
    assert path.read_text().count("\n") == 1


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_files_that_are_no_logs_are_not_written_into(kind, tmp_path):
    read, path = Read(kind), tmp_path / "notes"
    fit(tmp_path / "a", num_steps=2)
    path.write_text("precious notes\nof mine\n")
    with pytest.raises(ValueError, match=r"is no log of this kind|has the columns"):
        fit(tmp_path / "a", num_steps=4, callbacks=[read.log(path)])
    assert path.read_text() == "precious notes\nof mine\n"


def test_columns_of_another_run_are_refused(tmp_path):
    path = tmp_path / "log.csv"
    fit(tmp_path / "a", num_steps=2, callbacks=[training.CSVLog(path)])
    with pytest.raises(ValueError, match="has the columns"):
        fit(
            tmp_path / "a",
            num_steps=4,
            callbacks=[training.CSVLog(path)],
            **VALIDATED,
        )


class Fake:
    """Stands for a writer of TensorBoard and for a run of W&B."""

    def __init__(self, *arguments, **options):
        self.calls: list[Any] = [(arguments, options)]

    def add_scalar(self, name, value, step):
        self.calls.append((name, step))

    def log(self, row, step):
        self.calls.append((tuple(row), step))

    def flush(self):
        pass

    def close(self):
        self.calls.append("closed")

    finish = close


def test_tensorboard_gets_scalars_and_is_closed(monkeypatch, tmp_path):
    made = []

    def writer(*arguments, **options):
        made.append(Fake(*arguments, **options))
        return made[-1]

    module = types.SimpleNamespace(SummaryWriter=writer)
    monkeypatch.setitem(sys.modules, "tensorboardX", module)
    for num_steps in (10, 15):
        log = training.TensorBoardLog(tmp_path / "board")
        fit(tmp_path / "a", num_steps=num_steps, callbacks=[log], **VALIDATED)
    opened = ((str(tmp_path / "board"),), {"purge_step": 11})
    scalars = [("training/loss", 15), ("validation/smse", 15)]
    assert made[1].calls == [opened, *scalars, ("validation/relative", 15), "closed"]


def test_wandb_gets_rows_and_is_finished(monkeypatch, tmp_path):
    made = []

    def init(**options):
        made.append(Fake(**options))
        return made[-1]

    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=init))
    log = training.WandbLog(project="flow", id="x")
    fit(num_steps=10, callbacks=[log], name="net")
    options = {"name": "net", "resume": "allow", "project": "flow", "id": "x"}
    row = (("loss", "seconds", "seconds_per_step"), 10)
    assert made[0].calls == [((), options), row, "closed"]


@pytest.mark.parametrize(
    ("log", "module", "extra"),
    [
        (training.TensorBoardLog, "tensorboardX", "tensorboard"),
        (training.WandbLog, "wandb", "wandb"),
    ],
)
def test_what_is_not_installed_is_said_with_how_to(log, module, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    given = () if extra == "wandb" else ("folder",)
    with pytest.raises(ImportError, match=rf"pip install 'geomnet\[{extra}\]'"):
        log(*given)
