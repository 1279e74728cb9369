"""How long importing takes: geomnet, pde_data, against equinox and jax.

    python benchmarks/imports.py [--repeats 9]

Each in a fresh process, all in turn, after one run of each that fills Python's caches;
medians of seconds by the clock and of all cores. Results: benchmarks/README.md.
"""

import argparse
import subprocess
import sys

import numpy as np
from _measure import Seconds, machine

NAMES = ("jax", "equinox", "geomnet", "pde_data")
CODE = (
    "import time; wall, cpu = time.perf_counter(), time.process_time(); import {}; "
    "print(time.perf_counter() - wall, time.process_time() - cpu)"
)


def once(name: str) -> Seconds:
    """One import in a process of its own."""
    command = [sys.executable, "-c", CODE.format(name)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return Seconds(*map(float, run.stdout.split()))


def main() -> None:
    """Prints the medians, and their ratios to equinox."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    print(machine())
    for name in NAMES:
        once(name)
    runs = [[once(name) for name in NAMES] for _ in range(options.repeats)]
    medians = np.median(np.array(runs), axis=0)
    baseline = medians[NAMES.index("equinox")]
    for name, seconds in zip(NAMES, medians, strict=True):
        wall, cpu = seconds / baseline
        print(f"{name:9s} {Seconds(*seconds)}: {wall:.2f} x equinox (cpu {cpu:.2f})")


if __name__ == "__main__":
    main()
