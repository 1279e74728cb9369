"""The command line: `python -m geomnet filters --dim 2 --size 3 --type 1-`."""

import argparse
import os
import sys
from collections.abc import Sequence

from ._group import Group
from .filters import (
    FilterBank,
    FilterSubspace,
    filter_basis,
    isotropic,
    kernel_basis,
    traceless,
)
from .testing._command import add_certify, add_cost


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status: 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m geomnet", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    # Each command adds its arguments and sets the function that runs it.
    _add_filters(commands)
    add_certify(commands)
    add_cost(commands)
    options = parser.parse_args(arguments)
    try:
        print(options.run(options), flush=True)
    except BrokenPipeError:
        # The reader, such as `head`, has had enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ValueError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


def _add_filters(commands: "argparse._SubParsersAction") -> None:
    parser = commands.add_parser(
        "filters",
        help="list a filter bank and the proof that it is complete",
        description="Every filter of a type that a group leaves alone, with the counts "
        "by orbits, by characters and by rank, its polynomial and its name.",
    )
    parser.add_argument(
        "--dim", type=int, help="spatial dimensions: 1, 2 (the default) or 3"
    )
    parser.add_argument(
        "--size",
        type=int,
        nargs="+",
        default=[3],
        help="cells: one number, or per axis",
    )
    parser.add_argument(
        "--type", default="0+", help="what a filter is made of, such as 1- or 2s+"
    )
    parser.add_argument(
        "--from", dest="source", help="make kernels of a convolution from this type"
    )
    parser.add_argument(
        "--group",
        default="hyperoctahedral",
        help="such as rotations, or 'hyperoctahedral(2) x trivial(1)'",
    )
    parser.add_argument("--max-radius", type=float, help="in cells")
    parser.add_argument(
        "--isotropic", action="store_true", help="only what every rotation keeps"
    )
    parser.add_argument("--traceless", action="store_true", help="only without traces")
    parser.add_argument("--draw", metavar="FILE", help="also draw the bank into FILE")
    parser.set_defaults(run=_run_filters)


def _run_filters(options: argparse.Namespace) -> str:
    group = Group.from_name(options.group, options.dim or 2)
    if options.dim not in (None, group.num_spatial_dims):
        raise ValueError(
            f"`--dim` {options.dim} is not that of `--group` {group}: leave it out."
        )
    size = options.size[0] if len(options.size) == 1 else tuple(options.size)
    bank: FilterBank | FilterSubspace
    if options.source is None:
        bank = filter_basis(group, options.type, size, max_radius=options.max_radius)
    else:
        types = options.type, options.source
        bank = kernel_basis(group, *types, size, max_radius=options.max_radius)
    report = bank.report()
    for wanted, restrict in [
        (options.isotropic, isotropic),
        (options.traceless, traceless),
    ]:
        if wanted:
            bank = restrict(bank)
            report += f"\n\n{bank.report()}"
    if options.draw:
        from . import plot

        plot.filters(bank).savefig(options.draw)
    return report


if __name__ == "__main__":
    sys.exit(main())
