"""One trajectory of a configuration: drawn, simulated, certified, or refused."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from ..certificates._certificate import certify
from ..certificates._continuity import snapshot_continuity
from ..solver._equations import CompressibleNavierStokes
from ..solver._simulation import SimulationError, Trajectory, simulate_in_program
from ..solver._state import Primitive
from ._config import GenerateConfig
from ._families import (
    FAMILIES,
    boundary_names,
    build_solver,
    draw_parameters,
    trajectory_key,
)
from ._probe import first_rate, probe_start, program_length
from ._slots import Task, run_in_slots

MAX_DRAWS = 8
SAFE_SCHEME = "safe"
# A step that has shrunk to a hundredth of the first has collapsed.
STEP_COLLAPSE = 100


@dataclasses.dataclass(frozen=True)
class Sample:
    """A simulated trajectory as it is stored, and what is recorded about it.

    Fields are NumPy arrays `(time, *grid)`, the velocity `(time, *grid, d)`. `draw`
    counts how often it was drawn anew and `safe_scheme` is 1 where the configured
    scheme broke down.
    """

    density: np.ndarray
    velocity: np.ndarray
    pressure: np.ndarray
    parameters: dict[str, float]
    certificate: dict[str, float]
    num_steps: int
    draw: int
    safe_scheme: int


def simulate_trajectory(config: GenerateConfig, index: int) -> Sample:
    """Trajectory `index` of a configuration, the same bits alone or among others.

    **Raises:** `IndexError` where there is no such trajectory; `SimulationError` if
    neither scheme survives any of eight draws.
    """
    if not 0 <= index < config.trajectories:
        raise IndexError(
            f"`index` must be from 0 to {config.trajectories - 1}, got {index}."
        )
    return _survivor(config, index, None)


def simulate_trajectories(
    config: GenerateConfig, indices: Sequence[int]
) -> Iterator[tuple[int, Sample]]:
    """Trajectories with their numbers, each as soon as it is ready.

    On a CPU one after the other, as a vectorised loop is no faster there. On an
    accelerator `config.batch` at a time, in the order in which they are done.
    """
    if config.batch == 1 or jax.default_backend() == "cpu":
        for index in indices:
            yield index, _survivor(config, index, None)
        return
    for index, run in simulate_together(config, indices):
        yield index, _survivor(config, index, run)


def simulate_together(
    config: GenerateConfig, indices: Sequence[int]
) -> Iterator[tuple[int, Trajectory]]:
    """The first attempts at trajectories, `config.batch` at a time in one loop.

    Those that need most steps come first. Their bits, and whether they failed, are
    those of single calls.
    """
    steps = {index: _begin(config, index)[2] for index in indices}

    def tasks() -> Iterator[Task]:
        for index in sorted(indices, key=lambda index: -steps[index]):
            start, solver, limit = _begin(config, index)
            yield Task(index, solver, start, limit)

    runs = run_in_slots(tasks(), config.times, min(config.batch, len(indices)))
    while True:
        # Not around the `yield`: the precision is the caller's there.
        with _precision(config):
            item = next(runs, None)
        if item is None:
            return
        yield item


def _survivor(config: GenerateConfig, index: int, first: Trajectory | None) -> Sample:
    with _precision(config):
        for draw in range(MAX_DRAWS):
            for scheme in dict.fromkeys((config.scheme, SAFE_SCHEME)):
                sample = _attempt(config, index, draw, scheme, first)
                first = None
                if sample is not None:
                    return sample
    raise SimulationError(
        f"Trajectory {index} broke down with {MAX_DRAWS} draws, also with the scheme "
        f"{SAFE_SCHEME!r}: lower `mach`, raise the viscosities or refine `grid`."
    )


def _attempt(
    config: GenerateConfig,
    index: int,
    draw: int,
    scheme: str,
    run: Trajectory | None,
) -> Sample | None:
    """A trajectory as it is stored, or `None` if it broke down."""
    start, solver, limit = _begin(config, index, draw, scheme)
    if run is None:
        length = program_length(config.snapshots)
        run = simulate_in_program(solver, start, config.times, length, limit)
    if bool(run.failed):
        return None
    fields = _stored_fields(run, config)
    certificate = certify(*fields, config.gamma)
    if not certificate.physical:
        return None
    figures = dataclasses.asdict(certificate)
    del figures["finite"]  # Nothing else is stored.
    figures["continuity_residual"] = snapshot_continuity(
        np.asarray(config.times),
        config.box.extent,
        *fields,
        gamma=config.gamma,
        periodic=[name == "periodic" for name in boundary_names(config)],
    )
    figures |= probe_start(solver, start, index, config.snapshots)
    figures["courant_number"] = solver.courant_number
    return Sample(
        *fields,
        draw_parameters(config, trajectory_key(config, index, draw)),
        figures,
        int(np.sum(np.asarray(run.num_steps))),
        draw,
        int(scheme != config.scheme),
    )


def _begin(
    config: GenerateConfig, index: int, draw: int = 0, scheme: str | None = None
) -> tuple[Primitive, CompressibleNavierStokes, int]:
    """The start, the solver, and the steps between snapshots that are a collapse."""
    with _precision(config):
        key = trajectory_key(config, index, draw)
        parameters = draw_parameters(config, key)
        solver = build_solver(config, parameters, scheme or config.scheme)
        family = FAMILIES[config.family]
        start = family.draw(solver, jax.random.fold_in(key, 0), mach=parameters["mach"])
        rate = float(first_rate(solver, start)) / solver.courant_number
        steps = config.interval * rate if math.isfinite(rate) else 0.0
        return start, solver, STEP_COLLAPSE * (math.ceil(steps) + 1)


def _precision(config: GenerateConfig) -> Any:
    return jax.enable_x64(config.precision == "float64")


def _stored_fields(
    run: Trajectory, config: GenerateConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Density, velocity and pressure on the stored grid, in the stored precision."""
    density, velocity, pressure = map(
        np.asarray, (run.density, run.velocity, run.pressure)
    )
    if config.refinement > 1:
        density, velocity, pressure = coarsened(
            density, velocity, pressure, config.gamma, config.refinement
        )
    kind = config.dtype
    return density.astype(kind), velocity.astype(kind), pressure.astype(kind)


def coarsened(
    density: np.ndarray,
    velocity: np.ndarray,
    pressure: np.ndarray,
    gamma: float,
    factor: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Averages of the conserved variables over blocks of cells, as primitive ones."""
    density, velocity, pressure = (
        np.asarray(x, np.float64) for x in (density, velocity, pressure)
    )
    kinetic = 0.5 * density * np.sum(velocity**2, axis=-1)
    energy = _block_mean(pressure / (gamma - 1) + kinetic, factor)
    mass = _block_mean(density, factor)
    components = np.moveaxis(velocity, -1, 0)
    momentum = np.stack([_block_mean(density * u, factor) for u in components], axis=-1)
    mean_velocity = momentum / mass[..., None]
    kinetic = 0.5 * mass * np.sum(mean_velocity**2, axis=-1)
    return mass, mean_velocity, (gamma - 1) * (energy - kinetic)


def _block_mean(values: np.ndarray, factor: int) -> np.ndarray:
    """The mean over blocks of `factor` cells along each axis but the first."""
    for axis in range(1, values.ndim):
        shape = values.shape
        blocks = (*shape[:axis], shape[axis] // factor, factor, *shape[axis + 1 :])
        values = values.reshape(blocks).mean(axis=axis + 1)
    return values
