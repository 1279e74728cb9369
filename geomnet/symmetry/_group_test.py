"""Which elements of a group a data set respects, if its fields have certain types."""

import dataclasses
import functools

import numpy as np

from .._group import Group, as_matrix
from .._signature import TensorType
from ._data_observers import power
from ._local_statistics import LocalStatistics
from ._randomisation import Outcome, closed_test, holding, strength
from ._report import SymmetryFinding
from ._subgroups import element_name, named_group


@dataclasses.dataclass(frozen=True)
class GroupTest:
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
    ) -> "GroupTest":
        kept = np.arange(len(statistics.kinds))
        if moving_with:
            kept = np.flatnonzero(statistics.seen_moving_with(moving_with))
        orbit = statistics.orbit(group.elements, types)[:, :, kept]
        kinds = statistics.kinds[kept]
        changes = orbit[:, :1] - orbit
        return GroupTest(
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

    def findings(self) -> list[SymmetryFinding]:
        """One for each element."""
        return [self._finding(i) for i in range(self.tested.order)]

    def _finding(self, i: int) -> SymmetryFinding:
        element = self.tested.elements[i]
        matrix = as_matrix(element)
        name = element_name(matrix)
        if i == 0:
            return SymmetryFinding(name, "holds", 0.0, 1.0, "", matrix)
        # Rejected only if each group that contains it is.
        p = max(o.p_value for m, o in self.outcomes.items() if i in m)
        holding_it = [m for m in self.held if i in m]
        if not holding_it:
            most = int(self.differences[i].argmax())
            label = self.statistics.label(int(self.kept[most]))
            size = float(self.sizes[i, most])
            return SymmetryFinding(name, "broken", size, p, label, matrix)
        visible = max(self.outcomes[m].visible for m in holding_it)
        if len(holding_it) < len(self.held):
            n = 2 * self.statistics.num_trajectories
            about = f"not enough data to tell: this or another one (needs about {n})"
            return SymmetryFinding(name, "undetermined", visible, p, about, matrix)
        return SymmetryFinding(
            name, *power(visible, self.statistics, self.significance, p), matrix
        )
