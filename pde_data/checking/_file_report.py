"""What a check of a file has found, in words: findings and the report of them."""

import dataclasses
from typing import Any

from ..formats._own_records import listed


@dataclasses.dataclass(frozen=True)
class FileFinding:
    """One thing that was looked at.

    **Arguments:**

    - `name`: what was looked at.
    - `passed`: whether it is sound; `None` where it is only reported.
    - `detail`: the evidence in words.
    - `value`, `bound`: the number that was measured, and the largest that passes, in
      full; `None` where it is none, or nothing bounds it.
    """

    name: str
    passed: bool | None
    detail: str
    value: float | None = None
    bound: float | None = None

    def __str__(self) -> str:
        mark = {True: "pass", False: "FAIL", None: "note"}[self.passed]
        return f"{mark}  {self.name}: {self.detail}"


@dataclasses.dataclass(frozen=True)
class FileReport:
    """All findings on one file.

    **Arguments:**

    - `layout`: the name of the file's format, or "unknown".
    - `findings`: in the order in which they were made.
    """

    layout: str
    findings: tuple[FileFinding, ...]

    @property
    def passed(self) -> bool:
        """No finding failed."""
        return all(finding.passed is not False for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON can say it."""
        return dataclasses.asdict(self) | {"passed": self.passed}

    def __str__(self) -> str:
        verdict = "PASS" if self.passed else "FAIL"
        return "\n".join([*map(str, self.findings), verdict])


def bounded(name: str, worst: float, bound: float) -> FileFinding:
    """The finding that a largest value is within its bound."""
    return FileFinding(
        name,
        bool(worst <= bound),
        f"{worst:.1e} at most, bound {bound:.0e}",
        float(worst),
        float(bound),
    )


def verdict(name: str, bad: list[int], text: str) -> FileFinding:
    """The finding that no trajectory is `bad`, with a text for when none is."""
    return FileFinding(name, not bad, f"trajectories {listed(bad)}" if bad else text)
