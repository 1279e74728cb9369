"""What `certify` found: a table to print, a dict, JSON."""

import dataclasses
from typing import Any

from .._equivariance._deviation import Deviation, worst_of
from .._json import json_text
from .._table import table_lines
from ._guilty_layer import LayerDeviation


@dataclasses.dataclass(frozen=True)
class Check:
    """A model in one state, on one grid, in one dtype."""

    stage: str
    """The state of training, such as `"after EMA"`."""
    grid: tuple[int, ...]
    """The number of cells along each axis."""
    dtype: str
    """Of the image and of what is compared."""
    tolerance: float
    """The largest relative error that rounding explains."""
    errors: tuple[Deviation, ...]
    """One for each group element."""
    layers: tuple[LayerDeviation, ...]
    """One for each layer, innermost first, in the order in which they are done; the
    largest over all elements."""
    line: str = ""
    """Where a model breaks that has no layers to be told apart."""

    @property
    def worst(self) -> Deviation:
        """The element with the largest error."""
        return worst_of(self.errors)

    @property
    def passed(self) -> bool:
        """Whether rounding explains every error."""
        return bool(self.worst.relative <= self.tolerance)

    @property
    def guilty(self) -> LayerDeviation | None:
        """The first layer that gives a wrong result although it is given a right
        one.
        """
        wrong = [x for x in self.layers if not x.relative <= self.tolerance]
        if not wrong or wrong[0].incoming <= self.tolerance:
            return wrong[0] if wrong else None
        # It is given a wrong image: the code that calls it is to blame.
        callers = [x for x in wrong if x.path == wrong[0].parent]
        return callers[0] if callers else wrong[0]


@dataclasses.dataclass(frozen=True)
class EquivarianceCertificate:
    """What was checked of a model, and what was found."""

    model: str
    """The model's class."""
    group: str
    """The group's name."""
    order: int
    """The number of the group's elements."""
    checks: tuple[Check, ...]
    """Each state of training on each grid in each dtype."""
    translation: int | None
    """The smallest power of two that it commutes with shifts by, along every axis;
    `None` if there is none on the grid."""

    casts: tuple[str, ...]
    """Casts inside to fewer bits than the model is given, with file and line."""
    products: str
    """How products of float32 were done: `"in full"`, or how far they round."""

    @property
    def passed(self) -> bool:
        """Whether rounding explains every error of every check, and no cast inside
        enlarges it.
        """
        return all(check.passed for check in self.checks) and not self.casts

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON can say it."""
        return {
            "model": self.model,
            "group": self.group,
            "order": self.order,
            "passed": self.passed,
            "translation": self.translation,
            "casts": list(self.casts),
            "products": self.products,
            "checks": [
                {
                    "stage": check.stage,
                    "grid": list(check.grid),
                    "dtype": check.dtype,
                    "tolerance": check.tolerance,
                    "passed": check.passed,
                    "worst": check.worst.relative,
                    "errors": [dataclasses.asdict(error) for error in check.errors],
                    "layers": [dataclasses.asdict(layer) for layer in check.layers],
                }
                for check in self.checks
            ],
        }

    def to_json(self) -> str:
        """Everything, as JSON."""
        return json_text(self.to_dict())

    def __str__(self) -> str:
        verdict = "commutes" if self.passed else "DOES NOT COMMUTE"
        rows = [
            ("state", "grid", "dtype", "worst error", "tolerance", "worst layer", "")
        ]
        for check in self.checks:
            layer = max(check.layers, key=lambda x: x.relative, default=None)
            rows.append(
                (
                    check.stage,
                    "x".join(map(str, check.grid)),
                    check.dtype,
                    f"{check.worst.relative:.1e}",
                    f"{check.tolerance:.0e}",
                    f"{layer.relative:.1e} {layer.path}" if layer else "",
                    "ok" if check.passed else "FAILS",
                )
            )
        lines = [f"{self.model} {verdict} with {self.group}, {self.order} elements"]
        lines += table_lines(rows)
        for check in self.checks:
            if not check.passed:
                lines.append(_failure(check))
                break
        lines.append(
            f"translations of the torus: commutes with shifts by {self.translation} "
            f"cell{'s' if self.translation != 1 else ''}"
            if self.translation
            else "translations of the torus: commutes with none that is a power of two"
        )
        lines.append(f"products of float32: {self.products}")
        for cast in self.casts:
            lines.append(f"computes with fewer bits than it is given: {cast}")
        return "\n".join(lines)


def _failure(check: Check) -> str:
    worst, guilty = check.worst, check.guilty
    text = (
        f"first failure, {check.stage}: g = {[list(row) for row in worst.element]}, "
        f"entry '{worst.entry}', cell {worst.cell}"
    )
    if guilty is not None:
        text += (
            f"; first guilty layer: `{guilty.path}` ({guilty.layer}), error "
            f"{guilty.relative:.1e} where it is given {guilty.incoming:.0e}"
        )
        text += f", called at {guilty.caller}" if guilty.caller else ""
    elif check.line:
        text += f". {check.line}"
    return text
