"""The command line of what is measured in the minutes that a card is at hand."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import jax
from _gpu_rows import Case, Figures, Record, measure
from _measure import in_words, machine


def parser_of(
    description: str | None, out: str, minutes: float, tiny: str
) -> argparse.ArgumentParser:
    """The options that all have: the file, the budget in minutes, and what small sizes
    are.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=minutes, help="for all of it")
    parser.add_argument("--out", type=Path, default=Path(out), help="the file")
    parser.add_argument("--tiny", action="store_true", help=tiny)
    return parser


def asked(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """What was asked for; what can't be is refused before anything is measured."""
    args = parser.parse_args()
    if not args.minutes > 0:
        parser.error(f"--minutes must be positive, got {args.minutes}.")
    if args.out.exists():
        parser.error(f"{args.out} exists: move it away, or name another with --out.")
    if not args.out.parent.is_dir():
        parser.error(f"there is no folder {args.out.parent}: make it first.")
    if jax.default_backend() == "cpu" and not args.tiny:
        parser.error(
            "JAX sees no accelerator: install it for one, as in `pip install "
            "'jax[cuda12]'`, or try the command here with --tiny."
        )
    return args


def record_all(cases: Iterable[Case], args: argparse.Namespace, about: Figures) -> None:
    """Measures into the file, with what is to be known `about` the run."""
    about = {"machine": machine(), "minutes": args.minutes, **about}
    print(about["machine"], flush=True)
    record = Record(args.out, about)
    try:
        measure(cases, record, 60 * args.minutes, in_words)
    except KeyboardInterrupt:
        sys.exit(f"\nStopped: {args.out} holds what was measured.")
    print(f"{args.out} holds all rows.")
