"""What is measured of each trajectory of a file before anything is judged."""

import dataclasses
import hashlib
import math
from collections.abc import Sequence

import numpy as np

from ..certificates._certificate import TrajectoryCertificate, certify
from ..certificates._continuity import seems_periodic, snapshot_continuity
from ..reading._flow_data import FlowData
from ..solver._energy import total_energy


@dataclasses.dataclass(frozen=True)
class Measurements:
    """What is measured of one trajectory.

    **Arguments:**

    - `certificate`: of the snapshots as stored.
    - `continuity`: the residual between snapshots; NaN where they do not resolve it.
    - `abandoned`: whether it ends in zeros.
    - `frozen`: whether a snapshot of a moving flow repeats the one before it.
    - `state_error`: how far a stored energy is from that of the stored pressure.
    - `fingerprint`: a hash of the start.
    """

    certificate: TrajectoryCertificate
    continuity: float
    abandoned: bool
    frozen: bool
    state_error: float
    fingerprint: bytes


def measure(flow: FlowData, index: int, kinds: Sequence[str]) -> Measurements:
    """One trajectory, with "periodic" or another kind of boundary for each axis."""
    density, velocity, pressure = flow.primitive(index)
    gamma = flow.gamma(index)
    certificate = certify(density, velocity, pressure, gamma)
    continuity = math.nan
    ordered = all(_ordered(line) for line in (flow.times, *flow.coordinates))
    if certificate.physical and ordered:
        continuity = snapshot_continuity(
            flow.times,
            [
                n * float(x[1] - x[0])
                for n, x in zip(flow.grid, flow.coordinates, strict=True)
            ],
            density,
            velocity,
            pressure,
            gamma=gamma,
            periodic=[kind == "periodic" for kind in kinds],
        )
    everything = [flow[field.name][index] for field in flow.fields]
    same = [_equal_to_last(values) for values in everything]
    moving = np.any(np.abs(velocity) > 0)
    state_error = 0.0
    if "energy" in [field.name for field in flow.fields] and certificate.physical:
        energy = flow["energy"][index]
        with np.errstate(divide="ignore"):
            mine = total_energy(density, velocity, pressure, gamma)
        state_error = float(np.max(np.abs(mine / energy - 1)))
    return Measurements(
        certificate,
        continuity,
        bool(np.all(density[-1] == 0)),
        bool(np.any(np.all(same, axis=0)) and moving),
        state_error,
        hashlib.sha256(b"".join(x[0].tobytes() for x in everything)).digest(),
    )


def guessed_boundaries(flow: FlowData) -> tuple[str, ...]:
    """Periodic or open, as the first trajectory looks."""
    density = flow["density"][0]
    return tuple(
        "periodic" if seems_periodic(density, axis) else "open"
        for axis in range(flow.num_spatial_dims)
    )


def _ordered(line: np.ndarray) -> bool:
    """Whether times or places are at least two, finite, and in order."""
    return len(line) > 1 and bool(np.isfinite(line).all() and np.all(np.diff(line) > 0))


def _equal_to_last(values: np.ndarray) -> np.ndarray:
    """For each snapshot but the first, whether it repeats the one before it."""
    return np.all(values[1:] == values[:-1], axis=tuple(range(1, values.ndim)))
