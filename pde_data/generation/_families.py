"""Schemes and families by name: from a configuration to a solver and a start."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from .. import initial
from ..solver._boundary import Boundary, outflow, periodic, slip_wall
from ..solver._equations import CompressibleNavierStokes
from ..solver._forcing import ABCForcing
from ..solver._reconstruction import MUSCL, minmod, monotonized_central
from ..solver._riemann import hllc, low_mach, rusanov
from ..solver._state import Primitive
from ..solver._stepper import ssp_rk2, ssp_rk3
from ..solver._weno import AWENO5Z, WENO5Z
from ._config import GenerateConfig, Range

SCHEMES: dict[str, dict[str, Any]] = {
    "muscl": {
        "reconstruction": MUSCL(monotonized_central),
        "riemann": hllc,
        "stepper": ssp_rk2,
        "courant_number": 0.5,
    },
    "muscl-low-mach": {
        "reconstruction": MUSCL(monotonized_central),
        "riemann": low_mach(hllc),
        "stepper": ssp_rk3,
        "courant_number": 0.5,
    },
    "weno5z": {
        "reconstruction": WENO5Z(),
        "riemann": hllc,
        "stepper": ssp_rk3,
        "courant_number": 0.5,
    },
    "aweno5z": {
        "reconstruction": AWENO5Z(),
        "riemann": hllc,
        "stepper": ssp_rk3,
        "courant_number": 0.5,
    },
    "aweno5z-low-mach": {
        "reconstruction": AWENO5Z(),
        "riemann": low_mach(hllc),
        "stepper": ssp_rk3,
        "courant_number": 0.5,
    },
    "safe": {
        "reconstruction": MUSCL(minmod),
        "riemann": rusanov,
        "stepper": ssp_rk2,
        "courant_number": 0.3,
        "positivity": True,
    },
}


@dataclasses.dataclass(frozen=True)
class Family:
    """Initial states by name: how to draw them, and the box and force they need.

    `draw` is a function `(solver, key, *, mach)`; `boundary` gives the boundaries for a
    number of axes.
    """

    draw: Callable[..., Primitive]
    boundary: Callable[[int], Any] = lambda d: ((periodic, periodic),) * d
    forcing: Callable | None = None


def _walls(d: int) -> tuple[tuple[Boundary, Boundary], ...]:
    return (*((periodic, periodic),) * (d - 1), (slip_wall, slip_wall))


def _closed(d: int) -> tuple[tuple[Boundary, Boundary], ...]:
    return ((slip_wall, slip_wall),) * d


def _open(d: int) -> tuple[tuple[Boundary, Boundary], ...]:
    return ((outflow, outflow),) * d


FAMILIES: dict[str, Family] = {
    "random_fourier": Family(initial.random_fourier),
    "turbulent": Family(initial.turbulent),
    "kelvin_helmholtz": Family(initial.kelvin_helmholtz),
    "sharp_kelvin_helmholtz": Family(initial.sharp_kelvin_helmholtz),
    "double_shear": Family(initial.double_shear),
    "vortices": Family(initial.vortices),
    "taylor_green": Family(initial.taylor_green),
    "acoustic_pulses": Family(initial.acoustic_pulses),
    "riemann_quadrants": Family(initial.riemann_quadrants),
    "blast": Family(initial.blast),
    "implosion": Family(initial.implosion, _closed),
    "shock_bubble": Family(initial.shock_bubble, _open),
    "rayleigh_taylor": Family(initial.rayleigh_taylor, _walls, initial.gravity),
    "stirred": Family(initial.turbulent, forcing=ABCForcing(0.1)),
}


def trajectory_key(config: GenerateConfig, index: int, draw: int = 0) -> PRNGKeyArray:
    """The key of a trajectory: of the seed, its index, and how often it was redrawn."""
    key = jax.random.fold_in(jax.random.key(config.seed), index)
    return jax.random.fold_in(key, draw)


def draw_parameters(config: GenerateConfig, key: PRNGKeyArray) -> dict[str, float]:
    """Mach number and viscosities of one trajectory, log-uniform where ranges."""
    draws = np.asarray(jax.random.uniform(jax.random.fold_in(key, 1), (3,)), float)
    names = ("mach", "shear_viscosity", "bulk_viscosity")
    return {
        name: _log_uniform(getattr(config, name), float(draw))
        for name, draw in zip(names, draws, strict=True)
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
        **parts,
    )


def boundary_names(config: GenerateConfig) -> list[str]:
    """ "periodic", "wall" or "open" for each axis of the family's box."""
    names = {periodic: "periodic", slip_wall: "wall", outflow: "open"}
    faces = FAMILIES[config.family].boundary(len(config.grid))
    return [names[lower] for lower, _ in faces]


def check_names(config: GenerateConfig) -> None:
    """Refuse a family or scheme that does not exist."""
    for name, known in (("family", FAMILIES), ("scheme", SCHEMES)):
        value = getattr(config, name)
        if value not in known:
            listed = ", ".join(sorted(known))
            raise ValueError(f"`{name}` must be one of {listed}; got {value!r}.")


def _log_uniform(value: Range, draw: float) -> float:
    if not isinstance(value, tuple):
        return value
    low, high = value
    return float(low * (high / low) ** draw)
