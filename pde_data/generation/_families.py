"""Families of initial states by name, each with the box and the force that it needs."""

import dataclasses
from collections.abc import Callable
from typing import Any

from .. import initial
from ..solver._boundary import FacePair, outflow, periodic, slip_wall
from ..solver._forcing import ABCForcing
from ..solver._schemes import SCHEMES
from ..solver._state import Primitive
from ._config import GenerateConfig


@dataclasses.dataclass(frozen=True)
class Family:
    """How to draw initial states, and the box and the force that they need.

    **Arguments:**

    - `draw`: `(solver, key, *, mach)`, as in `pde_data.initial`.
    - `boundary`: the pairs of boundaries for a number of axes.
    - `forcing`: as of the solver.
    """

    draw: Callable[..., Primitive]
    boundary: Callable[[int], Any] = lambda d: ((periodic, periodic),) * d
    forcing: Callable | None = None


def _walls(d: int) -> tuple[FacePair, ...]:
    return (*((periodic, periodic),) * (d - 1), (slip_wall, slip_wall))


def _closed(d: int) -> tuple[FacePair, ...]:
    return ((slip_wall, slip_wall),) * d


def _open(d: int) -> tuple[FacePair, ...]:
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


def boundary_names(config: GenerateConfig) -> list[str]:
    """ "periodic", "wall" or "open" for each axis of the family's box."""
    names = {periodic: "periodic", slip_wall: "wall", outflow: "open"}
    faces = FAMILIES[config.family].boundary(len(config.grid))
    return [names[lower] for lower, _ in faces]


def is_forced(config: GenerateConfig) -> bool:
    """Whether a force acts on the family's gas.

    Of a family that is not known, it is not known either that nothing pushes.
    """
    family = FAMILIES.get(config.family)
    return family is None or family.forcing is not None


def kept_totals(config: GenerateConfig) -> tuple[str, ...]:
    """What the family's box keeps, of "mass", "momentum" and "energy"."""
    if config.family not in FAMILIES:
        return ()
    kinds = boundary_names(config)
    if "open" in kinds:
        return ()
    if "wall" in kinds or is_forced(config):
        return ("mass",)
    return ("mass", "momentum", "energy")


def check_names(config: GenerateConfig) -> None:
    """Refuse a family or scheme that does not exist."""
    for name, known in (("family", FAMILIES), ("scheme", SCHEMES)):
        value = getattr(config, name)
        if value not in known:
            listed = ", ".join(sorted(known))
            raise ValueError(f"`{name}` must be one of {listed}; got {value!r}.")
