"""Which symmetries a data set respects, by statistics over its trajectories."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._group import Group, hyperoctahedral
from .._signature import Entry, Signature, TensorType
from ._findings import (
    Finding,
    ParityFinding,
    SymmetryReport,
    element_name,
    largest_subgroup,
)
from ._local_statistics import LocalStatistics, local_statistics
from ._significance import family_wise, is_uncorrelated, mean_is_zero

_MIN_TRAJECTORIES = 4

# Relative spread of a scale below which the data are at one scale only.
_MIN_SPREAD = 0.05

# Spread of the mean velocities, over the fluctuations, that tells frames apart.
_MIN_WINDS = 0.2

# A mean is called a wind if it is this part of the root mean square fluctuation.
_WIND = 0.05

_FLIPS_TOGETHER = 2


def data_report(
    data: Any,
    signature: "Signature | str | None",
    group: Group | None,
    significance: float,
    max_trajectories: int,
    max_times: int,
) -> SymmetryReport:
    """`symmetry_report` of a data set."""
    fields, declared, d = _read(data, signature)
    group = hyperoctahedral(d) if group is None else group
    if group.num_spatial_dims != d:
        raise ValueError(
            f"`group` {group} acts in {group.num_spatial_dims} dimensions, the data "
            f"have {d}."
        )
    statistics = local_statistics(
        fields, declared, d, max_trajectories=max_trajectories, max_times=max_times
    )
    n = statistics.num_trajectories
    if n < _MIN_TRAJECTORIES:
        raise ValueError(
            f"`data` has {n} trajectories; statistics need at least "
            f"{_MIN_TRAJECTORIES}. For a single flow test its simulator: "
            "`symmetry_report(step, state)`."
        )
    types = tuple(entry.type for entry in declared)
    found = _elements(statistics, group, types, significance)
    parities, alternatives = (
        _parities(statistics, group, declared, found, significance)
        if group.has_reflections
        else ((), ())
    )
    fitted = (
        tuple(TensorType.parse(p.behaves_as or p.declared) for p in parities) or types
    )
    best = _elements(statistics, group, fitted, significance)
    notes = _notes(statistics, declared, group, fitted, significance)
    if fitted != types:
        mended = largest_subgroup(_passing(best), d)
        notes = (
            f"with the parities that fit, symmetric under {mended.order} elements "
            f"({mended})",
            *alternatives,
            *notes,
        )
    others = (
        *_translations(statistics, significance),
        *_galilean(statistics, declared, significance),
        *_mass_scale(statistics, declared, significance),
    )
    return SymmetryReport(
        f"{n} trajectories of '{declared}'",
        group,
        largest_subgroup(_passing(found), d),
        tuple(found),
        parities,
        others,
        notes,
    )


def _read(
    data: Any, signature: "Signature | str | None"
) -> tuple[Mapping[str, Any], Signature, int]:
    if signature is not None:
        declared = Signature(signature)
    elif hasattr(data, "fields"):
        declared = Signature(
            Entry(f.name, 1, TensorType(f.order, f.parity)) for f in data.fields
        )
    else:
        raise ValueError(
            "`signature` is needed for a mapping of arrays: say what they hold, as in "
            "`signature='density:0+ velocity:1+'`."
        )
    if any(e.channels != 1 or not e.name or e.type.symmetry for e in declared):
        raise ValueError(
            f"`signature` '{declared}' must name single fields, without symmetry "
            "marks, as in 'density:0+ stress:2+'."
        )
    fields = {name: data[name] for name in declared.names}
    first = declared.entries[0]
    d = len(fields[first.name].shape) - 2 - first.type.order
    for entry in declared:
        shape = tuple(fields[entry.name].shape)
        expected = (*shape[: 2 + d], *entry.type.tensor_shape(d))
        if len(shape) != len(expected) or shape != expected:
            raise ValueError(
                f"Field '{entry}' must have shape (trajectory, time, *grid, *tensor) "
                f"on {d} axes, got {shape}."
            )
        if min(shape[2 : 2 + d]) < 3:
            raise ValueError(
                "`data` must have at least 3 cells along each axis, got "
                f"{shape[2 : 2 + d]}."
            )
    return fields, declared, d


def _elements(
    statistics: LocalStatistics,
    group: Group,
    types: tuple[TensorType, ...],
    significance: float,
    moving_with: str = "",
) -> list[Finding]:
    findings = []
    for element in group.elements:
        matrix = tuple(tuple(map(int, row)) for row in element)
        kinds = statistics.differences(element, types, moving_with)
        worst = (1.0, 0.0, "")
        for factors, samples in kinds.values():
            if not len(factors):
                continue
            p_values = mean_is_zero(samples)
            most = int(np.argmin(p_values))
            size = float(np.abs(samples[:, most].mean()))
            # Each kind is a family, so that many products do not drown a few means.
            if family_wise(p_values) < worst[0]:
                label = statistics.label(factors[most])
                worst = (family_wise(p_values), size, label)
        # One family for all elements: a false alarm anywhere is one too many.
        p = min(1.0, worst[0] * len(kinds) * (group.order - 1))
        holds = p > significance
        name, verdict = element_name(matrix), "holds" if holds else "broken"
        about = "" if holds else worst[2]
        findings.append(Finding(name, verdict, worst[1], p, about, matrix))
    return findings


def _parities(
    statistics: LocalStatistics,
    group: Group,
    declared: Signature,
    found: list[Finding],
    significance: float,
) -> tuple[tuple[ParityFinding, ...], tuple[str, ...]]:
    """What parity each field has, and what else would explain the data."""
    types = tuple(entry.type for entry in declared)
    held = len(_passing(found))
    count: dict[tuple[int, ...], int] = {(): held}
    for number in (1, _FLIPS_TOGETHER):
        for flips in itertools.combinations(range(len(types)), number):
            flipped = _flipped(types, flips)
            count[flips] = len(
                _passing(_elements(statistics, group, flipped, significance))
            )
        if held == group.order or max(count.values()) > held:
            # Fewest changes first: two wrong fields only if one does not explain it.
            break
    # Of equals the one that changes least, and scalars before vectors: velocities are
    # polar more often than not.
    best = max(
        count,
        key=lambda flips: (
            count[flips],
            -len(flips),
            -sum(types[i].order for i in flips),
        ),
    )
    mended = _flipped(types, best)
    findings = []
    for i, entry in enumerate(declared):
        flips = tuple(sorted(set(best) ^ {i}))
        other = (
            count[flips]
            if flips in count
            else len(
                _passing(
                    _elements(statistics, group, _flipped(types, flips), significance)
                )
            )
        )
        fits = str(mended[i]) if other < count[best] else None
        findings.append(ParityFinding(entry.name, str(entry.type), fits))
    equal = [f for f in count if count[f] == count[best] and len(f) == len(best)]
    alternatives = tuple(
        "the data fit as well with "
        + " and ".join(
            f"`{entry.name}` as {_flipped(types, flips)[i]}"
            for i, entry in enumerate(declared)
            if i in flips
        )
        for flips in equal
        if flips != best
    )
    return tuple(findings), alternatives


def _translations(statistics: LocalStatistics, significance: float) -> list[Finding]:
    findings = []
    for axis in range(statistics.num_spatial_dims):
        samples = statistics.profiles[:, axis].reshape(statistics.num_trajectories, -1)
        p_values = mean_is_zero(samples)
        p = min(1.0, family_wise(p_values) * statistics.num_spatial_dims)
        worst = int(np.argmin(p_values))
        holds = p > significance
        findings.append(
            Finding(
                f"shift along {'xyz'[axis]}",
                "holds" if holds else "broken",
                float(np.abs(samples[:, worst].mean())),
                p,
                "" if holds else "statistics depend on the place along this axis",
            )
        )
    return findings


def _galilean(
    statistics: LocalStatistics, declared: Signature, significance: float
) -> list[Finding]:
    if "velocity" not in declared.names:
        return []
    d = statistics.num_spatial_dims
    where = declared.slices(d)[declared.names.index("velocity")]
    winds = statistics.means[:, where]
    scale = float(
        np.sqrt((statistics.scales[:, declared.names.index("velocity")] ** 2).mean())
    )
    if not np.sqrt(winds.var(axis=0).mean()) > _MIN_WINDS * scale:
        return [
            Finding(
                "Galilean",
                "undetermined",
                0.0,
                None,
                "all trajectories have one mean velocity: the data show one frame only",
            )
        ]
    samples = statistics.shape_statistics()
    p = min(
        1.0,
        d * min(family_wise(is_uncorrelated(wind, samples)) for wind in winds.T),
    )
    return [_independence("Galilean", p, significance, "the mean velocity")]


def _mass_scale(
    statistics: LocalStatistics, declared: Signature, significance: float
) -> list[Finding]:
    if "density" not in declared.names:
        return []
    name = "mass scale"
    where = declared.slices(statistics.num_spatial_dims)[
        declared.names.index("density")
    ]
    density = statistics.means[:, where].ravel()
    if not (density > 0).all() or not np.std(np.log(density)) > _MIN_SPREAD:
        about = "all trajectories have one mean density: the data show one scale only"
        return [Finding(name, "undetermined", 0.0, None, about)]
    samples = _upper(statistics.second)
    p = family_wise(is_uncorrelated(np.log(density), samples))
    return [_independence(name, p, significance, "the mean density")]


def _independence(name: str, p: float, significance: float, of: str) -> Finding:
    holds = p > significance
    about = (
        f"no normalised statistic depends on {of}"
        if holds
        else f"normalised statistics depend on {of}"
    )
    return Finding(name, "holds" if holds else "broken", 0.0, p, about)


def _notes(
    statistics: LocalStatistics,
    declared: Signature,
    group: Group,
    types: tuple[TensorType, ...],
    significance: float,
) -> tuple[str, ...]:
    notes = []
    d = statistics.num_spatial_dims
    for i, (entry, where) in enumerate(zip(declared, declared.slices(d), strict=True)):
        if entry.type.order != 1:
            continue
        means = statistics.means[:, where]
        scale = float(np.sqrt((statistics.scales[:, i] ** 2).mean()))
        p = family_wise(mean_is_zero(means / (scale or 1.0)))
        mean = means.mean(axis=0)
        if p <= significance and np.abs(mean).max() > _WIND * scale:
            moving = _elements(statistics, group, types, significance, entry.name)
            inside = largest_subgroup(_passing(moving), d)
            values = ", ".join(f"{v:.2g}" for v in mean)
            notes.append(
                f"mean of `{entry.name}` is ({values}); for an observer that moves "
                f"with it symmetric under {inside.order} elements ({inside})"
            )
    notes.append(
        "This is about the ensemble, initial states and law of motion together; the "
        "law alone may have more symmetry: test the simulator."
    )
    return tuple(notes)


def _passing(findings: list[Finding]) -> set[Any]:
    return {f.element for f in findings if f.verdict == "holds"}


def _flipped(
    types: tuple[TensorType, ...], flips: tuple[int, ...]
) -> tuple[TensorType, ...]:
    return tuple(
        TensorType(t.order, -t.parity) if i in flips else t  # type: ignore[arg-type]
        for i, t in enumerate(types)
    )


def _upper(second: np.ndarray) -> np.ndarray:
    rows, columns = np.triu_indices(second.shape[-1])
    return second[:, rows, columns]
