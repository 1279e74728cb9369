"""Commands on a trained model: `python -m geomnet certify CHECKPOINT`, does it still
commute? `python -m geomnet cost CHECKPOINT`, what does it cost?
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from ..models import cost
from ..training import load
from ._certify import DTYPES, certify

_CELLS = {1: 32, 2: 16, 3: 8}
_MOST_CELLS = 2**18


def add_certify(commands: Any) -> None:
    """Registers the sub-command `certify` with an `argparse` collection of commands."""
    parser = commands.add_parser(
        "certify",
        help="measure the equivariance of a trained model",
        description="Loads the model of a checkpoint and measures how far it is from "
        "commuting with its group: as saved, after noise, a training step and "
        "averaging, and in other dtypes. Exit status 1 if it does not commute.",
    )
    parser.add_argument("checkpoint", type=Path, help="written by save or fit")
    parser.add_argument(
        "--grid", type=int, nargs="+", help="cells per axis; by default a small grid"
    )
    parser.add_argument(
        "--dtypes", nargs="+", default=list(DTYPES), help="such as float64 bfloat16"
    )
    parser.add_argument(
        "--precision",
        default="highest",
        help="of products, as in jax.default_matmul_precision; by default in full",
    )
    parser.add_argument("--elements", type=int, help="check only so many elements")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write JSON")
    parser.set_defaults(run=_run)


def add_cost(commands: Any) -> None:
    """Registers the sub-command `cost` with an `argparse` collection of commands."""
    parser = commands.add_parser(
        "cost",
        help="count the parameters, arithmetic and memory of a trained model",
        description="Loads the model of a checkpoint, compiles its forward pass and a "
        "train step for this machine without running them, and prints what XLA counts "
        "of both, and of each layer alone.",
    )
    parser.add_argument("checkpoint", type=Path, help="written by save or fit")
    parser.add_argument(
        "--grid", type=int, nargs="+", required=True, help="cells per axis"
    )
    parser.add_argument("--batch", type=int, default=1, help="samples of one call")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write JSON")
    parser.set_defaults(run=_run_cost)


def _run_cost(options: argparse.Namespace) -> str:
    model = _model(options)
    found = cost(model, _grid(model, options.grid), batch=options.batch)
    if options.json:
        options.json.write_text(found.to_json() + "\n")
    return str(found)


def _model(options: argparse.Namespace) -> Any:
    if not options.checkpoint.is_file():
        raise ValueError(f"There is no file {options.checkpoint}.")
    if options.json and (options.json.is_dir() or not options.json.parent.is_dir()):
        raise ValueError(f"`--json`: {options.json} can't be written: no such folder.")
    return load_model(options.checkpoint)


def _run(options: argparse.Namespace) -> str:
    model = _model(options)
    grid = _grid(model, options.grid)
    report = certify(
        model,
        grid,
        options.dtypes,
        elements=options.elements,
        precision=options.precision,
    )
    if options.json:
        options.json.write_text(report.to_json() + "\n")
    if not report.passed:
        print(report)
        sys.exit(1)
    return str(report)


def _grid(model: Any, given: list[int] | None) -> tuple[int, ...]:
    d = model.group.num_spatial_dims
    if given:
        return tuple(given) * d if len(given) == 1 else tuple(given)
    # Two coarse cells along each axis at least, or a reflection has nothing to move.
    network = getattr(model, "model", model)
    reach = max(getattr(network, "dilations", (1,))) * getattr(network, "size", 1)
    side = max(_CELLS[d], 2 * 2 ** getattr(network, "depth", 0), reach)
    if side**d > _MOST_CELLS:
        raise ValueError(
            f"The model needs a grid of {' x '.join([str(side)] * d)} cells: say that "
            "it is meant by `--grid`."
        )
    return (side,) * d


def load_model(path: Path) -> Any:
    """The model of a file of `geomnet.save` or `fit`.

    **Raises:** as `geomnet.load`.
    """
    return load(path)[0]
