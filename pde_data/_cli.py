"""The command line: one sub-command each for making, checking and seeing files."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .checking._check_file import check_file
from .formats import FORMATS, load, write_statistics
from .generation._config import GenerateConfig
from .generation._families import FAMILIES
from .generation._generate import generate, part_path
from .plot import QUANTITIES, animate, draw_snapshots
from .solver._schemes import SCHEMES
from .solver._simulation import SimulationError
from .verification._cases import CASES, HEADER, QUICK
from .verification._report import write_report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 1 (check failed), 2 (error) or 130."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print(f"\n{options.interrupted}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone: not an error of ours.
        sys.stderr.close()
        return 0
    except (ImportError, OSError, SimulationError, ValueError) as error:
        print(f"error: {_line(error)}", file=sys.stderr)
        return 2


def _line(text: Any) -> str:
    """Text as one line that does nothing to a terminal, whoever has written it.

    Files name what they hold, and a terminal obeys control characters.
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pde_data", description="Compressible Navier-Stokes data."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_generate(commands)
    _add_check(commands)
    _add_info(commands)
    _add_plot(commands)
    _add_animate(commands)
    _add_statistics(commands)
    _add_verify(commands)
    return parser


def _command(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=text,
        description=text,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.set_defaults(run=run, interrupted="Interrupted.")
    return command


def _add_generate(commands: Any) -> None:
    command = _command(
        commands, "generate", _generate, "Simulate trajectories into an HDF5 file."
    )
    default = GenerateConfig()
    add = command.add_argument
    add("--out", type=Path, required=True, help="the file to make")
    add("--family", choices=sorted(FAMILIES), help="initial states")
    add("--grid", type=int, nargs="+", metavar="N", help="cells along each axis")
    add(
        "--extent",
        type=float,
        nargs="+",
        metavar="L",
        help="length of the box: one number, or one along each axis",
    )
    number = {"type": float, "nargs": "+", "metavar": "X"}
    add("--mach", **number, help="Mach number; two numbers: a log-uniform range")
    add(
        "--shear-viscosity",
        "--eta",
        **number,
        help="dynamic shear viscosity; two numbers: a log-uniform range",
    )
    add(
        "--bulk-viscosity",
        "--zeta",
        **number,
        help="dynamic bulk viscosity; two numbers: a log-uniform range",
    )
    add(
        "--viscosity",
        choices=("dynamic", "kinematic"),
        help="kinematic: both viscosities are multiplied by the local density",
    )
    add("--prandtl-number", type=float, help="None: no heat conduction")
    add("--gamma", type=float, help="ratio of specific heats")
    add("--trajectories", type=int, help="how many")
    add("--snapshots", type=int, help="times stored, the start included")
    add("--final-time", type=float, help="time of the last snapshot")
    add("--seed", type=int, help="decides every random draw")
    add("--dtype", choices=("float32", "float64"), help="precision stored")
    add("--precision", choices=("float32", "float64"), help="precision computed")
    add("--scheme", choices=sorted(SCHEMES), help="numerical scheme")
    add("--courant-number", type=float, help="None: the scheme's own")
    add("--refinement", type=int, help="simulate with so many times the cells")
    add("--batch", type=int, help="trajectories per vectorised call")
    add("--format", choices=sorted(FORMATS), help="layout of the file")
    add("--compression", choices=("gzip",), help="None: as it is")
    add(
        "--shard",
        type=_shard,
        metavar="I/N",
        help="make the I-th of N parts, in a file of its own (OUT-I-of-N); each part "
        "may run in another process or on another host",
    )
    add("--quiet", action="store_true", help="no progress bar")
    command.set_defaults(**dataclasses.asdict(default))


def _generate(options: argparse.Namespace) -> int:
    names = [field.name for field in dataclasses.fields(GenerateConfig)]
    values = {name: _scalar(getattr(options, name)) for name in names}
    values["grid"] = tuple(options.grid)
    config = GenerateConfig(**values)
    path = part_path(config, options.out)
    options.interrupted = (
        f"Interrupted. What is finished is kept in {path}.partial; the same command "
        "goes on from there."
    )
    existed = path.exists()
    generate(config, options.out, progress=not options.quiet)
    print(f"{path}: {'complete already' if existed else 'done'}.")
    return 0


def _shard(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    try:
        return int(part), int(parts)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be a part such as 1/4, got {text!r}"
        ) from None


def _scalar(value: Any) -> Any:
    if isinstance(value, list):
        return value[0] if len(value) == 1 else tuple(value)
    return value


def _add_check(commands: Any) -> None:
    command = _command(
        commands,
        "check",
        _check,
        "Verify files; exit code 0 if all pass, 1 if one fails, 2 if unreadable.",
    )
    command.add_argument("file", type=Path, nargs="+", help="the files to check")
    command.add_argument(
        "--regenerate",
        type=int,
        default=0,
        metavar="N",
        help="simulate so many trajectories of our files again and compare every bit",
    )


def _check(options: argparse.Namespace) -> int:
    worst = 0
    for path in options.file:
        try:
            report = check_file(path, options.regenerate)
        except (OSError, ValueError) as error:
            # The other files are judged all the same.
            print(f"error: {_line(error)}", file=sys.stderr)
            worst = 2
            continue
        print(_line(f"{path}: {report.layout} layout"))
        for finding in report.findings:
            print(f"  {_line(finding)}")
        print(f"  {'PASS' if report.passed else 'FAIL'}")
        worst = max(worst, 0 if report.passed else 1)
    return worst


def _add_info(commands: Any) -> None:
    command = _command(commands, "info", _info, "What a file holds.")
    command.add_argument("file", type=Path, nargs="+", help="the files")


def _info(options: argparse.Namespace) -> int:
    for path in options.file:
        with load(path) as flow:
            print(_line(f"{path}: {flow.layout} layout"))
            print(f"  trajectories  {flow.num_trajectories}")
            print(f"  grid          {' x '.join(map(str, flow.grid))}")
            first, last = flow.times[0], flow.times[-1]
            print(f"  times         {len(flow.times)}, from {first:g} to {last:g}")
            for field in flow.fields:
                array = flow[field.name]
                kind = f"order {field.order}, parity {field.parity:+d}"
                if field.name in flow.constants:
                    kind += ", constant in time"
                print(f"  field         {_line(field.name)}: {kind}, {array.dtype}")
            for name, value in flow.parameters.items():
                print(f"  {_line(name):<13} {_line(_summary(value))}")
            for name in flow.unread:
                print(f"  not read      {_line(name)}")
    return 0


def _add_plot(commands: Any) -> None:
    command = _command(commands, "plot", _plot, "Draw snapshots of a trajectory.")
    command.add_argument("file", type=Path, help="the file")
    command.add_argument("--out", type=Path, default=Path("flow.png"), help="picture")
    command.add_argument("--trajectory", type=int, default=0, help="which one")
    command.add_argument("--number", type=int, default=5, help="how many times")


def _plot(options: argparse.Namespace) -> int:
    with load(options.file) as flow:
        path = draw_snapshots(
            flow, options.out, trajectory=options.trajectory, number=options.number
        )
    print(f"{path}: done.")
    return 0


def _add_animate(commands: Any) -> None:
    command = _command(commands, "animate", _animate, "Animate a trajectory.")
    command.add_argument("file", type=Path, help="the file")
    command.add_argument("--out", type=Path, default=Path("flow.gif"), help="animation")
    command.add_argument("--trajectory", type=int, default=0, help="which one")
    command.add_argument(
        "--quantity", choices=QUANTITIES, default="density", help="what to show"
    )


def _animate(options: argparse.Namespace) -> int:
    with load(options.file) as flow:
        path = animate(
            flow, options.out, trajectory=options.trajectory, name=options.quantity
        )
    print(f"{path}: done.")
    return 0


def _add_statistics(commands: Any) -> None:
    command = _command(
        commands,
        "statistics",
        _statistics,
        "Write FOLDER/stats.yaml from FOLDER/data/train, for The Well's package.",
    )
    command.add_argument("folder", type=Path, help="the folder of the data set")


def _statistics(options: argparse.Namespace) -> int:
    print(f"{write_statistics(options.folder)}: done.")
    return 0


def _add_verify(commands: Any) -> None:
    command = _command(
        commands,
        "verify",
        _verify,
        "Measure the solver against known flows; exit code 1 if a bound is missed.",
    )
    command.add_argument("--out", type=Path, help="a folder for plots and the table")
    command.add_argument(
        "--only", nargs="+", choices=sorted(CASES), help="some cases; None: all"
    )
    command.add_argument(
        "--quick", action="store_true", help="only the cases that take seconds"
    )


def _verify(options: argparse.Namespace) -> int:
    passed = True
    results = []
    print(HEADER)
    for name in options.only or (QUICK if options.quick else CASES):
        for result in CASES[name]():
            print(result, flush=True)
            results.append(result)
            passed &= result.passed
        # Hundreds of compiled programs use up what Linux lets a process map.
        jax.clear_caches()
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        write_report(results, options.out)
        print(f"{options.out}: table and plots.")
    return 0 if passed else 1


def _summary(value: Any) -> str:
    values = np.asarray(value)
    if values.ndim == 0 or values.size <= 4 or values.dtype.kind not in "fiu":
        text = str(value)
        return text if len(text) <= 200 else f"{text[:197]}..."
    if values.min() == values.max():
        return f"{values.flat[0]:g} (all {values.size})"
    return f"{values.min():g} to {values.max():g} ({values.size} values)"
