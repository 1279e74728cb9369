"""All that is to be known of a GPU, in one command for the minutes that one is at hand.

    python benchmarks/gpu.py [--minutes 8] [--out gpu.json]
    python benchmarks/gpu.py --only generator "unet step"     # these, in this order
    python benchmarks/gpu.py --tiny         # everything small, for a try on a CPU

The most important first: what the default precision does to checks; single layers; a
UNet's and a propagator's train step; feeding; the generator; a short training. Rows
are printed as they come, and the file is whole after each of them: interrupted, killed
or out of memory, what was measured is kept. What each row means: benchmarks/README.md.
"""

import argparse
import dataclasses
import datetime
import sys
from pathlib import Path

import _gpu_flows
import _gpu_networks
import jax
from _gpu_rows import Record, measure
from _gpu_sizes import TINY, Sizes
from _measure import in_words, machine


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=8.0, help="for all of it")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"), help="the file")
    parser.add_argument("--tiny", action="store_true", help="everything small")
    parser.add_argument("--only", nargs="+", metavar="KIND", help="these kinds")
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
    sizes = TINY if args.tiny else Sizes()
    cases = [*_gpu_networks.cases(sizes), *_gpu_flows.cases(sizes)]
    kinds = list(dict.fromkeys(case.kind for case in cases))
    wanted = args.only or kinds
    if unknown := [kind for kind in wanted if kind not in kinds]:
        parser.error(f"--only knows {', '.join(map(repr, kinds))}, got {unknown}.")
    cases = [case for kind in wanted for case in cases if case.kind == kind]
    about = {
        "machine": machine(),
        "began": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "minutes": args.minutes,
        "sizes": dataclasses.asdict(sizes),
    }
    print(about["machine"], flush=True)
    record = Record(args.out, about)
    try:
        measure(cases, record, 60 * args.minutes, in_words)
    except KeyboardInterrupt:
        sys.exit(f"\nStopped: {args.out} holds what was measured.")
    print(f"{args.out} holds all rows.")


if __name__ == "__main__":
    main()
