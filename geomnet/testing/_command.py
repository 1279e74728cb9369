"""Commands on a trained model: `python -m geomnet certify CHECKPOINT`, does it still
commute? `python -m geomnet cost CHECKPOINT`, what does it cost?
"""

import argparse
from pathlib import Path
from typing import Any

from .._command_line import Answer, Say, add_command
from ..models import cost
from ..training import load
from ._certify import DTYPES, certify

_CELLS = {1: 32, 2: 16, 3: 8}
_MOST_CELLS = 2**18
# Of cells along an axis, elements or samples.
_MOST = 2**16


def add_certify(commands: Any) -> None:
    """Adds the command `certify`."""
    parser = add_command(
        commands,
        "certify",
        _certify,
        "Measure how far the model of a checkpoint is from commuting with its group: "
        "as saved, after noise, a training step and averaging, and in other dtypes. "
        "Exit code 1 if it does not commute.",
    )
    add = parser.add_argument
    add("checkpoint", type=Path, help="written by save or fit")
    add(
        "--grid",
        type=_positive,
        nargs="+",
        metavar="N",
        help="cells: one number, or per axis (default: the smallest grid that will do)",
    )
    add(
        "--dtypes",
        nargs="+",
        default=list(DTYPES),
        metavar="DTYPE",
        help=f"such as float64 bfloat16 (default: {' '.join(DTYPES)})",
    )
    add(
        "--precision",
        default="highest",
        metavar="NAME",
        help="of products: default, high or highest, or another name of "
        "jax.default_matmul_precision (default: highest, in full)",
    )
    add(
        "--elements",
        type=_positive,
        metavar="N",
        help="check only so many elements; 8 of 48 are enough in 3D (default: all)",
    )


def add_cost(commands: Any) -> None:
    """Adds the command `cost`."""
    parser = add_command(
        commands,
        "cost",
        _cost,
        "Count the parameters, arithmetic and memory of the model of a checkpoint: its "
        "forward pass and a train step are compiled for this machine, and not run.",
    )
    add = parser.add_argument
    add("checkpoint", type=Path, help="written by save or fit")
    add(
        "--grid",
        type=_positive,
        nargs="+",
        required=True,
        metavar="N",
        help="cells: one number, or per axis, such as 128 128",
    )
    add(
        "--batch",
        type=_positive,
        default=1,
        metavar="N",
        help="samples of one call, such as 16 (default: 1)",
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:20]) <= _MOST:
        raise argparse.ArgumentTypeError(
            f"must be a whole number from 1 to {_MOST}, got {text!r:.60}"
        )
    return int(text)


def _certify(options: argparse.Namespace, say: Say) -> Answer:
    model = _model(options.checkpoint)
    report = certify(
        model,
        _grid(model, options.grid),
        options.dtypes,
        elements=options.elements,
        precision=options.precision,
        progress=True,
    )
    say(report)
    return Answer(report.to_dict(), 0 if report.passed else 1)


def _cost(options: argparse.Namespace, say: Say) -> Answer:
    model = _model(options.checkpoint)
    found = cost(model, _grid(model, options.grid), batch=options.batch)
    say(found)
    return Answer(found.to_dict())


def _model(path: Path) -> Any:
    if not path.is_file():
        raise ValueError(f"There is no file {path}.")
    return load_model(path)


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
