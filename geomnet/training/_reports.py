"""What a run says of itself while it trains, and whom it tells."""

import contextlib
import dataclasses
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from ._run import Run


@dataclasses.dataclass(frozen=True)
class Beginning:
    """What a callback with a method `begin` is told before the first step."""

    name: str
    """That of the run."""
    step: int
    """How many steps are done already: 0, or where the checkpoint was."""
    metrics: tuple[str, ...]
    """The names of the metrics that validation will give."""


@dataclasses.dataclass(frozen=True)
class Report:
    """What a callback is told every ten steps, and at each validation."""

    name: str
    """That of the run."""
    step: int
    """How many steps are done."""
    losses: tuple[float, ...]
    """That of each step since the report before, in order."""
    metrics: Mapping[str, float]
    """What validation has measured now; empty where it was not its turn."""
    seconds: float
    """Since this call of `fit` began to train."""
    seconds_per_step: float
    """The median so far, the first steps and validation left out."""

    @property
    def loss(self) -> float:
        """The mean of `losses`."""
        return float(np.mean(self.losses))


class Callbacks:
    """Those of one run. One that raises is named, and training goes on."""

    def __init__(self, callbacks: Sequence[Callable[[Report], None]]):
        self._callbacks = tuple(callbacks)
        self._said: set[str] = set()

    def begin(self, beginning: Beginning) -> None:
        """What is wrong with a callback here stops the run before it begins."""
        for callback in self._callbacks:
            if hasattr(callback, "begin"):
                callback.begin(beginning)  # pyright: ignore

    def __call__(self, report: Report) -> None:
        """Tells each."""
        for callback in self._callbacks:
            self._try(callback, report.step, lambda tell=callback: tell(report))

    @contextlib.contextmanager
    def ending(self, run: Run) -> Iterator[None]:
        """After it each that has a method `end` closes what it has opened."""
        try:
            yield
        finally:
            for callback in self._callbacks:
                if hasattr(callback, "end"):
                    self._try(callback, run.done, callback.end)  # pyright: ignore

    def _try(self, callback: Any, step: int, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            who = getattr(callback, "__qualname__", type(callback).__qualname__)
            text = f"the callback {who} raised {type(error).__name__}: {error}"
            if text not in self._said:
                self._said.add(text)
                told = f"At step {step} {text}. Training goes on; it is not said again."
                print(told, file=sys.stderr, flush=True)


class Recent:
    """The steps since the last report: their losses stay on the device until then."""

    def __init__(
        self,
        run: Run,
        blame: Callable[[int], str],
        update: Callable[[int, float], None],
        callbacks: Callbacks,
    ):
        self.losses: list[Any] = []
        self._run, self._blame, self._update = run, blame, update
        self._callbacks = callbacks
        self._values: list[float] = []
        self._rates: list[float] = []
        self._began = self._since = time.monotonic()

    def wait(self) -> None:
        """Waits for the device; adds to the history; moves the bar.

        **Raises:** `FloatingPointError` if a loss is not finite.
        """
        values = np.asarray(jnp.stack(self.losses))
        mean = float(values.mean())
        self._rates.append((time.monotonic() - self._since) / len(values))
        history, done = self._run.history, self._run.done
        history["training"].append((done, mean))
        history["seconds_per_step"] = float(np.median(self._rates))
        if not np.isfinite(values).all():
            first = int(np.flatnonzero(~np.isfinite(values))[0])
            step = done - len(values) + first + 1
            raise FloatingPointError(
                f"The loss of '{self._run.name}' is {values[first]} at step {step}. "
                f"{self._blame(step)} {self._run.kept}"
            )
        self._values = values.tolist()
        self._update(len(values), mean)

    def report(self, metrics: Mapping[str, float]) -> None:
        """Tells the callbacks, and begins anew."""
        self._callbacks(
            Report(
                name=self._run.name,
                step=self._run.done,
                losses=tuple(self._values),
                metrics=dict(metrics),
                seconds=time.monotonic() - self._began,
                seconds_per_step=self._run.history["seconds_per_step"],
            )
        )
        self.losses = []
        self.restart_clock()

    def restart_clock(self) -> None:
        """After what is no step."""
        self._since = time.monotonic()
