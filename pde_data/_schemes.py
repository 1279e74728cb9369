"""Schemes and families by name: from a configuration to a solver and a start."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from . import initial
from ._config import GenerateConfig, Range
from ._equations import CompressibleNavierStokes
from ._grid import Grid
from ._reconstruct import MUSCL, minmod, monotonized_central
from ._riemann import hllc, low_mach, rusanov
from ._state import Primitive
from ._stepper import ssp_rk2, ssp_rk3
from ._weno import AWENO5Z, WENO5Z

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
    "safe": {
        "reconstruction": MUSCL(minmod),
        "riemann": rusanov,
        "stepper": ssp_rk2,
        "courant_number": 0.3,
    },
}

FAMILIES: dict[str, Callable[..., Primitive]] = {
    "random_fourier": initial.random_fourier,
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
    parts = dict(SCHEMES[scheme])
    if config.courant_number is not None and scheme == config.scheme:
        parts["courant_number"] = config.courant_number
    return CompressibleNavierStokes(
        Grid(config.grid, config.extent).refined(config.refinement),
        config.gamma,
        parameters["shear_viscosity"],
        parameters["bulk_viscosity"],
        prandtl_number=config.prandtl_number,
        viscosity=config.viscosity,
        **parts,
    )


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
