"""What data tell an observer elsewhere, in motion, or with other units."""

import dataclasses
import math

import numpy as np

from .._signature import Signature
from ._local_statistics import LocalStatistics
from ._randomisation import independence_p_value, shift_outcome
from ._report import SymmetryFinding, Verdict

# A symmetry holds if the data would have shown so large a change of a statistic that
# is at most about 1.
_VISIBLE = 0.25

# Trajectories that tell a rank correlation of 0.6 from none among hundreds.
_MIN_FOR_INDEPENDENCE = 40

# Relative spread of a scale below which the data are at one scale only.
_MIN_SPREAD = 0.05

# Spread of the mean velocities, over the fluctuations, that tells frames apart.
_MIN_WINDS = 0.2


def translations(
    statistics: LocalStatistics, significance: float
) -> list[SymmetryFinding]:
    """One finding for each axis: are statistics the same in every place?"""
    findings = []
    d = statistics.num_spatial_dims
    for axis, cells in enumerate(statistics.grid):
        name = f"shift along {'xyz'[axis]}"
        waves, modes = statistics.waves(axis)
        outcome = shift_outcome(waves, modes, cells, significance / d)
        p = min(1.0, d * outcome.p_value)
        if p > significance:
            found = power(outcome.visible, statistics, significance, p)
            findings.append(SymmetryFinding(name, *found))
            continue
        size = float(np.abs(waves.mean(axis=0)).max())
        about = "statistics depend on the place along this axis"
        findings.append(SymmetryFinding(name, "broken", size, p, about))
    return findings


def galilean(
    statistics: LocalStatistics, declared: Signature, significance: float
) -> list[SymmetryFinding]:
    """Whether what is seen depends on the mean velocity."""
    if "velocity" not in declared.names:
        return []
    d = statistics.num_spatial_dims
    where = declared.slices(d)[declared.names.index("velocity")]
    winds = statistics.means[:, where]
    scale = float(
        np.sqrt((statistics.scales[:, declared.names.index("velocity")] ** 2).mean())
    )
    if not np.sqrt(winds.var(axis=0).mean()) > _MIN_WINDS * scale:
        about = "all trajectories have one mean velocity: the data show one frame only"
        return [SymmetryFinding("Galilean", "undetermined", 0.0, None, about)]
    samples = statistics.shape_statistics()
    return [
        _independence("Galilean", winds, samples, significance, "the mean velocity")
    ]


def scales(
    statistics: LocalStatistics, declared: Signature, significance: float
) -> list[SymmetryFinding]:
    """Whether a flow of heavier, or of faster, gas is the same flow in other units."""

    def mean(name: str) -> np.ndarray:
        where = declared.slices(statistics.num_spatial_dims)
        return statistics.means[:, where[declared.names.index(name)]].ravel()

    findings = []
    if "density" in declared.names:
        findings.append(("mass scale", "mean density", mean("density")))
    if {"density", "pressure"} <= set(declared.names):
        ratio = mean("pressure") / mean("density")
        findings.append(("velocity scale", "mean speed of sound", ratio))
    rows, columns = np.triu_indices(statistics.second.shape[-1])
    samples = statistics.second[:, rows, columns]
    return [
        _scale(name, np.log(values)[:, None], samples, significance, f"the {of}")
        if (values > 0).all() and np.std(np.log(values)) > _MIN_SPREAD
        else SymmetryFinding(
            name,
            "undetermined",
            0.0,
            None,
            f"all trajectories have one {of}: the data show one scale only",
        )
        for name, of, values in findings
    ]


def _scale(
    name: str, values: np.ndarray, samples: np.ndarray, significance: float, of: str
) -> SymmetryFinding:
    found = _independence(name, values, samples, significance, of)
    if found.verdict != "broken":
        return found
    why = "as they do where all share a parameter with a dimension, such as a viscosity"
    return dataclasses.replace(found, evidence=f"{found.evidence}, {why}")


def _independence(
    name: str, values: np.ndarray, samples: np.ndarray, significance: float, of: str
) -> SymmetryFinding:
    p, n = independence_p_value(values, samples), len(values)
    if p <= significance:
        about = f"normalised statistics depend on {of}"
        return SymmetryFinding(name, "broken", 0.0, p, about)
    if n < _MIN_FOR_INDEPENDENCE:
        about = f"not enough data to tell (needs about {_MIN_FOR_INDEPENDENCE})"
        return SymmetryFinding(name, "undetermined", 0.0, p, about)
    return SymmetryFinding(
        name, "holds", 0.0, p, f"no normalised statistic depends on {of}"
    )


def power(
    visible: float, statistics: LocalStatistics, significance: float, p: float
) -> tuple[Verdict, float, float, str]:
    """Verdict, size, p-value and evidence of what nothing speaks against: could data
    so few and so noisy tell?
    """
    n = statistics.num_trajectories
    if visible <= _VISIBLE:
        return "holds", visible, p, f"more than {visible:.1g} would show"
    least = 1 + math.ceil(-math.log2(significance))
    needed = least if math.isinf(visible) else math.ceil(n * (visible / _VISIBLE) ** 2)
    about = f"not enough data to tell (needs about {max(needed, least, n + 1)})"
    return "undetermined", visible, p, about
