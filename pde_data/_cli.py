"""The command line: one sub-command each for making, checking and seeing files."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from ._command_line import (
    FAILURES,
    Answer,
    Parser,
    Say,
    add_command,
    complain,
    note,
    one_line,
    program,
    run_command,
)
from ._progress import watched
from .checking._check_file import check_file
from .formats import FlowData, load, write_statistics
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
from .generation._places import TRAJECTORIES
from .plot import QUANTITIES, animate, draw_snapshots
from .solver._simulation import SimulationError
from .verification._cases import CASES, HEADER, QUICK
from .verification._report import write_report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 1 (check failed), 2 (error) or 130."""
    failures = (*FAILURES, SimulationError)
    return run_command(_parser(), arguments, failures, with_symbols)


def _parser() -> Parser:
    parser, commands = program("pde_data", "Compressible Navier-Stokes data.")
    # Each adds its arguments, and the function that runs it.
    _add_list(commands)
    _add_generate(commands)
    _add_check(commands)
    _add_info(commands)
    _add_plot(commands)
    _add_animate(commands)
    _add_statistics(commands)
    _add_verify(commands)
    return parser


def _add_list(commands: Any) -> None:
    add_command(
        commands,
        "list",
        _list,
        "The families of initial states, with good settings; schemes and formats.",
        aliases=["families"],
    )


def _list(_options: argparse.Namespace, say: Say) -> Answer:
    say(listing())
    return Answer(catalogue())


def _add_generate(commands: Any) -> None:
    command = add_command(
        commands, "generate", _generate, "Simulate trajectories into an HDF5 file."
    )
    add = command.add_argument
    add(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="the file to make, such as flow.hdf5",
    )
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
    add(
        "--devices",
        type=whole_number("devices", 1, 4096),
        metavar="N",
        help="share the trajectories out over N devices of this host; the file has the "
        "same bytes (default: one device)",
    )


def _generate(options: argparse.Namespace, say: Say) -> Answer:
    config = given_config(options)
    path = part_path(config, options.out)
    if len(config.grid) == 1 and not options.quiet:
        n = config.grid[0]
        note(f"--grid {n} is a line, 1D; a plane is --grid {n} {n}")
    existed = path.exists()
    try:
        generate(
            config,
            options.out,
            progress=not options.quiet,
            any_size=options.any_size,
            any_length=options.any_length,
            mesh=None if options.devices is None else _mesh_of(options.devices),
        )
    except KeyboardInterrupt:
        if Path(f"{path}.partial").exists():
            options.interrupted += (
                f" What is finished is kept in {path}.partial; the same command goes "
                "on from there."
            )
        raise
    say(f"{path}: {'complete already' if existed else 'done'}.")
    return Answer({"path": path, "complete_already": existed})


def _mesh_of(number: int) -> Mesh:
    """So many devices of this process, one trajectory on each."""
    there = jax.local_devices()
    if number > len(there):
        raise ValueError(
            f"`--devices` is {number}, and JAX sees {len(there)} of the kind "
            f"{there[0].platform!r} here: give {len(there)} or fewer."
        )
    return Mesh(np.array(there[:number]), (TRAJECTORIES,))


def _add_check(commands: Any) -> None:
    command = add_command(
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
        help="simulate so many trajectories of our files again and compare every bit; "
        "1 shows whether this machine gives the same bits (default: 0)",
    )


def _check(options: argparse.Namespace, say: Say) -> Answer:
    def check(path: Path) -> tuple[dict[str, Any], int]:
        report = check_file(path, options.regenerate, progress=True)
        say(one_line(f"{path}: {report.layout} layout"))
        for finding in report.findings:
            say(f"  {one_line(finding)}")
        say(f"  {'PASS' if report.passed else 'FAIL'}")
        return report.to_dict(), 0 if report.passed else 1

    return _each_file(options.file, check)


def _each_file(paths: Sequence[Path], look: Any) -> Answer:
    """What is found in each file; one that can't be read does not hide the others."""
    files, worst = [], 0
    for path in paths:
        try:
            found, code = look(path)
        except BrokenPipeError:
            raise
        except (OSError, ValueError) as error:
            complain(error)
            found, code = {"error": str(error)}, 2
        files.append({"path": str(path), **found})
        worst = max(worst, code)
    return Answer({"files": files}, worst)


def _add_info(commands: Any) -> None:
    command = add_command(commands, "info", _info, "What a file holds.")
    command.add_argument("file", type=Path, nargs="+", help="the files")


def _info(options: argparse.Namespace, say: Say) -> Answer:
    def look(path: Path) -> tuple[dict[str, Any], int]:
        with load(path) as flow:
            lines = [f"{path}: {flow.layout} layout"]
            lines += [f"  {name:<13} {text}" for name, text in _lines_of(flow)]
            say("\n".join(map(one_line, lines)))
            return _data_of(flow), 0

    return _each_file(options.file, look)


def _lines_of(flow: FlowData) -> list[tuple[str, str]]:
    """What a file holds, in words."""
    first, last = flow.times[0], flow.times[-1]
    lines = [
        ("trajectories", str(flow.num_trajectories)),
        ("grid", " x ".join(map(str, flow.grid))),
        ("times", f"{len(flow.times)}, from {first:g} to {last:g}"),
    ]
    for field in flow.fields:
        kind = f"order {field.order}, parity {field.parity:+d}"
        if field.name in flow.constants:
            kind += ", constant in time"
        lines.append(("field", f"{field.name}: {kind}, {flow[field.name].dtype}"))
    config = flow.config
    if config is not None:
        lines += settings_in_words(config).items()
    for name, value in flow.parameters.items():
        if config is None or not repeats_setting(name, value, config):
            lines.append((name, _summary(value)))
    return lines + [("not read", name) for name in flow.unread]


def _data_of(flow: FlowData) -> dict[str, Any]:
    """The same as data, in full."""
    return {
        "layout": flow.layout,
        "trajectories": flow.num_trajectories,
        "grid": flow.grid,
        "times": flow.times,
        "fields": [
            {
                **dataclasses.asdict(field),
                "constant_in_time": field.name in flow.constants,
                "dtype": str(flow[field.name].dtype),
            }
            for field in flow.fields
        ],
        "settings": None if flow.config is None else dataclasses.asdict(flow.config),
        "parameters": flow.parameters,
        "unread": flow.unread,
    }


def _add_plot(commands: Any) -> None:
    command = add_command(commands, "plot", _plot, "Draw snapshots of a trajectory.")
    command.add_argument("file", type=Path, help="the file")
    command.add_argument(
        "--out",
        type=Path,
        default=Path("flow.png"),
        help=".png, .pdf or .svg (default: flow.png)",
    )
    _add_trajectory(command)
    command.add_argument(
        "--number",
        type=whole_number("number", 1, 100),
        default=5,
        metavar="N",
        help="how many times, 1 to 100 (default: 5)",
    )


def _add_trajectory(command: argparse.ArgumentParser) -> None:
    kind = whole_number("trajectory", 0, 10**12)
    command.add_argument(
        "--trajectory",
        type=kind,
        default=0,
        metavar="N",
        help="which one, from 0 on (default: 0)",
    )


def _plot(options: argparse.Namespace, say: Say) -> Answer:
    with load(options.file) as flow:
        path = draw_snapshots(
            flow, options.out, trajectory=options.trajectory, number=options.number
        )
    say(f"{path}: done.")
    return Answer({"path": path})


def _add_animate(commands: Any) -> None:
    command = add_command(commands, "animate", _animate, "Animate a trajectory.")
    command.add_argument("file", type=Path, help="the file")
    command.add_argument(
        "--out",
        type=Path,
        default=Path("flow.gif"),
        help=".gif, or what ffmpeg writes (default: flow.gif)",
    )
    _add_trajectory(command)
    command.add_argument(
        "--quantity",
        choices=QUANTITIES,
        default="density",
        help="what to show (default: density)",
    )


def _animate(options: argparse.Namespace, say: Say) -> Answer:
    with load(options.file) as flow:
        path = animate(
            flow, options.out, trajectory=options.trajectory, name=options.quantity
        )
    say(f"{path}: done.")
    return Answer({"path": path})


def _add_statistics(commands: Any) -> None:
    command = add_command(
        commands,
        "statistics",
        _statistics,
        "Write FOLDER/stats.yaml from FOLDER/data/train, for The Well's package.",
    )
    command.add_argument("folder", type=Path, help="the folder of the data set")


def _statistics(options: argparse.Namespace, say: Say) -> Answer:
    path = write_statistics(options.folder)
    say(f"{path}: done.")
    return Answer({"path": path})


def _add_verify(commands: Any) -> None:
    command = add_command(
        commands,
        "verify",
        _verify,
        "Measure the solver against known flows; exit code 1 if a bound is missed.",
    )
    command.add_argument(
        "--out", type=Path, help="a folder for plots and the table (default: none)"
    )
    command.add_argument(
        "--only",
        nargs="+",
        choices=sorted(CASES),
        help=f"some cases of {', '.join(sorted(CASES))} (default: all)",
        metavar="CASE",
    )
    command.add_argument(
        "--quick", action="store_true", help="only the cases that take seconds"
    )


def _verify(options: argparse.Namespace, say: Say) -> Answer:
    names = options.only or (QUICK if options.quick else CASES)
    results = []
    if options.out is not None:
        # Hours of work may follow.
        options.out.mkdir(parents=True, exist_ok=True)
    say(HEADER)
    for name in watched(names, "cases", progress=True):
        for result in CASES[name]():
            say(result)
            results.append(result)
        # Hundreds of compiled programs use up what Linux lets a process map.
        jax.clear_caches()
    if options.out is not None:
        write_report(results, options.out)
        say(f"{options.out}: table and plots.")
    passed = all(result.passed for result in results)
    rows = [result.to_dict() for result in results]
    return Answer({"passed": passed, "results": rows}, 0 if passed else 1)


def _summary(value: Any) -> str:
    values = np.asarray(value)
    if values.ndim == 0 or values.size <= 4 or values.dtype.kind not in "fiu":
        text = str(value)
        return text if len(text) <= 200 else f"{text[:197]}..."
    if values.min() == values.max():
        return f"{values.flat[0]:g} (all {values.size})"
    return f"{values.min():g} to {values.max():g} ({values.size} values)"
