"""One attempt at a trajectory: all that the seed and its number decide beforehand."""

import contextlib
import dataclasses
import functools
import math

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ..solver._equations import CompressibleNavierStokes
from ..solver._schemes import SCHEMES, VISCOUS_STEPPERS
from ..solver._state import Primitive
from ._config import DRAWN, GenerateConfig, Range
from ._families import FAMILIES

# A step that has shrunk to a hundredth of the first has collapsed.
STEP_COLLAPSE = 100
# How much more of the step viscosity bounds than sound, where steps of its own begin
# to save time: measured at 64² and 128².
STIFF = 1.5
_ASKED = 4
# Steps between two snapshots, so that a hundred times as many are still an int32.
MOST_IN_INTERVAL = 2e7


@dataclasses.dataclass(frozen=True)
class Attempt:
    """What an attempt at a trajectory needs, and what is recorded about it.

    **Arguments:**

    - `index`: the number of the trajectory; `draw`: how often it was drawn anew;
      `scheme`: the name of the numerical scheme.
    - `parameters`: Mach number and viscosities, by name.
    - `solver`, `start`: what is simulated, from where.
    - `max_steps`: between two snapshots; more mean that the time step has collapsed.
    """

    index: int
    draw: int
    scheme: str
    parameters: dict[str, float]
    solver: CompressibleNavierStokes
    start: Primitive
    max_steps: int


def prepare_attempt(
    config: GenerateConfig, index: int, draw: int = 0, scheme: str | None = None
) -> Attempt:
    """The attempt with a number of redraws and a scheme, `None` for the configured."""
    with precision_of(config):
        scheme = config.scheme if scheme is None else scheme
        key = trajectory_key(config, index, draw)
        solver, start, parameters = _prepared(config, key, scheme)
        rate = float(first_rate(solver, start)) / solver.courant_number
        steps = config.interval * rate if math.isfinite(rate) else 0.0
        limit = STEP_COLLAPSE * (math.ceil(min(steps, MOST_IN_INTERVAL)) + 1)
        return Attempt(index, draw, scheme, parameters, solver, start, limit)


def _prepared(
    config: GenerateConfig, key: PRNGKeyArray, scheme: str | None = None
) -> tuple[CompressibleNavierStokes, Primitive, dict[str, float]]:
    """The solver and the start that a key draws, with the numbers drawn.

    In the precision of the `with` block around it.
    """
    parameters = draw_parameters(config, key)
    solver = build_solver(config, parameters, scheme or config.scheme)
    family, key = FAMILIES[config.family], jax.random.fold_in(key, 0)
    return solver, family.draw(solver, key, mach=parameters["mach"]), parameters


def precision_of(config: GenerateConfig) -> contextlib.AbstractContextManager[None]:
    """The precision that a configuration computes in, for a `with` block."""
    return jax.enable_x64(config.precision == "float64")


def trajectory_key(config: GenerateConfig, index: int, draw: int = 0) -> PRNGKeyArray:
    """The key of a trajectory: of the seed, its index, and how often it was redrawn."""
    # In single precision JAX drops all but the last 32 bits of a seed.
    with jax.enable_x64(True):
        root = jax.random.key(config.seed)
    return jax.random.fold_in(jax.random.fold_in(root, index), draw)


def draw_parameters(config: GenerateConfig, key: PRNGKeyArray) -> dict[str, float]:
    """Mach number and viscosities of one trajectory, log-uniform where ranges."""
    draws = np.asarray(jax.random.uniform(jax.random.fold_in(key, 1), (3,)), float)
    return {
        name: _log_uniform(getattr(config, name), float(draw))
        for name, draw in zip(DRAWN, draws, strict=True)
    }


def build_solver(
    config: GenerateConfig, parameters: dict[str, float], scheme: str
) -> CompressibleNavierStokes:
    """The solver of one trajectory."""
    parts, family = dict(SCHEMES[scheme]), FAMILIES[config.family]
    if config.courant_number is not None and scheme == config.scheme:
        parts["courant_number"] = config.courant_number
    return CompressibleNavierStokes(
        config.box.refined(config.refinement),
        config.gamma,
        parameters["shear_viscosity"],
        parameters["bulk_viscosity"],
        prandtl_number=config.prandtl_number,
        viscosity=config.viscosity,
        boundary=family.boundary(len(config.grid)),
        forcing=family.forcing,
        viscous_stepper=VISCOUS_STEPPERS[viscous_steps(config)],
        **parts,
    )


@functools.lru_cache(maxsize=64)
def viscous_steps(config: GenerateConfig) -> str:
    """How all trajectories of a configuration step viscosity, "explicit" or "rkl2".

    "auto" asks the starts of the first few, whether there are as many or not: a
    trajectory does not depend on how many others there are.
    """
    if config.viscous_steps != "auto":
        return config.viscous_steps
    explicit = dataclasses.replace(config, viscous_steps="explicit", shard=(1, 1))
    ratios = []
    with precision_of(config):
        for index in range(_ASKED):
            solver, start, _ = _prepared(explicit, trajectory_key(config, index))
            if solver.transport is None:
                return "explicit"
            sound = float(first_rate(solver.inviscid, start))
            ratios.append(float(_viscous_rate(solver, start)) / sound)
    return "rkl2" if np.mean(ratios) > STIFF else "explicit"


@eqx.filter_jit
def first_rate(solver: CompressibleNavierStokes, start: Primitive) -> Float[Array, ""]:
    """The solver's `max_rate` of a start."""
    return solver.max_rate(solver.gas.conserved(start))


@eqx.filter_jit
def _viscous_rate(
    solver: CompressibleNavierStokes, start: Primitive
) -> Float[Array, ""]:
    return solver.max_viscous_rate(solver.gas.conserved(start))


def _log_uniform(value: Range, draw: float) -> float:
    if not isinstance(value, tuple):
        return value
    low, high = value
    return float(low * (high / low) ** draw)
