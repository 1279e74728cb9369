"""How many time steps `rkl2` saves where viscosity bounds them, and what it costs.

python benchmarks/viscous_steps.py [--mach 1] [--viscosity 0.1] [--flows 8] [--cells 64]

For each flow, on a grid and on one of twice the cells: steps to t = 1 with one step of
all terms and with viscosity in steps of its own; then the errors, over how much a field
varies, mean over 20 snapshots: in space (one step of all terms against the finer grid),
with `rkl2` against the same, and in time (`rkl2` against one step of all terms). The
last in double precision, too: in single precision tens of thousands of steps round.
"""

import argparse
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from _measure import machine

import pde_data
from pde_data.generation._attempt import build_solver, prepare_attempt

FIELDS = ("density", "u", "v", "pressure")


class Run(NamedTuple):
    """`(times, fields, x, y)` after the start, and how many steps it took."""

    fields: np.ndarray
    num_steps: int


def run(config: pde_data.GenerateConfig, index: int, precision: str) -> Run:
    """A flow whose start is drawn in single precision, computed in another one."""
    attempt = prepare_attempt(config, index)
    drawn = jax.tree.map(np.asarray, attempt.start)
    with jax.enable_x64(precision == "float64"):
        solver = build_solver(config, attempt.parameters, config.scheme)
        start = jax.tree.map(lambda x: jnp.asarray(x, precision), drawn)
        made = pde_data.simulate(solver, start, config.times)
        fields = (made.density, *made.state.velocity, made.pressure)
        stacked = np.stack([np.asarray(x, np.float64) for x in fields], axis=1)
        return Run(stacked[1:], int(np.sum(np.asarray(made.num_steps))))


def coarsened(run: Run) -> np.ndarray:
    """Means over two cells along each axis."""
    times, fields, nx, ny = run.fields.shape
    return run.fields.reshape(times, fields, nx // 2, 2, ny // 2, 2).mean(axis=(3, 5))


def distance(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Of each field over how much it varies, mean over the times."""
    error = np.sqrt(((found - wanted) ** 2).mean(axis=(2, 3)))
    return (error / wanted.std(axis=(2, 3))).mean(axis=0)


def in_words(errors: np.ndarray) -> str:
    return " ".join(f"{error:.1e}" for error in errors)


def main(mach: float, viscosity: float, flows: int, cells: int) -> None:
    print(machine(), "errors of", ", ".join(FIELDS), flush=True)
    totals = np.zeros((2, 2), int)
    for index in range(flows):
        made: dict[tuple[int, str, str], Run] = {}
        for n in (cells, 2 * cells):
            for way in ("explicit", "rkl2"):
                config = pde_data.GenerateConfig(
                    grid=(n, n),
                    mach=mach,
                    shear_viscosity=viscosity,
                    bulk_viscosity=viscosity,
                    viscous_steps=way,
                )
                for precision in ("float32", "float64")[: 2 if n == cells else 1]:
                    made[n, way, precision] = run(config, index, precision)
        counts = np.array(
            [
                [made[n, way, "float32"].num_steps for way in ("explicit", "rkl2")]
                for n in (cells, 2 * cells)
            ]
        )
        totals += counts
        finer = coarsened(made[2 * cells, "explicit", "float32"])
        errors = {
            "in space": (made[cells, "explicit", "float32"].fields, finer),
            "with rkl2": (made[cells, "rkl2", "float32"].fields, finer),
        }
        for precision in ("float32", "float64"):
            apart, together = (made[cells, w, precision] for w in ("rkl2", "explicit"))
            errors[f"in time, {precision}"] = apart.fields, together.fields
        print(f"flow {index}: {steps_in_words(counts, cells)}", flush=True)
        for name, (found, wanted) in errors.items():
            print(f"  {name}: {in_words(distance(found, wanted))}", flush=True)
    print(f"all: {steps_in_words(totals, cells)}")


def steps_in_words(counts: np.ndarray, cells: int) -> str:
    return "; ".join(
        f"{n}² {all_terms} and {apart} steps, {all_terms / apart:.1f} times fewer"
        for n, (all_terms, apart) in zip((cells, 2 * cells), counts, strict=True)
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mach", type=float, default=1.0)
    parser.add_argument("--viscosity", type=float, default=0.1)
    parser.add_argument("--flows", type=int, default=8)
    parser.add_argument("--cells", type=int, default=64)
    main(**vars(parser.parse_args()))
