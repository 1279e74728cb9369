"""`python -m geomnet certify CHECKPOINT`: does a trained model still commute?"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..models import rebuild_model
from ..training import load_checkpoint
from ..training._checkpoint import read_metadata
from ._certify import DTYPES, certify

_CELLS = {1: 32, 2: 16, 3: 8}


def add_certify(commands: Any) -> None:
    """Registers the sub-command `certify` with an `argparse` collection of commands."""
    parser = commands.add_parser(
        "certify",
        help="measure the equivariance of a trained model",
        description="Loads the model of a checkpoint and measures how far it is from "
        "commuting with its group: as saved, after noise, a training step and "
        "averaging, and in other dtypes. Exit status 1 if it does not commute.",
    )
    parser.add_argument("checkpoint", type=Path, help="written by save_checkpoint")
    parser.add_argument(
        "--grid", type=int, nargs="+", help="cells per axis; by default a small grid"
    )
    parser.add_argument(
        "--dtypes", nargs="+", default=list(DTYPES), help="such as float64 bfloat16"
    )
    parser.add_argument("--elements", type=int, help="check only so many elements")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write JSON")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> str:
    if not options.checkpoint.is_file():
        raise ValueError(f"There is no file {options.checkpoint}.")
    model = load_model(options.checkpoint)
    d = model.group.num_spatial_dims
    # Two coarse cells along each axis at least, or a reflection has nothing to move.
    depth = getattr(getattr(model, "model", model), "depth", 0)
    side = max(_CELLS[d], 2 * 2**depth)
    grid = tuple(options.grid) if options.grid else (side,) * d
    if len(grid) == 1:
        grid = grid * d
    report = certify(model, grid, options.dtypes, elements=options.elements)
    if options.json:
        options.json.write_text(report.to_json() + "\n")
    if not report.passed:
        print(report)
        sys.exit(1)
    return str(report)


def load_model(path: Path) -> Any:
    """The model of a checkpoint whose metadata describe it under `"model"`.

    The state must be the model itself, or begin with it, as a `TrainState` does.

    **Raises:** `ValueError` if the file is no checkpoint or not whole, or its metadata
    do not describe the model.
    """
    description = read_metadata(path).get("model")
    if not isinstance(description, dict):
        raise ValueError(
            f"{path} does not say what model it holds. Save it with the metadata "
            '`{"model": geomnet.models.describe_model(model)}`.'
        )
    # Leaves are stored in order: reading stops where the model ends.
    model = load_checkpoint(path, rebuild_model(description))[0]
    _check_whole(path)
    return model


def _check_whole(path: Path) -> None:
    """**Raises:** `ValueError` if the file ends inside an array."""
    with path.open("rb") as file:
        file.readline()
        while file.peek(1):
            try:
                np.load(file)
            except (ValueError, EOFError, OSError) as error:
                raise ValueError(
                    f"{path} is cut off or damaged behind the model: {error}. Take an "
                    "earlier checkpoint, or copy it again."
                ) from error
