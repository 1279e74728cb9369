"""One trajectory of a configuration: drawn, simulated, certified, or refused."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from ._certificate import certify
from ._config import GenerateConfig
from ._probe import commutation_error, continuity_residual
from ._schemes import FAMILIES, build_solver, draw_parameters, trajectory_key
from ._simulate import SimulationError, Trajectory, simulate
from ._state import Primitive

MAX_DRAWS = 3
SAFE_SCHEME = "safe"


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

    **Raises:** `SimulationError` if neither scheme survives any of three draws.
    """
    return simulate_trajectories(config, [index])[0]


def simulate_trajectories(
    config: GenerateConfig, indices: Sequence[int]
) -> list[Sample]:
    """Several trajectories: in one vectorised call, or on a CPU one after the other.

    On a CPU the loop is faster, as no trajectory waits for one with smaller steps.
    """
    with jax.enable_x64(config.precision == "float64"):
        together = len(indices) > 1 and jax.default_backend() != "cpu"
        runs = simulate_together(config, indices) if together else [None] * len(indices)
        return [
            _survivor(config, index, run)
            for index, run in zip(indices, runs, strict=True)
        ]


def simulate_together(
    config: GenerateConfig, indices: Sequence[int]
) -> list[Trajectory]:
    """The first attempt at several trajectories, in one vectorised call."""
    keys = [trajectory_key(config, index) for index in indices]
    parameters = [draw_parameters(config, key) for key in keys]
    varying = {
        name: jnp.asarray([p[name] for p in parameters])
        for name in parameters[0]
        if isinstance(getattr(config, name), tuple)
    }

    def one(key: PRNGKeyArray, drawn: dict[str, Any]) -> Trajectory:
        start, solver = _prepare(config, key, {**parameters[0], **drawn}, config.scheme)
        return simulate(solver, start, config.times, throw=False)

    runs = jax.vmap(one)(jnp.stack(keys), varying)
    return [jax.tree.map(lambda x, i=i: x[i], runs) for i in range(len(indices))]


def _survivor(config: GenerateConfig, index: int, first: Trajectory | None) -> Sample:
    for draw in range(MAX_DRAWS):
        key = trajectory_key(config, index, draw)
        parameters = draw_parameters(config, key)
        for scheme in dict.fromkeys((config.scheme, SAFE_SCHEME)):
            start, solver = _prepare(config, key, parameters, scheme)
            run, first = first, None
            if run is None:
                run = simulate(solver, start, config.times, throw=False)
            if bool(run.failed):
                continue
            fields = _stored_fields(run, config)
            certificate = certify(*fields, config.gamma)
            if not certificate.physical:
                continue
            figures = dataclasses.asdict(certificate)
            del figures["finite"]  # Nothing else is stored.
            figures["continuity_residual"] = continuity_residual(solver, start)
            figures["commutation_error"] = commutation_error(solver, start, index)
            return Sample(
                *fields,
                parameters,
                figures,
                int(np.sum(np.asarray(run.num_steps))),
                draw,
                int(scheme != config.scheme),
            )
    raise SimulationError(
        f"Trajectory {index} broke down with {MAX_DRAWS} draws and the scheme "
        f"{SAFE_SCHEME!r}: lower `mach`, raise the viscosities or refine `grid`."
    )


def _prepare(
    config: GenerateConfig, key: PRNGKeyArray, parameters: dict[str, Any], scheme: str
) -> tuple[Primitive, Any]:
    solver = build_solver(config, parameters, scheme)
    draw = FAMILIES[config.family].draw
    return draw(solver, jax.random.fold_in(key, 0), mach=parameters["mach"]), solver


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
