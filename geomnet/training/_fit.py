"""The training loop: steps, validation, checkpoints, a progress bar, and signals."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import PRNGKeyArray

from .._arguments import check_count
from ._curriculum import Curriculum, as_curriculum, make_train_steps
from ._evaluate import Call, check_measurable, evaluate
from ._file import checkpoint_path, sole_writer
from ._metadata import canonical
from ._metrics import smse
from ._run import RESERVED, Run, identity_of
from ._signals import DeferredSignals, Interrupted, Terminated
from ._step import Loss, batches, start_training

REPORT_EVERY = 10  # steps; the only places that wait for the device
SAVE_EVERY = 30.0  # seconds


class OtherRun(ValueError):
    """A checkpoint under the name given to `fit` is of another run, or is none."""


def fit(
    model: Any,
    loss: Loss | Curriculum,
    windows: Any,
    optimiser: optax.GradientTransformation,
    *,
    num_steps: int,
    batch_size: int,
    key: PRNGKeyArray,
    average: float | None = None,
    validation: Any = None,
    validate_every: int = 100,
    call: Call | None = None,
    checkpoint: "str | os.PathLike[str] | None" = None,
    metadata: Mapping[str, Any] | None = None,
    restart: bool = False,
    name: str = "training",
    progress: bool = False,
) -> tuple[Any, dict[str, Any]]:
    """Trains a model, going on from its checkpoint if there is one of this run.

    The checkpoint is written every half minute, at the end, and when the process is
    told to stop. It never holds a state with a number that is not finite.

    **Signals.** SIGINT (Ctrl-C) and SIGTERM take effect at the end of a step, also
    while it compiles, which may take a minute; a second Ctrl-C leaves a batch that does
    not come. Handlers of your own are called then, too.

    **Arguments:**

    - `loss`: `(model, batch) -> number`, or `(model, batch, key) -> number` to draw
        from a key that is another one at each step, such as for dropout; or a
        `Curriculum` of such losses.
    - `windows`, `validation`: have a length and `take(numbers) -> batch`; batches to
        validate on are `(*inputs, targets)`.
    - `optimiser`: any of optax, also those that ask for the loss (`optax.lbfgs`).
    - `key`: decides the order of the batches.
    - `average`: the decay of an exponential average of the weights after each step,
        which is validated and returned in their place. It forgets half in
        `0.69 / (1 - average)` steps: take a tenth of the run or less, 0.99 for 700
        steps and 0.999 for 7000. The state, and so the checkpoint, holds both.
    - `validate_every`: steps; also after the last one.
    - `call`: how validation runs the model on one sample, as in `evaluate`. Dropout is
        switched off.
    - `checkpoint`: a file, which only one process may write at a time. The run that
        wrote it is gone on with, bit for bit, if it is this run: the same metadata,
        model, loss, optimiser, key, batch size, data and weights to begin with, as far
        as can be seen.
    - `metadata`: what decides the run, as JSON can say it.
    - `restart`: begin anew, and overwrite what the checkpoint holds.
    - `progress`: show a bar (needs tqdm).

    **Returns:** the trained model, averaged if asked for, and its history:
    `"training"` and `"validation"`, each a list of (step, loss), and
    `"seconds_per_step"`.

    **Raises:** `FloatingPointError` if the loss or the state is not finite;
    `OtherRun`, a `ValueError`, if the checkpoint is not one of this run, with the
    differences; `ValueError` if it can't be written, or another process writes it;
    `Interrupted` on Ctrl-C and `Terminated` on SIGTERM.
    """
    check_count("num_steps", num_steps)
    check_count("validate_every", validate_every)
    _check_windows("windows", windows)
    described = canonical(metadata)
    _check_names(described)
    target = None if checkpoint is None else checkpoint_path(checkpoint)
    curriculum = as_curriculum(loss)
    step = make_train_steps(curriculum, optimiser)
    with DeferredSignals(name) as signals, _sole_writer(target):
        state = start_training(model, optimiser, key=key, average=average)
        identity = identity_of(state, curriculum, optimiser, windows, batch_size)
        run = Run(name, state, target, described, identity)

        def order(start: int) -> Iterator[np.ndarray]:
            return batches(len(windows), batch_size, key=key, start=start)

        first = next(order(0))
        validate = _validation(run, validation, batch_size, call)
        if target is not None and target.exists() and not restart:
            _resume(run, windows, first, num_steps)
        numbers = order(run.done)

        def take_step() -> Any:
            batch = signals.during(lambda: windows.take(next(numbers)))
            run.note_batch(batch)
            run.state, value = step(run.done, run.state, batch)
            run.done += 1
            return value

        with _bar(run, num_steps, progress) as update:
            recent = _Recent(run, lambda step: _blame(windows, order(step - 1)), update)
            try:
                _loop(
                    run, take_step, num_steps, recent, validate, validate_every, signals
                )
            except (KeyboardInterrupt, SystemExit) as stop:
                raise _stop(stop, run.stopped(num_steps)) from None
    return run.state.averaged, run.history


def _loop(
    run: Run,
    take_step: Callable[[], Any],
    num_steps: int,
    recent: "_Recent",
    validate: Callable[[], None],
    validate_every: int,
    signals: DeferredSignals,
) -> None:
    last_save = time.monotonic()
    signals.deliver()
    while run.done < num_steps:
        recent.losses.append(take_step())
        is_last = run.done == num_steps
        validates = is_last or run.done % validate_every == 0
        if validates or run.done % REPORT_EVERY == 0:
            recent.report()
            if validates:
                validate()
            recent.restart()
        if is_last or time.monotonic() - last_save > SAVE_EVERY:
            run.save()
            last_save = time.monotonic()
            recent.restart_clock()
        signals.deliver()


def _validation(
    run: Run, windows: Any, batch_size: int, call: Call | None
) -> Callable[[], None]:
    """What adds a measurement to the history; traced now, so that it fails early."""
    if windows is None:
        return lambda: None
    _check_windows("validation", windows)
    metrics = {"smse": smse}
    check_measurable(run.state.model, windows, metrics, batch_size, call)

    def validate() -> None:
        measured = evaluate(
            run.state.averaged, windows, metrics, batch_size=batch_size, call=call
        )
        run.history["validation"].append((run.done, measured["smse"]))

    return validate


def _sole_writer(target: Path | None) -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext() if target is None else sole_writer(target)


def _resume(run: Run, windows: Any, first: np.ndarray, num_steps: int) -> None:
    """**Raises:** `OtherRun` if the checkpoint can't be gone on from."""
    path = run.target
    try:
        run.resume(windows, first)
        if run.done > num_steps:
            raise ValueError(f"it has done {run.done} steps, more than {num_steps}")
    except ValueError as error:
        raise OtherRun(
            f"`checkpoint` {path} is not gone on from, and not overwritten: {error}. "
            "Give the settings of its run, name another file, or say `restart=True` to "
            "begin anew over it; `geomnet.training.load_weights` takes its weights."
        ) from error
    print(f"{run.name}: going on from step {run.done} of {path}")


def _stop(stop: BaseException, text: str) -> BaseException:
    """What is raised where training was told to stop, with what was reached."""
    if isinstance(stop, KeyboardInterrupt):
        return Interrupted(text)
    print(text, file=sys.stderr, flush=True)
    return Terminated(text) if isinstance(stop, Terminated) else stop


def _check_windows(argument: str, windows: Any) -> None:
    has_both = hasattr(windows, "__len__") and hasattr(windows, "take")
    # Arrays have a `take` of their own.
    if not has_both or isinstance(windows, np.ndarray | jax.Array):
        raise TypeError(
            f"`{argument}` must have a length and `take(numbers) -> batch`, as "
            f"`geomnet.Windows` has, got {type(windows).__name__}."
        )


def _check_names(metadata: dict[str, Any]) -> None:
    taken = sorted(set(RESERVED) & set(metadata))
    if taken:
        raise ValueError(
            f"`metadata` has {taken}, where `fit` writes its own: rename them."
        )


def _blame(windows: Any, order: Iterator[np.ndarray]) -> str:
    """Why the loss of the next batch is not finite."""
    numbers = next(order)
    batch = windows.take(numbers)
    for place, leaf in jax.tree_util.tree_flatten_with_path(batch)[0]:
        if not eqx.is_inexact_array_like(leaf):
            continue
        finite = np.isfinite(np.asarray(leaf, np.float64))
        rows = finite.reshape(len(finite), -1).all(axis=1) if finite.ndim else finite
        if not finite.all():
            where = numbers[~rows] if np.shape(rows) == numbers.shape else numbers
            return (
                f"The data are not finite: windows {where.tolist()}, "
                f"`batch{jax.tree_util.keystr(place)}`. A smaller learning rate does "
                "not help: mend these windows or leave them out."
            )
    return "The data of its batch are finite. Use a smaller learning rate."


class _Recent:
    """The steps since the last report: their losses stay on the device until then."""

    def __init__(
        self,
        run: Run,
        blame: Callable[[int], str],
        update: Callable[[int, float], None],
    ):
        self.losses: list[Any] = []
        self._run, self._blame, self._update = run, blame, update
        self._rates: list[float] = []
        self._since = time.monotonic()

    def report(self) -> None:
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
        self._update(len(values), mean)

    def restart(self) -> None:
        """After what is no step, such as a validation."""
        self.losses = []
        self.restart_clock()

    def restart_clock(self) -> None:
        self._since = time.monotonic()


@contextlib.contextmanager
def _bar(
    run: Run, total: int, progress: bool
) -> Iterator[Callable[[int, float], None]]:
    """Yields `(steps, loss) -> None`, which moves the bar if there is one.

    It begins when the first steps are done, so that the time left does not count the
    time to compile.
    """
    if not progress:
        yield lambda _steps, _loss: None
        return
    from tqdm import tqdm

    if run.done < total:
        text = f"{run.name}: compiling the training step ..."
        print(text, file=sys.stderr, flush=True)
    with contextlib.ExitStack() as stack:
        bars: list[Any] = []

        def update(steps: int, loss: float) -> None:
            if bars:
                bars[0].update(steps)
            else:
                bar = tqdm(total=total, initial=run.done, desc=run.name, unit="step")
                bars.append(stack.enter_context(bar))
            bars[0].set_postfix(loss=f"{loss:.2e}")

        yield update
