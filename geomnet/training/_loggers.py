"""Logs of a run: callbacks for `fit`, each row once however often it is resumed."""

import csv
import importlib
import io
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .._arguments import checked
from .._json import json_text
from ._file import checkpoint_path, whole_file
from ._reports import Beginning, Report

_COLUMNS = ("step", "loss", "seconds", "seconds_per_step")


class JSONLog:
    """A line of JSON for each report: step, loss, seconds and the metrics; what is not
    finite as the texts `"NaN"`, `"Infinity"` and `"-Infinity"`, which `float` takes.

    A run that is resumed goes on behind the step where it is resumed: rows of later
    steps, which are trained again, are taken out. A run that begins anew moves a log of
    before aside, to `log.1.jsonl`.

    `path` is that of the file.
    """

    def __init__(self, path: "str | os.PathLike[str]"):
        """**Raises:** `ValueError` if nothing can be written there."""
        self._path = checkpoint_path(path, "path")

    def begin(self, beginning: Beginning) -> None:
        """Takes out what will be written again after `beginning`.

        **Raises:** `ValueError` if the file is no such log.
        """
        lines = _lines_to_keep(self._path, beginning.step, _step_of_json)
        if lines is not None:
            _rewrite(self._path, lines)

    @checked
    def __call__(self, report: Report) -> None:
        """Adds a line of `report`.

        **Raises:** `TypeError` if it is no `Report`.
        """
        _append(self._path, json_text(_row(report), indent=None) + "\n")


class CSVLog:
    """A row for each report, metrics in columns of their own, empty in between.

    It is resumed and moved aside as a `JSONLog` is.

    `path` is that of the file.
    """

    def __init__(self, path: "str | os.PathLike[str]"):
        """**Raises:** `ValueError` if nothing can be written there."""
        self._path = checkpoint_path(path, "path")
        self._columns: list[str] = list(_COLUMNS)

    def begin(self, beginning: Beginning) -> None:
        """Takes out what will be written again after `beginning`, and writes the
        columns' names.

        **Raises:** `ValueError` if the file has other columns.
        """
        self._columns = [*_COLUMNS, *beginning.metrics]
        header = _csv_line(self._columns)
        lines = _lines_to_keep(self._path, beginning.step, _step_of_csv)
        if lines and lines[0] != header:
            raise ValueError(
                f"{self._path} has the columns {lines[0].strip()!r}, where this run "
                f"has {header.strip()!r}: name another file."
            )
        _rewrite(self._path, lines or [header])

    @checked
    def __call__(self, report: Report) -> None:
        """Adds a row of `report`.

        **Raises:** `TypeError` if it is no `Report`.
        """
        row = _row(report)
        _append(self._path, _csv_line([row.get(name, "") for name in self._columns]))


class TensorBoardLog:
    """Scalars for TensorBoard: `training/loss`, and `validation/` and each metric.

    Where a run is resumed, TensorBoard shows later events of before no more. Needs
    `pip install 'geomnet[tensorboard]'`.

    `folder` is where its files are.
    """

    @checked
    def __init__(self, folder: "str | os.PathLike[str]"):
        """**Raises:** `ImportError` if tensorboardX is not installed."""
        self._folder = str(folder)
        self._module = _needed("tensorboardX", "tensorboard")
        self._writer: Any = None

    def begin(self, beginning: Beginning) -> None:
        """Opens the folder, to go on where `beginning` says."""
        self._writer = self._module.SummaryWriter(
            self._folder, purge_step=beginning.step + 1
        )

    @checked
    def __call__(self, report: Report) -> None:
        """Adds the scalars of a `report`.

        **Raises:** `TypeError` if it is no `Report`.
        """
        self._writer.add_scalar("training/loss", report.loss, report.step)
        for name, value in report.metrics.items():
            self._writer.add_scalar(f"validation/{name}", value, report.step)
        self._writer.flush()

    def end(self) -> None:
        """Closes the folder."""
        self._writer.close()


class WandbLog:
    """Rows for Weights & Biases: loss, seconds and metrics by step.

    Needs `pip install 'geomnet[wandb]'`. Give `id=` so that a run that is resumed goes
    on there; steps that it has already are not taken a second time.
    """

    def __init__(self, **options: Any):
        """**Arguments:** `options`: those of `wandb.init`, such as `project`, `name`
        and `id`.

        **Raises:** `ImportError` if wandb is not installed.
        """
        self._module = _needed("wandb", "wandb")
        self._options = {"resume": "allow", **options}
        self._run: Any = None

    def begin(self, beginning: Beginning) -> None:
        """Begins the run there, or goes on with it, as `beginning` says."""
        self._run = self._module.init(**{"name": beginning.name, **self._options})

    @checked
    def __call__(self, report: Report) -> None:
        """Sends a row of `report`.

        **Raises:** `TypeError` if it is no `Report`.
        """
        row = _row(report)
        self._run.log(row, step=row.pop("step"))

    def end(self) -> None:
        """Ends the run there."""
        self._run.finish()


def _needed(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"This log needs {module}: pip install 'geomnet[{extra}]'"
        ) from error


def _row(report: Report) -> dict[str, Any]:
    row = {name: getattr(report, name) for name in _COLUMNS}
    return {**row, **report.metrics}


def _csv_line(values: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _step_of_json(line: str) -> int:
    return int(json.loads(line)["step"])


def _step_of_csv(line: str) -> int:
    return int(next(csv.reader([line]))[0]) if not line.startswith("step,") else 0


def _lines_to_keep(
    path: Path, done: int, step_of: Callable[[str], int]
) -> list[str] | None:
    """The lines up to the step where a run is; None if there is no such file any more,
    as that of another run has been moved aside.

    **Raises:** `ValueError` if the file is no such log.
    """
    if not path.exists() or path.stat().st_size == 0:
        return None
    if done == 0:
        _move_aside(path)
        return None
    *whole, _ = path.read_text().split("\n")
    try:
        # What a killed process has left of a line is a line no more.
        lines = [f"{line}\n" for line in whole]
        return [line for line in lines if step_of(line) <= done]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(
            f"{path} is no log of this kind, and is not written into: name another "
            "file."
        ) from error


def _move_aside(path: Path) -> None:
    number = 1
    while (free := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists():
        number += 1
    path.rename(free)


def _rewrite(path: Path, lines: list[str]) -> None:
    with whole_file(path) as file:
        file.write("".join(lines).encode())


def _append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)
