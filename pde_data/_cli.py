"""The command line: one sub-command each for making, checking and seeing files."""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .checking._check_file import check_file
from .formats import load, write_statistics
from .generation._catalogue import (
    catalogue,
    listing,
    repeats_setting,
    settings_in_words,
)
from .generation._generate import generate, part_path
from .generation._options import (
    add_settings,
    given_config,
    whole_number,
    with_symbols,
)
from .generation._settings import suggestion
from .plot import QUANTITIES, animate, draw_snapshots
from .solver._simulation import SimulationError
from .verification._cases import CASES, HEADER, QUICK
from .verification._report import write_report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 1 (check failed), 2 (error) or 130."""
    options, unknown = _parser().parse_known_args(arguments)
    if unknown:
        options.command.error(_unknown(unknown, options.command))
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
        print(f"error: {_line(with_symbols(str(error)))}", file=sys.stderr)
        return 2


def _unknown(given: Sequence[str], command: argparse.ArgumentParser) -> str:
    """That arguments are not known, with what may have been meant."""
    known = re.findall(r"--[\w-]+", command.format_help())
    hints = (suggestion(name.partition("=")[0], known) for name in given)
    return f"unrecognized arguments: {' '.join(given)}.{''.join(hints)}"


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
    _add_families(commands)
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
    )
    command.set_defaults(run=run, command=command, interrupted="Interrupted.")
    return command


def _add_generate(commands: Any) -> None:
    command = _command(
        commands, "generate", _generate, "Simulate trajectories into an HDF5 file."
    )
    add = command.add_argument
    add("--out", type=Path, required=True, help="the file to make, such as flow.hdf5")
    add_settings(command)
    add("--quiet", action="store_true", help="no word and no progress bar")
    add(
        "--any-size",
        action="store_true",
        help="even if it takes more than half of the memory",
    )
    add(
        "--any-length",
        action="store_true",
        help="even if a trajectory takes more than an hour or 1e7 steps",
    )


def _generate(options: argparse.Namespace) -> int:
    config = given_config(options)
    path = part_path(config, options.out)
    options.interrupted = (
        f"Interrupted. What is finished is kept in {path}.partial; the same command "
        "goes on from there."
    )
    if len(config.grid) == 1 and not options.quiet:
        n = config.grid[0]
        text = f"note: --grid {n} is a line, 1D; a plane is --grid {n} {n}"
        print(text, file=sys.stderr)
    existed = path.exists()
    generate(
        config,
        options.out,
        progress=not options.quiet,
        any_size=options.any_size,
        any_length=options.any_length,
    )
    print(f"{path}: {'complete already' if existed else 'done'}.")
    return 0


def _add_families(commands: Any) -> None:
    command = _command(
        commands,
        "families",
        _families,
        "The families of initial states, with good settings; schemes and formats.",
    )
    command.add_argument("--json", action="store_true", help="as JSON, for programs")


def _families(options: argparse.Namespace) -> int:
    print(json.dumps(catalogue(), indent=2) if options.json else listing())
    return 0


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
        type=whole_number("regenerate", 0, 10**7),
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
            config = flow.config
            if config is not None:
                for name, text in settings_in_words(config).items():
                    print(f"  {name:<13} {_line(text)}")
            for name, value in flow.parameters.items():
                if config is not None and repeats_setting(name, value, config):
                    continue
                print(f"  {_line(name):<13} {_line(_summary(value))}")
            for name in flow.unread:
                print(f"  not read      {_line(name)}")
    return 0


def _add_plot(commands: Any) -> None:
    command = _command(commands, "plot", _plot, "Draw snapshots of a trajectory.")
    command.add_argument("file", type=Path, help="the file")
    command.add_argument("--out", type=Path, default=Path("flow.png"), help="picture")
    _add_trajectory(command)
    command.add_argument(
        "--number",
        type=whole_number("number", 1, 100),
        default=5,
        help="how many times",
    )


def _add_trajectory(command: argparse.ArgumentParser) -> None:
    kind = whole_number("trajectory", 0, 10**12)
    command.add_argument("--trajectory", type=kind, default=0, help="which one")


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
    _add_trajectory(command)
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
