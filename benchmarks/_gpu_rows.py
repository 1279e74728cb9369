"""Rows of a benchmark that may be cut off: a budget, and a file that is always whole.

No JAX here: what is measured is the matter of who makes the cases.
"""

import contextlib
import dataclasses
import gc
import json
import math
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

Figures = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Case:
    """What is measured together, and gives rows one after the other."""

    kind: str
    name: str
    seconds: float
    """About what it takes on a large GPU, compilation included."""
    rows: Callable[[], Iterator[tuple[str, Figures]]]
    """`(who, figures)`: what of the case was measured, and what came out."""


class Record:
    """What was measured so far: printed, and in a file of JSON that is always whole."""

    def __init__(self, path: Path, about: Figures):
        self._path = path
        self._content: Figures = {}
        self._write({**about, "finished": False, "rows": []})

    def add(self, case: Case, figures: Figures, who: str = "") -> None:
        """One row, at once."""
        plain = {name: _as_json(value) for name, value in figures.items()}
        name = f"{case.name}, {who}" if who else case.name
        rows = [*self._content["rows"], {"kind": case.kind, "name": name, **plain}]
        self._write({"rows": rows})
        values = "  ".join(f"{n} {_shown(value)}" for n, value in plain.items())
        print(f"{case.kind:<11}{name:<48}{values}", flush=True)

    def finish(self) -> None:
        """Nothing comes any more."""
        self._write({"finished": True})

    def _write(self, changed: Figures) -> None:
        # All or nothing: who is killed leaves the file before, and what can't be
        # written is no row.
        content = {**self._content, **changed}
        aside = self._path.with_name(self._path.name + ".new")
        aside.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
        os.replace(aside, self._path)
        self._content = content


def measure(
    cases: Iterable[Case],
    record: Record,
    seconds: float,
    described: Callable[[Exception], str] = repr,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Every case that fits into the time that is left, in order.

    What fails leaves its error as a row, what does not fit that it was skipped.

    **Arguments:** `seconds`: for all of them; a case under way is not cut off.
    """
    end = now() + seconds
    with heard_interrupts() as check:
        for case in cases:
            check()
            left = end - now()
            if case.seconds > left:
                left = max(left, 0)
                about = f"takes about {case.seconds:.0f} s, and {left:.0f} are left"
                record.add(case, {"skipped": about})
                continue
            try:
                for who, figures in case.rows():
                    record.add(case, figures, who)
                    check()
            except Exception as error:
                record.add(case, {"error": described(error)})
            # What the case has had on the device, also what its error held on to.
            gc.collect()
        check()
    record.finish()


@contextlib.contextmanager
def heard_interrupts() -> Iterator[Callable[[], None]]:
    """Within it no Ctrl-C is lost: Python drops what is raised while it collects
    garbage, as JAX lets it do often. The function given raises it again.
    """
    heard = False

    def note(*_: Any) -> None:
        nonlocal heard
        heard = True
        raise KeyboardInterrupt

    def check() -> None:
        if heard:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def _as_json(value: Any) -> Any:
    """A number or a text: JSON has none of NumPy's, no NaN and no infinity."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
