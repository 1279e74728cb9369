"""Speed of generating files: alone and in batches, what certificates and writing cost.

python benchmarks/generation.py [--cells 128] [--trajectories 8]
"""

import argparse
import dataclasses
import os
import tempfile
from pathlib import Path

import jax
import numpy as np
from _measure import Seconds, interleaved, machine

import pde_data
from pde_data import _trajectory


def wasted(config, steps, batches):
    """The share of vectorised steps that are waited for: each interval, the slowest."""
    done = useful = 0
    for batch in batches:
        counts = np.array([steps[i] for i in batch])
        done += counts.max(axis=0).sum() * len(batch)
        useful += counts.sum()
    return 1 - useful / done


def step_counts(config):
    """The steps before each snapshot, for every trajectory."""
    steps = {}
    for index in range(config.trajectories):
        with _trajectory._precision(config):
            start, solver, _ = _trajectory._begin(config, index)
            run = pde_data.simulate(solver, start, config.times)
        steps[index] = np.asarray(run.num_steps)[1:]
    return steps


def main(cells, trajectories, repeats):
    print(machine(), flush=True)
    config = pde_data.GenerateConfig(
        grid=(cells, cells), mach=0.1, trajectories=trajectories
    )
    for total in (8, 64, 128):
        many = dataclasses.replace(config, grid=(32, 32), trajectories=total, batch=8)
        steps = step_counts(many)
        order = list(range(total))
        plain = [order[i : i + 8] for i in range(0, total, 8)]
        sorted_ = list(_trajectory.batches(many, order))
        print(
            f"  {total} trajectories in batches of 8: wasted steps "
            f"{wasted(many, steps, plain):.1%} in order, "
            f"{wasted(many, steps, sorted_):.1%} sorted",
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
            start, solver, _ = _trajectory._begin(config, index)
            jax.block_until_ready(pde_data.simulate(solver, start, config.times))

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
            "one vectorised call of 8 (not used on a CPU)": lambda: (
                _trajectory.simulate_together(config, indices[:8])
            ),
        },
        repeats=repeats,
    )
    print(f"{cells}², 21 snapshots, Mach 0.1, viscosities 0.01; seconds a trajectory")
    for name, value in seconds.items():
        count = min(8, trajectories) if "call" in name else trajectories
        per = Seconds(*(t / count for t in value))
        print(f"  {name:<46} wall {per.wall:6.2f}   cpu {per.cpu:6.2f}")


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=128)
    parser.add_argument("--trajectories", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    main(options.cells, options.trajectories, options.repeats)
