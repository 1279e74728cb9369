"""How far what a box keeps may drift by rounding: one bound, for making and check."""

import numpy as np

from ._certificate import TrajectoryCertificate

# The rounding of the stored numbers and of a few thousand steps.
STORED = {"float32": 2e-5, "float64": 1e-10}
# Half the distance of two numbers, over the smaller: what one rounding may take.
UNIT = {"float32": 2.0**-24, "float64": 2.0**-53}


def drift_bounds(
    certificate: TrajectoryCertificate, num_steps: int, precision: str
) -> dict[str, float]:
    """The largest drift that rounding explains, by name: mass, momentum and energy.

    What a step adds to a cell is rounded as it is added, by at most one unit of what
    the cell holds. Where a flow has nearly come to rest, all steps round alike: what
    leaves one cell may be too little to arrive in the next, so that the drift follows
    the number of steps and not its root. What a cell holds of momentum may have grown
    since the start, which the drift is relative to.

    **Arguments:**

    - `precision`: the coarser of those computed in and stored, "float32" or "float64".
    """
    stored, rounded = STORED[precision], UNIT[precision] * num_steps
    return {
        "mass": stored + rounded,
        "momentum": stored + rounded * certificate.speed_ratio,
        "energy": stored + rounded,
    }


def worst_share(
    certificate: TrajectoryCertificate,
    num_steps: int,
    precision: str,
    names: tuple[str, ...],
) -> float:
    """The largest drift over its bound among what is kept; at most 1 if all is well."""
    bounds = drift_bounds(certificate, num_steps, precision)
    shares = [getattr(certificate, f"{n}_drift") / bounds[n] for n in names]
    return float(np.max(shares, initial=0.0))
