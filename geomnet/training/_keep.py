"""Checkpoints that stay beside the last one: the best, and every n-th."""

import dataclasses
from pathlib import Path

from .._arguments import check_count, check_kind
from ._run import OtherRun, Run
from ._validation import Validation


@dataclasses.dataclass(frozen=True)
class Keep:
    """Which checkpoints `fit` keeps besides the last one, `run.checkpoint`.

    Each is a checkpoint like any other: `geomnet.load` reads it, and a run goes on from
    a copy of it.

    **Raises:** `ValueError` if nothing is kept, or `every` is below 1; `TypeError` for
    another kind.
    """

    best: str | None = None
    """The name of a metric of validation: where it was smallest is kept as
    `run.best.checkpoint`, and replaced by what is better. Of what should be large give
    the negative as a metric.
    """
    every: int | None = None
    """Steps: multiples are kept as `run.step-00000400.checkpoint`."""

    def __post_init__(self):
        check_kind("best", self.best, str | None)
        if self.every is not None:
            check_count("every", self.every)
        if self.best is None and self.every is None:
            raise ValueError("`Keep` keeps nothing: give `best`, `every`, or both.")


class KeptFiles:
    """The files of one run that stay."""

    def __init__(
        self, keep: Keep | None, run: Run, validation: Validation, *, restart: bool
    ):
        self._keep, self._run, self._validation = keep, run, validation
        if keep is None:
            return
        if run.target is None:
            raise ValueError(
                "`keep` keeps files beside `checkpoint`: name one, as in "
                "`checkpoint='run.checkpoint'`."
            )
        if keep.best is not None:
            validation.check_name("keep", keep.best)
        if not restart:
            self._check_own(run.target)

    def _check_own(self, target: Path) -> None:
        """**Raises:** `OtherRun` if a file that would be replaced is of another run."""
        places = [beside(target, "best")] if self._keep and self._keep.best else []
        if self._keep and self._keep.every:
            places += sorted(target.parent.glob(beside(target, "step-*").name))
        for place in places:
            lines = self._run.foreign(place) if place.exists() else ""
            if lines:
                raise OtherRun(
                    f"`keep` would replace {place}, which is not of this run: {lines}. "
                    "Name another `checkpoint`, move that file, or say `restart=True` "
                    "to write over it."
                )

    def after_step(self) -> None:
        """Keeps the step if it is a multiple."""
        keep, run = self._keep, self._run
        if keep is not None and keep.every and run.done % keep.every == 0:
            self._write(f"step-{run.done:08d}")

    def after_validation(self) -> None:
        """Keeps the step if it is the best."""
        keep = self._keep
        if keep is not None and keep.best and self._validation.is_best(keep.best):
            self._write("best")

    def _write(self, mark: str) -> None:
        if self._run.target is not None:
            self._run.write(beside(self._run.target, mark))


def beside(target: Path, mark: str) -> Path:
    """`run.best.checkpoint` beside `run.checkpoint`."""
    return target.with_name(f"{target.stem}.{mark}{target.suffix}")
