"""Families of initial states by name, each with the box and the force that it needs."""

import dataclasses
import inspect
import re
from collections.abc import Callable
from typing import Any, Literal

from .. import initial
from ..solver._boundary import FacePair, outflow, periodic, slip_wall
from ..solver._forcing import ABCForcing
from ..solver._state import Primitive


@dataclasses.dataclass(frozen=True)
class Family:
    """How to draw initial states, what they show, and what they need for it.

    **Arguments:**

    - `draw`: `(solver, key, *, mach)`, as in `pde_data.initial`.
    - `summary`: what is seen, in one line.
    - `box`: "periodic"; "walled", with slip walls at both ends of the last axis;
      "closed", by slip walls all around; or "open", where the gas flows out.
    - `forcing`: as of the solver.
    - `least_axes`: how many axes a grid must have.
    - `mach`, `viscosity` (shear and bulk), `final_time`: what `GenerateConfig` takes
      where nothing else is given, at which the family shows what it is there for.

    **Good values:** those of each family in `FAMILIES`, on 128 cells along an axis.
    """

    draw: Callable[..., Primitive] = dataclasses.field(repr=False)
    summary: str = ""
    box: Literal["periodic", "walled", "closed", "open"] = "periodic"
    forcing: Callable | None = dataclasses.field(default=None, repr=False)
    least_axes: int = 1
    mach: float = 0.1
    viscosity: float = 0.01
    final_time: float = 1.0

    def boundary(self, num_axes: int) -> tuple[FacePair, ...]:
        """The pair of boundaries of each axis."""
        around, walls = (periodic, periodic), (slip_wall, slip_wall)
        if self.box == "walled":
            return (*(around,) * (num_axes - 1), walls)
        pairs = {"periodic": around, "closed": walls, "open": (outflow, outflow)}
        return (pairs[self.box],) * num_axes

    @property
    def settings(self) -> dict[str, float]:
        """The settings of a `GenerateConfig` that are the family's own, by name."""
        return {
            "mach": self.mach,
            "shear_viscosity": self.viscosity,
            "bulk_viscosity": self.viscosity,
            "final_time": self.final_time,
        }

    @property
    def parameters(self) -> dict[str, Any]:
        """What else `draw` takes, by name, with good values."""
        found = inspect.signature(self.draw).parameters.values()
        return {
            p.name: p.default
            for p in found
            if p.kind is p.KEYWORD_ONLY and p.name != "mach"
        }

    @property
    def source(self) -> str:
        """Where the states are described, from the docstring of `draw`."""
        text = inspect.cleandoc(self.draw.__doc__ or "")
        match = re.search(r"\*\*Reference:\*\*(.*?)(\n\n|$)", text, re.DOTALL)
        return " ".join(match[1].split()) if match else ""


# Viscosity at which 128 cells resolve what grows.
_THIN = 1e-4

FAMILIES: dict[str, Family] = {
    "random_fourier": Family(
        initial.random_fourier, "waves of random phase, the random states of PDEBench"
    ),
    "turbulent": Family(
        initial.turbulent,
        "decaying turbulence from a random velocity with a power-law spectrum",
        viscosity=_THIN,
        mach=0.5,
    ),
    "stirred": Family(
        initial.turbulent,
        "turbulence that a steady force keeps up",
        forcing=ABCForcing(0.1),
        viscosity=_THIN,
        least_axes=2,
        mach=0.3,
        final_time=2.0,
    ),
    "kelvin_helmholtz": Family(
        initial.kelvin_helmholtz,
        "smooth shear layers of two densities that roll up into billows",
        viscosity=_THIN,
        least_axes=2,
        mach=0.3,
        final_time=2.0,
    ),
    "sharp_kelvin_helmholtz": Family(
        initial.sharp_kelvin_helmholtz,
        "sharp, wavy shear layers that roll up on the scale of the grid",
        viscosity=_THIN,
        least_axes=2,
        mach=0.3,
        final_time=1.2,
    ),
    "double_shear": Family(
        initial.double_shear,
        "two thin shear layers that a sine wave rolls up",
        viscosity=_THIN,
        least_axes=2,
        mach=0.3,
    ),
    "vortices": Family(
        initial.vortices,
        "vortices of either sense that carry each other about and merge",
        viscosity=_THIN,
        least_axes=2,
        mach=0.5,
        final_time=0.5,
    ),
    "taylor_green": Family(
        initial.taylor_green,
        "an array of counter-rotating cells that decays",
        viscosity=_THIN,
        least_axes=2,
        mach=0.3,
        final_time=0.3,
    ),
    "acoustic_pulses": Family(
        initial.acoustic_pulses,
        "sound waves that spread from bumps of pressure and cross each other",
        viscosity=_THIN,
        mach=0.3,
        final_time=0.2,
    ),
    "riemann_quadrants": Family(
        initial.riemann_quadrants,
        "blocks of constant state: shocks, contacts and rarefactions that meet",
        viscosity=_THIN,
        mach=0.5,
        final_time=0.2,
    ),
    "blast": Family(
        initial.blast,
        "blast waves and implosions from balls of high and low pressure",
        viscosity=_THIN,
        final_time=0.07,
    ),
    "implosion": Family(
        initial.implosion,
        "a shock that runs into a corner of a closed box and is reflected",
        "closed",
        viscosity=_THIN,
        least_axes=2,
        mach=0.7,
    ),
    "shock_bubble": Family(
        initial.shock_bubble,
        "a plane shock that crushes a ball of light gas into a ring of vortices",
        "open",
        viscosity=_THIN,
        least_axes=2,
        mach=0.7,
        final_time=0.5,
    ),
    "rayleigh_taylor": Family(
        initial.rayleigh_taylor,
        "heavy gas that sinks in plumes through light gas below it",
        "walled",
        initial.gravity,
        viscosity=_THIN,
        least_axes=2,
        mach=0.3,
        final_time=3.2,
    ),
}
"""The families of initial states, by the names of `--family`."""
