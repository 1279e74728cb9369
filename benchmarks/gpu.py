"""All that is to be known of a GPU, in one command for the minutes that one is at hand.

    python benchmarks/gpu.py [--minutes 8] [--out gpu.json]
    python benchmarks/gpu.py --only generator "unet step"     # these, in this order
    python benchmarks/gpu.py --tiny         # everything small, for a try on a CPU

The most important first: what the default precision does to checks; single layers; a
UNet's and a propagator's train step; feeding; the generator; a short training. Rows
are printed as they come, and the file is whole after each of them: interrupted, killed
or out of memory, what was measured is kept. What each row means: benchmarks/README.md.
"""

import dataclasses
import datetime

import _gpu_flows
import _gpu_networks
from _gpu_command import asked, parser_of, record_all
from _gpu_sizes import TINY, Sizes


def main() -> None:
    parser = parser_of(__doc__, "gpu.json", 8.0, "everything small")
    parser.add_argument("--only", nargs="+", metavar="KIND", help="these kinds")
    args = asked(parser)
    sizes = TINY if args.tiny else Sizes()
    cases = [*_gpu_networks.cases(sizes), *_gpu_flows.cases(sizes)]
    kinds = list(dict.fromkeys(case.kind for case in cases))
    wanted = args.only or kinds
    if unknown := [kind for kind in wanted if kind not in kinds]:
        parser.error(f"--only knows {', '.join(map(repr, kinds))}, got {unknown}.")
    cases = [case for kind in wanted for case in cases if case.kind == kind]
    about = {
        "began": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "sizes": dataclasses.asdict(sizes),
    }
    record_all(cases, args, about)


if __name__ == "__main__":
    main()
