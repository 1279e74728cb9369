"""Which symmetries were found in data or in a function, as values and as text."""

import dataclasses
from typing import Any, Literal

from .._group import Group, Matrix
from .._json import json_text

Verdict = Literal["holds", "broken", "nearly", "undetermined"]


@dataclasses.dataclass(frozen=True)
class SymmetryFinding:
    """One symmetry: whether it holds, and the evidence."""

    name: str
    """Which symmetry, such as `"shift along y"`."""
    verdict: Verdict
    """`"holds"`, `"broken"`, `"nearly"` (as a discretisation does) or `"undetermined"`
    (the data can't tell)."""
    size: float
    """For data the largest violation of a normalised statistic, for a function the
    relative error."""
    p_value: float | None
    """For data: how probable so large a violation is if the symmetry holds."""
    evidence: str
    """Where the violation is largest, or why there is no verdict."""
    element: Matrix | None = None
    """The group element, if it is one."""


@dataclasses.dataclass(frozen=True)
class ParityFinding:
    """Whether a field's declared parity fits."""

    field: str
    """The field's name."""
    declared: str
    """The type as declared, such as `"0+"`."""
    behaves_as: str | None
    """The type that fits; `None` if both parities fit equally."""

    @property
    def is_wrong(self) -> bool:
        """Whether the other parity fits, and not the declared one."""
        return self.behaves_as not in (None, self.declared)

    def __str__(self) -> str:
        if self.behaves_as is None:
            return f"`{self.field}`: both parities of {self.declared} fit"
        if self.behaves_as == self.declared:
            return f"`{self.field}` behaves as {self.declared}, as declared"
        return (
            f"`{self.field}` behaves as {self.behaves_as}, you declared {self.declared}"
        )


@dataclasses.dataclass(frozen=True)
class SymmetryReport:
    """Which symmetries a data set or a function respects: print it, or read its
    parts.
    """

    subject: str
    """What was looked at."""
    tested: Group
    """The group whose elements were tested."""
    group: Group
    """The largest subgroup of which no element is found broken."""
    elements: tuple[SymmetryFinding, ...]
    """One for each element, the identity first; with the declared parities."""
    parities: tuple[ParityFinding, ...]
    """One for each field, if the group has reflections."""
    others: tuple[SymmetryFinding, ...]
    """Translations, Galilean and scale symmetry, as far as they can be tested."""
    notes: tuple[str, ...]
    """What else was seen, such as a mean wind."""

    def __getitem__(self, name: str) -> SymmetryFinding:
        """The finding of that name, such as `report["shift along x"]`."""
        for finding in (*self.elements, *self.others):
            if finding.name == name:
                return finding
        known = ", ".join(f.name for f in (*self.elements, *self.others))
        raise KeyError(f"{name!r} was not tested; there are: {known}")

    @property
    def wrong_parities(self) -> tuple[ParityFinding, ...]:
        """The fields that behave as the other parity."""
        return tuple(parity for parity in self.parities if parity.is_wrong)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON can say it."""
        return {
            "subject": self.subject,
            "tested": self.tested.name,
            "group": {
                "name": self.group.name,
                "order": self.group.order,
                "generators": [list(map(list, g)) for g in self.group.generators],
            },
            "elements": [dataclasses.asdict(f) for f in self.elements],
            "parities": [dataclasses.asdict(p) for p in self.parities],
            "others": [dataclasses.asdict(f) for f in self.others],
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """Everything, as JSON."""
        return json_text(self.to_dict())

    def __str__(self) -> str:
        unclear = any(f.verdict == "undetermined" for f in self.elements)
        lines = [
            f"{self.subject}: "
            + ("not enough data to tell; compatible with " if unclear else "")
            + ("" if unclear else "symmetric under ")
            + f"{self.group.order} of the {self.tested.order} elements of {self.tested}"
            + (f" ({self.group})" if 1 < self.group.order < self.tested.order else "")
        ]
        for finding in (*self.elements[1:], *self.others):
            size = "" if finding.verdict == "undetermined" else f" {finding.size:.1e}"
            p = "" if finding.p_value is None else f" p={finding.p_value:.0e}"
            about = f"  {finding.evidence}" if finding.evidence else ""
            lines.append(f"  {finding.name:<24} {finding.verdict:<7}{size}{p}{about}")
        lines += [f"  {parity}" for parity in self.parities]
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines)


def mended_note(group: Group) -> str:
    """What is symmetric once the parities that fit are declared."""
    return (
        f"with the parities that fit, symmetric under {group.order} elements ({group})"
    )
