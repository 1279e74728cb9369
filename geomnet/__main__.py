"""The command line: `python -m geomnet filters --dim 2 --size 3 --type 1-`."""

import argparse
from collections.abc import Sequence
from typing import Any

from ._command_line import (
    FAILURES,
    Answer,
    Parser,
    Say,
    add_command,
    as_program,
    program,
    run_command,
)
from ._group import MAKERS, Group
from ._whole_file import whole
from .filters import (
    FilterBank,
    FilterSubspace,
    filter_basis,
    isotropic,
    kernel_basis,
    traceless,
)
from .models._catalogue import catalogue, listing
from .testing._command import add_certify, add_cost

# `TypeError` for what is of another kind than is needed; XLA's own are for memory.
_FAILURES = (*FAILURES, TypeError, RuntimeError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status: 0, 1 (a check failed), 2 (bad
    input) or 130.
    """
    return run_command(_parser(), arguments, _FAILURES)


def _parser() -> Parser:
    parser, commands = program("geomnet", "Equivariant networks: filters and models.")
    # Each command adds its arguments and sets the function that runs it.
    _add_list(commands)
    _add_filters(commands)
    add_certify(commands)
    add_cost(commands)
    return parser


def _add_list(commands: Any) -> None:
    add_command(
        commands,
        "list",
        _list,
        "The networks and layers with their arguments; groups, types and boundaries.",
    )


def _list(_options: argparse.Namespace, say: Say) -> Answer:
    say(listing())
    return Answer(catalogue())


def _add_filters(commands: Any) -> None:
    parser = add_command(
        commands,
        "filters",
        _run_filters,
        "Every filter of a type that a group leaves alone, with the counts by orbits, "
        "by characters and by rank, its polynomial and its name.",
    )
    add = parser.add_argument
    add(
        "--dim",
        type=int,
        metavar="D",
        help="spatial dimensions, 1 to 3 (default: those of the group, or else 2)",
    )
    add(
        "--size",
        type=int,
        nargs="+",
        default=[3],
        metavar="N",
        help="cells: one number, or per axis; 3 and 5 are usual (default: 3)",
    )
    add(
        "--type",
        default="0+",
        help="what a filter is made of, such as 1- or 2s+, see `list` (default: 0+)",
    )
    add(
        "--from",
        dest="source",
        metavar="TYPE",
        help="make kernels of a convolution from this type (default: filters)",
    )
    add(
        "--group",
        default="hyperoctahedral",
        help=f"one of {', '.join(MAKERS)}, with a number where it needs one, or a "
        "product such as 'hyperoctahedral(2) x trivial(1)' (default: hyperoctahedral)",
    )
    add(
        "--max-radius",
        type=float,
        metavar="R",
        help="only cells so near to the centre, in cells (default: all)",
    )
    add("--isotropic", action="store_true", help="only what every rotation keeps")
    add("--traceless", action="store_true", help="only without traces")
    add(
        "--draw",
        metavar="FILE",
        help="draw the bank into FILE, such as bank.png (default: not drawn)",
    )


def _run_filters(options: argparse.Namespace, say: Say) -> Answer:
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
    say(bank.report())
    shown: list[FilterBank | FilterSubspace] = [bank]
    for wanted, restrict in [
        (options.isotropic, isotropic),
        (options.traceless, traceless),
    ]:
        if wanted:
            bank = restrict(bank)
            say(f"\n{bank.report()}")
            shown.append(bank)
    if options.draw:
        from . import plot

        with whole(options.draw) as path:
            plot.filters(bank).savefig(path)
    if options.json is None:
        return Answer(None)
    # Every filter in full may be much.
    first, *rest = [one.to_dict() for one in shown]
    return Answer({"bank": first, "subspaces": rest})


if __name__ == "__main__":
    as_program(main)
