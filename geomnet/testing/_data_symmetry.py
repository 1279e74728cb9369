"""Which symmetries a data set respects, by statistics over its trajectories."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .._group import Group, hyperoctahedral
from .._signature import Entry, Signature, TensorType
from ._findings import (
    Finding,
    ParityFinding,
    SymmetryReport,
    element_name,
    named_group,
)
from ._frames import galilean, power, scales, translations
from ._local_statistics import LocalStatistics, local_statistics
from ._randomisation import (
    Outcome,
    closed_test,
    holding,
    strength,
)

_MIN_TRAJECTORIES = 4

# A mean is called a wind if it is this part of the root mean square fluctuation.
_WIND = 0.05

# Deviations between trajectories that a mean has to exceed.
_CLEARLY = 1.0

_FLIPS_TOGETHER = 2

# p-value from which on another parity than the declared one is said to fit.
_FITS = 0.1

_ENSEMBLE = (
    "This is about the ensemble, initial states and law of motion together; the law "
    "alone may have more symmetry: test the simulator."
)


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
    test = functools.cache(
        lambda types, moving_with="", above=frozenset(): _GroupTest.of(
            statistics, group, types, significance, moving_with, above
        )
    )
    parities, fitted, notes = (), types, ()
    if group.has_reflections:
        parities, fitted, notes = _parities(test, declared)
    if fitted != types:
        mended = test(fitted).group
        notes = (
            f"with the parities that fit, symmetric under {mended.order} elements "
            f"({mended})",
            *notes,
        )
    others = (
        *translations(statistics, significance),
        *galilean(statistics, declared, significance),
        *scales(statistics, declared, significance),
    )
    return SymmetryReport(
        f"{n} trajectories of '{declared}'",
        group,
        test(types).group,
        tuple(test(types).findings()),
        parities,
        others,
        (*notes, *_winds(statistics, declared, test, fitted), _ENSEMBLE),
    )


@dataclasses.dataclass(frozen=True)
class _GroupTest:
    """Which elements the data respect if the fields have certain types."""

    tested: Group
    outcomes: dict[frozenset[int], Outcome]
    differences: np.ndarray
    """How strongly each element changes each statistic, `(elements, statistics)`."""
    sizes: np.ndarray
    """The mean change of each."""
    statistics: LocalStatistics
    kept: np.ndarray
    significance: float

    @staticmethod
    def of(
        statistics: LocalStatistics,
        group: Group,
        types: tuple[TensorType, ...],
        significance: float,
        moving_with: str,
        above: frozenset[int],
    ) -> "_GroupTest":
        kept = np.arange(len(statistics.kinds))
        if moving_with:
            kept = np.flatnonzero(statistics.seen_moving_with(moving_with))
        orbit = statistics.orbit(group.elements, types)[:, :, kept]
        kinds = statistics.kinds[kept]
        changes = orbit[:, :1] - orbit
        return _GroupTest(
            group,
            closed_test(orbit, group, kinds, significance, above),
            np.stack([strength(c, kinds) for c in np.moveaxis(changes, 1, 0)]),
            np.abs(changes.mean(axis=0)),
            statistics,
            kept,
            significance,
        )

    @functools.cached_property
    def held(self) -> list[frozenset[int]]:
        """The largest subgroups that the data do not contradict."""
        identity = [frozenset({0})]
        return holding(self.outcomes, self.significance) or identity

    @functools.cached_property
    def best(self) -> frozenset[int]:
        """The largest of them; of equals the one that fits best."""
        return max(self.held, key=lambda m: (len(m), self.p_value(m)))

    @property
    def group(self) -> Group:
        """The same as a group."""
        return named_group(self.tested.elements[sorted(self.best)].tolist())

    def p_value(self, members: frozenset[int]) -> float:
        """Of the hypothesis that these elements are symmetries."""
        return self.outcomes[members].p_value if len(members) > 1 else 1.0

    def findings(self) -> list[Finding]:
        """One for each element."""
        return [self._finding(i) for i in range(self.tested.order)]

    def _finding(self, i: int) -> Finding:
        element = self.tested.elements[i]
        matrix = tuple(tuple(map(int, row)) for row in element)
        name = element_name(matrix)
        if i == 0:
            return Finding(name, "holds", 0.0, 1.0, "", matrix)
        # Rejected only if each group that contains it is.
        p = max(o.p_value for m, o in self.outcomes.items() if i in m)
        holding_it = [m for m in self.held if i in m]
        if not holding_it:
            most = int(self.differences[i].argmax())
            label = self.statistics.label(int(self.kept[most]))
            size = float(self.sizes[i, most])
            return Finding(name, "broken", size, p, label, matrix)
        visible = max(self.outcomes[m].visible for m in holding_it)
        if len(holding_it) < len(self.held):
            n = 2 * self.statistics.num_trajectories
            about = f"not enough data to tell: this or another one (needs about {n})"
            return Finding(name, "undetermined", visible, p, about, matrix)
        return Finding(
            name, *power(visible, self.statistics, self.significance, p), matrix
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


def _parities(
    test: Callable[..., _GroupTest], declared: Signature
) -> tuple[tuple[ParityFinding, ...], tuple[TensorType, ...], tuple[str, ...]]:
    """What parity each field has, the types that fit, and what else would fit."""
    types = tuple(entry.type for entry in declared)
    declared_fit = test(types)
    whole = declared_fit.tested.order
    known = declared_fit.best if len(declared_fit.best) > 1 else frozenset()

    def held(flips: tuple[int, ...]) -> int:
        if not flips:
            return len(declared_fit.best)
        # Another parity must lose nothing, and fit well to gain: little data fit all.
        found = test(_flipped(types, flips), above=known)
        fitting = [
            len(m)
            for m in found.held
            if len(m) == len(known) or found.p_value(m) > _FITS
        ]
        return max(fitting, default=0) if found.outcomes else 0

    tried: list[tuple[int, ...]] = [()]
    for number in (1, _FLIPS_TOGETHER):
        if held(()) == whole or max(map(held, tried)) > held(()):
            # Fewest changes first: two wrong fields only if one does not explain it.
            break
        tried += itertools.combinations(range(len(types)), number)
    # Of equals the one that changes least, and scalars before vectors: velocities are
    # polar more often than not.
    best = max(
        tried,
        key=lambda flips: (
            held(flips),
            -len(flips),
            -sum(types[i].order for i in flips),
        ),
    )
    mended = _flipped(types, best)
    findings = []
    for i, entry in enumerate(declared):
        is_fixed = held(tuple(sorted(set(best) ^ {i}))) < held(best)
        fits = str(mended[i]) if is_fixed else None
        findings.append(ParityFinding(entry.name, str(entry.type), fits))
    alternatives = tuple(
        "the data fit as well with "
        + " and ".join(
            f"`{entry.name}` as {_flipped(types, flips)[i]}"
            for i, entry in enumerate(declared)
            if i in flips
        )
        for flips in tried
        if flips != best and len(flips) == len(best) and held(flips) == held(best)
    )
    return tuple(findings), mended, alternatives


def _winds(
    statistics: LocalStatistics,
    declared: Signature,
    test: Callable[..., _GroupTest],
    types: tuple[TensorType, ...],
) -> tuple[str, ...]:
    """What an observer who moves with a mean of vectors would find."""
    notes = []
    d = statistics.num_spatial_dims
    for i, (entry, where) in enumerate(zip(declared, declared.slices(d), strict=True)):
        if entry.type.order != 1:
            continue
        means = statistics.means[:, where]
        mean = means.mean(axis=0)
        sizes = statistics.scales[:, i : i + 1]
        ratios = means / np.where(sizes > 0, sizes, 1.0)
        typical = np.abs(ratios.mean(axis=0))
        is_clear = typical > np.maximum(_WIND, _CLEARLY * ratios.std(axis=0))
        if (is_clear & (np.sign(means) == np.sign(mean)).all(axis=0)).any():
            inside = test(types, entry.name).group
            values = ", ".join(f"{v:.2g}" for v in mean)
            notes.append(
                f"mean of `{entry.name}` is ({values}); for an observer that moves "
                f"with it symmetric under {inside.order} elements ({inside})"
            )
    return tuple(notes)


def _flipped(
    types: tuple[TensorType, ...], flips: tuple[int, ...]
) -> tuple[TensorType, ...]:
    return tuple(
        TensorType(t.order, -t.parity) if i in flips else t  # type: ignore[arg-type]
        for i, t in enumerate(types)
    )
