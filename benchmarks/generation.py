"""Speed of generating files: alone and in batches, what certificates and writing cost.

python benchmarks/generation.py [--cells 128] [--trajectories 8] [--repeats 3]
"""

# 2 AMD EPYC cores shared with other jobs (load 9 to 14: seconds are upper bounds, wall
# says little), Python 3.11.7, JAX 0.10.2, float32, 2026-11-24. 21 snapshots to t = 1,
# random Fourier, Mach 0.1, viscosities 0.01, MUSCL-HLLC; one run. CPU seconds (wall) a
# trajectory:                     64² (8 trajectories)    128² (2 trajectories)
#   solver alone                        0.69 (1.6)              7.3 (12.9)
#   with certificates                   0.78 (1.8)              7.3 (16.5)
#   file, batch 1                       0.79 (2.0)              7.2 (20.1)
#   file, batch 8                       0.79 (1.9)              7.9 (11.7)
#   file, batch 1, gzip                 0.81 (1.9)              7.2 (19.0)
#   vectorised, not used on a CPU       2.19 (5.2)
# Certificates cost 13 % at 64² and nothing measurable at 128², writing 1 %, gzip 3 %.
# Wasted steps, 8 at a time (32², counted): 8 trajectories 58 %; 64 trajectories 43 %
# in plain batches, 2.3 % as generated; 128 trajectories 46 % and 0.9 %. What is left is
# the end of a run, when slots have nothing to do. Not measured on an accelerator.

import argparse
import dataclasses
import heapq
import os
import tempfile
from pathlib import Path

import jax
import numpy as np
from _measure import Seconds, interleaved, machine

import pde_data
from pde_data.generation._attempt import prepare_attempt
from pde_data.generation._sample import simulate_together


def wasted_in_batches(steps, size):
    """The share of vectorised steps spent waiting for the slowest at each snapshot."""
    done = useful = 0
    for first in range(0, len(steps), size):
        counts = np.array(steps[first : first + size])
        done += counts.max(axis=0).sum() * len(counts)
        useful += counts.sum()
    return 1 - useful / done


def wasted_in_slots(steps, estimates, size):
    """The same where the next trajectory takes the slot of one that is done."""
    ends = [0] * size
    for index in np.argsort(-np.asarray(estimates), kind="stable"):
        heapq.heapreplace(ends, ends[0] + int(np.sum(steps[index])))
    return 1 - np.sum(steps) / (size * max(ends))


def step_counts(config):
    """The steps before each snapshot, and what was estimated at the start."""
    steps, estimates = [], []
    for index in range(config.trajectories):
        attempt = prepare_attempt(config, index)
        run = pde_data.simulate(attempt.solver, attempt.start, config.times)
        steps.append(np.asarray(run.num_steps)[1:])
        estimates.append(attempt.max_steps)
    return steps, estimates


def main(cells, trajectories, repeats):
    print(machine(), flush=True)
    config = pde_data.GenerateConfig(
        grid=(cells, cells), mach=0.1, trajectories=trajectories
    )
    for total in (8, 64, 128):
        many = dataclasses.replace(config, grid=(32, 32), trajectories=total, batch=8)
        steps, estimates = step_counts(many)
        print(
            f"  {total} trajectories, 8 at a time: wasted steps "
            f"{wasted_in_batches(steps, 8):.1%} in plain batches, "
            f"{wasted_in_slots(steps, estimates, 8):.1%} as generated",
            flush=True,
        )
    indices = list(range(trajectories))

    def file(config):
        def run():
            with tempfile.TemporaryDirectory() as folder:
                pde_data.generate(config, Path(folder) / "flow.hdf5")

        return run

    def solve():
        for index in indices:
            attempt = prepare_attempt(config, index)
            run = pde_data.simulate(attempt.solver, attempt.start, config.times)
            jax.block_until_ready(run)

    def certify():
        for index in indices:
            pde_data.simulate_trajectory(config, index)

    seconds = interleaved(
        {
            "solver alone": solve,
            "with certificates": certify,
            "file, batch 1": file(config),
            "file, batch 8": file(dataclasses.replace(config, batch=8)),
            "file, batch 1, gzip": file(
                dataclasses.replace(config, compression="gzip")
            ),
            "vectorised, 8 at a time (not used on a CPU)": lambda: [
                run.state for _, run in simulate_together(config, indices, 8)
            ],
        },
        repeats=repeats,
    )
    print(f"{cells}², 21 snapshots, Mach 0.1, viscosities 0.01; seconds a trajectory")
    for name, value in seconds.items():
        per = Seconds(*(t / trajectories for t in value))
        print(f"  {name:<46} wall {per.wall:6.2f}   cpu {per.cpu:6.2f}")


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=128)
    parser.add_argument("--trajectories", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    main(options.cells, options.trajectories, options.repeats)
