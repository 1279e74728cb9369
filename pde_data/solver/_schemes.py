"""Numerical schemes by name: parts of the solver that go well together."""

from collections.abc import Callable
from typing import Any

from ._reconstruction import MUSCL, minmod, monotonized_central
from ._riemann import hllc, low_mach, rusanov
from ._stepper import rkl2, ssp_rk2, ssp_rk3
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
        "viscous_order": 4,
        "courant_number": 0.5,
    },
    "aweno5z-low-mach": {
        "reconstruction": AWENO5Z(),
        "riemann": low_mach(hllc),
        "stepper": ssp_rk3,
        "viscous_order": 4,
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
"""Sets of named arguments of `CompressibleNavierStokes`, by the names of `--scheme`."""

# How viscosity and conduction are stepped: with all the rest, or in steps of their own.
VISCOUS_STEPPERS: dict[str, Callable | None] = {"explicit": None, "rkl2": rkl2}
