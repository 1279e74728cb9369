"""Is this file what it claims? Format, finiteness, conservation, continuity."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np

from ._certificate import Certificate, certify
from ._config import GenerateConfig
from ._schemes import FAMILIES, boundary_names
from .formats import FlowData, load

# Rounding of the stored numbers and of a few thousand steps.
DRIFT_BOUND = {"float32": 2e-5, "float64": 1e-10}
# Truncation of a few cells per wave, and nothing at all.
RECORDED_BOUND = {"continuity_residual": 0.5, "commutation_error": 1e-12}
REQUIRED = ("density", "pressure", "velocity")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `passed` is `None` where it is only reported."""

    name: str
    passed: bool | None
    detail: str

    def __str__(self) -> str:
        mark = {True: "pass", False: "FAIL", None: "note"}[self.passed]
        return f"{mark}  {self.name}: {self.detail}"


@dataclasses.dataclass(frozen=True)
class Report:
    """All findings on one file; it has passed if none of them failed."""

    layout: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """No finding failed."""
        return all(finding.passed is not False for finding in self.findings)


def check_file(path: str | Path) -> Report:
    """Read every number of a file and judge it; also PDEBench's and The Well's files.

    **Raises:** as `load` does for a file that cannot be read at all.
    """
    with load(path) as flow:
        findings = [_check_times(flow)]
        names = [field.name for field in flow.fields]
        missing = [name for name in REQUIRED if name not in names]
        if missing:
            findings.append(
                Finding("fields", None, f"no {', '.join(missing)}: only finiteness")
            )
            findings += _check_finite(flow)
        else:
            findings += _check_flow(flow)
        return Report(flow.layout, tuple(findings))


def _check_times(flow: FlowData) -> Finding:
    increasing = bool(np.all(np.diff(flow.times) > 0)) and len(flow.times) > 0
    return Finding("times", increasing, f"{len(flow.times)} snapshots, increasing")


def _check_finite(flow: FlowData) -> list[Finding]:
    findings = []
    for field in flow.fields:
        array = flow[field.name]
        bad = [i for i in range(len(array)) if not np.isfinite(array[i]).all()]
        detail = f"trajectories {bad[:8]}" if bad else "all values"
        findings.append(Finding(f"finite {field.name}", not bad, detail))
    return findings


def _check_flow(flow: FlowData) -> list[Finding]:
    gamma = float(np.max(flow.parameters.get("gamma", 5 / 3)))
    certificates = [
        certify(flow["density"][i], flow["velocity"][i], flow["pressure"][i], gamma)
        for i in range(flow.num_trajectories)
    ]
    bound = DRIFT_BOUND[str(flow["density"].dtype)]
    findings = [
        _judge("finite", certificates, lambda c: c.finite, "every value"),
        _judge("positive", certificates, lambda c: c.physical, "density and pressure"),
    ]
    kept = _conserved(flow.config)
    for name in ("mass", "momentum", "energy"):
        drifts = [getattr(c, f"{name}_drift") for c in certificates if c.finite]
        worst = max(drifts, default=math.nan)
        text = f"{worst:.1e} at most"
        if name in kept:
            passed, text = bool(worst <= bound), f"{text}, bound {bound:.0e}"
        else:
            passed, text = None, f"{text}; not known to be conserved here"
        findings.append(Finding(f"{name} drift", passed, text))
    findings += _check_recorded(flow)
    frozen = [i for i in range(flow.num_trajectories) if _has_duplicate_frames(flow, i)]
    detail = f"trajectories {frozen[:8]}" if frozen else "none"
    findings.append(Finding("duplicate frames", not frozen, detail))
    return findings


def _conserved(config: GenerateConfig | None) -> tuple[str, ...]:
    """What the box of a configuration keeps; of foreign files we know nothing."""
    if config is None:
        return ()
    names = boundary_names(config)
    if "open" in names:
        return ()
    free = "wall" not in names and FAMILIES[config.family].forcing is None
    return ("mass", "momentum", "energy") if free else ("mass",)


def _check_recorded(flow: FlowData) -> list[Finding]:
    """What was proved while the trajectories were made and cannot be seen in them."""
    findings = []
    for name, bound in RECORDED_BOUND.items():
        values = flow.certificates.get(name)
        text = name.replace("_", " ")
        if values is None:
            findings.append(Finding(text, None, "not recorded in this file"))
            continue
        worst = float(np.max(values))
        detail = f"{worst:.1e} at most, bound {bound:.0e}"
        findings.append(Finding(text, bool(worst <= bound), detail))
    if flow.redrawn:
        findings.append(Finding("redrawn", None, f"{flow.redrawn} trajectories"))
    return findings


def _judge(name: str, certificates: list[Certificate], law: Any, text: str) -> Finding:
    bad = [i for i, c in enumerate(certificates) if not law(c)]
    return Finding(name, not bad, f"not in trajectories {bad[:8]}" if bad else text)


def _has_duplicate_frames(flow: FlowData, index: int) -> bool:
    density = flow["density"][index]
    same = np.all(density[1:] == density[:-1], axis=tuple(range(1, density.ndim)))
    moving = np.any(flow["velocity"][index] != 0)
    return bool(np.any(same) and moving)
