"""Is this file what it claims? Layout, positivity, conservation, continuity, ..."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._arguments import checked
from .._progress import watched
from ..certificates._drift import drift_bounds
from ..formats._digests import DIGEST, digest_faults
from ..formats._hdf5 import open_hdf5
from ..formats._inventory import refuse_outside
from ..formats._registry import format_of, structural_faults
from ..formats._stored import stored
from ..generation._box import is_forced, kept_totals
from ..generation._config import GenerateConfig
from ..generation._sample import simulate_trajectory
from ..reading._flow_data import FlowData
from ._file_report import FileFinding, FileReport, bounded, verdict
from ._measurements import Measurements, guessed_boundaries, measure

# No conservative scheme in any precision gains or loses so much mass.
FOREIGN_MASS_BOUND = 1e-3
# Our own families reach 0.1 at 32 cells, blasts 0.18 (0.11 at 64 cells), all 0.2 at 8
# to 16 cells; exchanged or reversed axes, a wrong time or length, and shuffled
# snapshots give 0.4 to 4.
CONTINUITY_BOUND = 0.3
# Our own files record the residual of what was to be written, and what is read must
# have it again, but for coordinates that are stored in float32. So a flow may be above
# the bound above that its snapshots do not resolve, such as a blast on 8 cells.
CONTINUITY_CHANGE = 0.01
COMMUTATION_BOUND = 1e-12
# Two ways of summing the same numbers.
CERTIFICATE_BOUND = 1e-9
# Energy against pressure and velocity, each rounded to float32.
STATE_BOUND = 1e-3


@checked
def check_file(
    path: str | Path, regenerate: int = 0, *, progress: bool = False
) -> FileReport:
    """Read every number of a file and judge it; also PDEBench's and The Well's files.

    **Arguments:**

    - `path`: of the file.
    - `regenerate`: how many trajectories of a file of ours to simulate again and
      compare bit for bit.
    - `progress`: on a terminal, show how many trajectories are left (needs tqdm).

    What is wrong is a finding, and what can still be judged is judged all the same.
    Nothing is read of a file that takes numbers from outside of itself.

    **Raises:** `FileNotFoundError`; `ValueError` for a file that is not HDF5.
    """
    with open_hdf5(Path(path), allow_external=True) as file:
        try:
            refuse_outside(file)
        except ValueError as error:
            found = FileFinding("self-contained", False, str(error))
            return FileReport("unknown", (found,))
        faults = structural_faults(file)
        findings = [FileFinding("layout", not faults, "; ".join(faults) or "complete")]
        findings.append(_check_digests(file))
        name = "unknown"
        try:
            format = format_of(file)
            name = name if format is None else format.name
            flow = FlowData([file])
        except ValueError as error:
            findings.append(FileFinding("readable", False, str(error)))
            return FileReport(name, tuple(findings))
        findings += [*_check_accounted(flow), *_check_finite(flow)]
        try:
            flow.primitive(0, 0)
        except ValueError as error:
            text = f"{error} Nothing else is judged."
            findings.append(FileFinding("fields", None, text))
        else:
            findings += _check_trajectories(flow, regenerate, progress)
        return FileReport(flow.layout, tuple(findings))


def _check_digests(file: Any) -> FileFinding:
    """Whether every bit is the one that was written."""
    try:
        if stored(file, DIGEST) is None:
            text = "none: whether its numbers are those written can't be seen"
            return FileFinding("digests", None, text)
    except ValueError as error:
        return FileFinding("digests", False, str(error))
    faults = list(digest_faults(file))
    return FileFinding("digests", not faults, "; ".join(faults) or "as written")


def _check_accounted(flow: FlowData) -> list[FileFinding]:
    """What is no trajectory of a field, so that nothing is left out in silence."""
    findings = []
    if flow.constants:
        text = f"{', '.join(flow.constants)}: fields that do not vary in time"
        findings.append(FileFinding("constants", None, text))
    if flow.unread:
        text = f"{', '.join(flow.unread)}: not understood, so neither read nor judged"
        findings.append(FileFinding("unread", None, text))
    return findings


def _check_trajectories(
    flow: FlowData, regenerate: int, progress: bool
) -> list[FileFinding]:
    try:
        kinds = flow.boundaries or guessed_boundaries(flow)
        rows = watched(range(flow.num_trajectories), "trajectories", progress)
        figures = [measure(flow, i, kinds) for i in rows]
    except ValueError as error:
        return [FileFinding("flow", False, f"{error} Nothing else is judged.")]
    return [
        *_check_flow(flow, figures, kinds),
        *_check_recorded(flow, figures),
        *_check_again(flow, regenerate, progress),
    ]


def _check_finite(flow: FlowData) -> list[FileFinding]:
    findings = []
    for field in flow.fields:
        array = flow[field.name]
        bad, unreadable = [], ""
        for i in range(len(array)):
            try:
                finite = np.isfinite(array[i]).all()
            except ValueError as error:
                finite, unreadable = False, f" ({error})"
            if not finite:
                bad.append(i)
        finding = verdict(f"finite {field.name}", bad, "every value")
        detail = finding.detail + unreadable
        findings.append(dataclasses.replace(finding, detail=detail))
    return findings


def _check_flow(
    flow: FlowData, figures: list[Measurements], kinds: Sequence[str]
) -> list[FileFinding]:
    findings = [
        _judge("positive", figures, lambda f: f.certificate.positive, "everywhere"),
        _judge(
            "abandoned runs", figures, lambda f: not f.abandoned, "none ends in zeros"
        ),
        _judge("duplicate snapshots", figures, lambda f: not f.frozen, "none"),
        _check_twins(figures),
    ]
    if {"energy", "pressure"} <= {field.name for field in flow.fields}:
        worst = float(np.max([f.state_error for f in figures]))
        findings.append(bounded("equation of state", worst, STATE_BOUND))
    findings += _check_drifts(flow, figures, kinds)
    return [*findings, _check_continuity(flow, figures, kinds)]


def _check_continuity(
    flow: FlowData, figures: list[Measurements], kinds: Sequence[str]
) -> FileFinding:
    name = "continuity between snapshots"
    resolved = [f.continuity for f in figures if math.isfinite(f.continuity)]
    if not resolved:
        text = "the snapshots are too far apart in time, or the grid is too small"
        return FileFinding(name, None, text)
    worst = max(resolved)
    count = f"({len(resolved)} of {len(figures)} trajectories resolved)"
    # Where weight rests on a wall, what momentum is left is truncation.
    if "wall" in kinds and (flow.config is None or is_forced(flow.config)):
        text = (
            f"{worst:.1e} at most {count}; not judged where weight may rest on a wall"
        )
        return FileFinding(name, None, text, worst)
    recorded = flow.certificates.get("continuity_residual")
    if recorded is None or recorded.shape != (len(figures),):
        finding = bounded(name, worst, CONTINUITY_BOUND)
    else:
        now = np.array([f.continuity for f in figures])
        change = np.abs(now - recorded) / np.maximum(recorded, 1)
        change = np.where(np.isnan(now) & np.isnan(recorded), 0, change)
        change = np.nan_to_num(change, nan=math.inf)
        same = bool(change.max() <= CONTINUITY_CHANGE)
        words = "as recorded" if same else "not as recorded"
        finding = FileFinding(name, same, f"{worst:.1e} at most, {words}", worst)
    return dataclasses.replace(finding, detail=f"{finding.detail} {count}")


def _check_twins(figures: list[Measurements]) -> FileFinding:
    seen: set[bytes] = set()
    twins = []
    for i, f in enumerate(figures):
        if f.fingerprint in seen:
            twins.append(i)
        seen.add(f.fingerprint)
    return verdict("duplicate trajectories", twins, "none")


def _check_drifts(
    flow: FlowData, figures: list[Measurements], kinds: Sequence[str]
) -> list[FileFinding]:
    steps = flow.records.get("num_steps")
    if steps is None or steps.shape != (len(figures),):
        steps = np.zeros(len(figures), int)
    bounds = [
        _drift_bounds(flow, kinds, f, int(n))
        for f, n in zip(figures, steps, strict=True)
    ]
    findings = []
    for name in ("mass", "momentum", "energy"):
        pairs = [
            (getattr(f.certificate, f"{name}_drift"), bound.get(name, math.inf))
            for f, bound in zip(figures, bounds, strict=True)
            if f.certificate.finite
        ]
        # That which is nearest to its bound, as a longer run may drift farther.
        worst, bound = max(pairs, key=lambda pair: pair[0] / pair[1], default=(0, 0))
        if math.isfinite(bound):
            findings.append(bounded(f"{name} drift", worst, bound))
        else:
            worst = max(drift for drift, _ in pairs)
            text = f"{worst:.1e} at most; not known to be conserved here"
            findings.append(FileFinding(f"{name} drift", None, text, worst))
    return findings


def _drift_bounds(
    flow: FlowData, kinds: Sequence[str], figures: Measurements, num_steps: int
) -> dict[str, float]:
    """What the box keeps, and how well; of forces in foreign files we know nothing."""
    config = flow.config
    if config is not None:
        all_bounds = drift_bounds(
            figures.certificate, num_steps, config.coarser_precision
        )
        return {name: all_bounds[name] for name in kept_totals(config)}
    return {} if "open" in kinds else {"mass": FOREIGN_MASS_BOUND}


def _check_recorded(flow: FlowData, figures: list[Measurements]) -> list[FileFinding]:
    """What was proved while the trajectories were made and cannot be seen in them."""
    recorded = flow.certificates
    if not recorded:
        text = "not recorded; whether the scheme treats all axes and directions alike "
        return [FileFinding("symmetry", None, f"{text}cannot be seen in snapshots")]
    needed = ["commutation_error", *figures[0].certificate.figures]
    absent = [name for name in needed if name not in recorded]
    if absent:
        text = f"no {', '.join(absent)} recorded, which a file of ours has"
        return [FileFinding("certificates", False, text)]
    findings = [_check_commutation(recorded)]
    changed = []
    for i, f in enumerate(figures):
        figures_now = f.certificate.figures
        pairs = [(value, recorded[name][i]) for name, value in figures_now.items()]
        if not np.allclose(*np.transpose(pairs), rtol=1e-6, atol=CERTIFICATE_BOUND):
            changed.append(i)
    findings.append(verdict("certificates", changed, "as recorded"))
    if flow.redrawn:
        findings.append(FileFinding("redrawn", None, f"{flow.redrawn} trajectories"))
    safe = int(np.sum(flow.records.get("safe_scheme", 0)))
    if safe:
        findings.append(FileFinding("safe scheme", None, f"{safe} trajectories"))
    return findings


def _check_commutation(recorded: Mapping[str, np.ndarray]) -> FileFinding:
    """Whether the steps commute with what the box and the force commute with."""
    name = "symmetry (commutation error)"
    errors = recorded["commutation_error"]
    number = recorded.get("commuting_elements", np.zeros(len(errors)))
    # Where the scheme broke down within these few steps.
    broken = np.flatnonzero((number > 1) & ~np.isfinite(errors))
    if len(broken):
        return verdict(name, broken.tolist(), "")
    known = errors[np.isfinite(errors)]
    if not len(known):
        text = "the box and its force keep no rotation or reflection of the grid"
        return FileFinding(name, None, text)
    finding = bounded(name, float(np.max(known)), COMMUTATION_BOUND)
    if "commuting_elements" not in recorded:
        return finding
    most = int(np.max(number))
    text = f"{finding.detail} ({most} elements keep the box and its force)"
    return dataclasses.replace(finding, detail=text)


def _check_again(flow: FlowData, number: int, progress: bool) -> list[FileFinding]:
    """Simulate some trajectories again."""
    config: GenerateConfig | None = flow.config
    if not number:
        return []
    if config is None:
        text = "not a file of ours: its making is unknown"
        return [FileFinding("regenerated", None, text)]
    if (config.grid, config.snapshots) != (flow.grid, len(flow.times)):
        text = (
            f"the recorded configuration is of a grid {config.grid} and "
            f"{config.snapshots} snapshots, not of this file"
        )
        return [FileFinding("regenerated", False, text)]
    rows = np.unique(np.linspace(0, flow.num_trajectories - 1, number).astype(int))
    numbers = flow.records.get("index", np.arange(flow.num_trajectories))
    differing = []
    for row in watched(rows, "simulated again", progress):
        sample = simulate_trajectory(config, int(numbers[row]))
        fields = (sample.density, sample.velocity, sample.pressure)
        stored = flow.primitive(int(row))
        if not all(np.array_equal(a, b) for a, b in zip(fields, stored, strict=True)):
            differing.append(int(row))
    finding = verdict("regenerated", differing, f"{len(rows)}, the same bits")
    if differing:
        made = f"{flow.parameters.get('platform')}, JAX "
        made += f"{flow.parameters.get('jax_version')}"
        return [
            dataclasses.replace(finding, detail=f"{finding.detail} (made on {made})")
        ]
    return [finding]


def _judge(
    name: str,
    figures: list[Measurements],
    law: Callable[[Measurements], bool],
    text: str,
) -> FileFinding:
    return verdict(name, [i for i, f in enumerate(figures) if not law(f)], text)
