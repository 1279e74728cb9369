"""The training loop: steps, validation, checkpoints, logs, and signals."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PRNGKeyArray

from .._arguments import check_count, checked, shown
from .._arithmetic import check_precision
from ._bar import bar
from ._curriculum import Curriculum, as_curriculum, make_train_steps
from ._evaluate import Call, Metric
from ._file import checkpoint_path, sole_writer
from ._keep import Keep, KeptFiles
from ._layout import Layout
from ._loading import Data, Loading
from ._metadata import canonical
from ._processes import check_processes_agree, ending_together
from ._reports import Beginning, Callbacks, Recent, Report
from ._run import RESERVED, OtherRun, Run, identity_of
from ._signals import DeferredSignals, Interrupted, Terminated
from ._step import Loss, start_training
from ._validation import EarlyStopping, Validation

REPORT_EVERY = 10  # steps; the only places that wait for the device
SAVE_EVERY = 30.0  # seconds


@checked
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
    validation_metrics: Mapping[str, Metric] | None = None,
    validate_every: int = 100,
    call: Call | None = None,
    early_stopping: EarlyStopping | None = None,
    checkpoint: "str | os.PathLike[str] | None" = None,
    keep: Keep | None = None,
    metadata: Mapping[str, Any] | None = None,
    restart: bool = False,
    loading: Loading = Loading(),  # noqa: B008 - frozen
    mesh: Any = None,
    callbacks: Sequence[Callable[[Report], None]] = (),
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

    - `model`: what is trained: its floating-point arrays.
    - `loss`: `(model, batch) -> number`, or `(model, batch, key) -> number` to draw
        from a key that is another one at each step, such as for dropout; or a
        `Curriculum` of such losses.
    - `windows`, `validation`: have a length and `take(numbers) -> batch`; batches to
        validate on are `(*inputs, targets)`.
    - `optimiser`: any of optax, also those that ask for the loss (`optax.lbfgs`).
    - `num_steps`: until when, steps before a resumption included.
    - `batch_size`: windows in a step.
    - `key`: decides the order of the batches.
    - `average`: the decay of an exponential average of the weights after each step,
        which is validated and returned in their place. It forgets half in
        `0.69 / (1 - average)` steps: take a tenth of the run or less, 0.99 for 700
        steps and 0.999 for 7000. The state, and so the checkpoint, holds both.
    - `validation_metrics`: by name, what validation measures, as in `evaluate`;
        `{"smse": smse}` by default. A `RolloutMetric` measures many steps.
    - `validate_every`: steps; also after the last one.
    - `call`: how validation runs the model on one sample, as in `evaluate`. Dropout is
        switched off.
    - `early_stopping`: when to stop before `num_steps`, by a metric of validation.
    - `checkpoint`: a file, which only one process may write at a time. The run that
        wrote it is gone on with, bit for bit, if it is this run: the same metadata,
        model, loss, optimiser, key, batch size, data and weights to begin with, as far
        as can be seen.
    - `keep`: which checkpoints stay besides the last one: the best, every n-th.
    - `metadata`: what decides the run, as JSON can say it, and what belongs to the
        model, such as its `Normaliser`: `geomnet.load` gives it back.
    - `restart`: begin anew, and overwrite what the checkpoint holds.
    - `loading`: whether data lie on the device or are taken ahead.
    - `mesh`: a `jax.sharding.Mesh` of devices, of one process or of several. Samples
        are shared out along its axis `"batch"`, the grid along its axes `"x"`, `"y"`
        and `"z"`; the state lies whole on each device. Losses and weights are those of
        one device up to rounding, and a checkpoint is gone on from on any mesh.
        (`docs/how_to/devices.md`)
    - `callbacks`: functions that get a `Report` every ten steps and at each validation,
        such as `JSONLog`. One that raises is named, and training goes on.
    - `name`: of the run, in what it prints and reports.
    - `progress`: show a bar (needs tqdm).

    **Returns:** the trained model, averaged if asked for, and its history:
    `"training"` and `"validation"`, each a list of (step, loss), and
    `"seconds_per_step"`. `"validation"` has the first metric; `"validation " + name`
    has that of each name in `validation_metrics`.

    **Raises:** `FloatingPointError` if the loss or the state is not finite;
    `OtherRun`, a `ValueError`, if the checkpoint is not one of this run, with the
    differences; `ValueError` if it can't be written, or another process writes it,
    `mesh` does not divide batch or grid, processes of one run differ, or the backend
    lacks the precision set;
    `Interrupted` on Ctrl-C and `Terminated` on SIGTERM.
    """
    check_count("num_steps", num_steps)
    _check_weights(model)
    check_precision()
    layout = Layout.of(mesh)
    told = Callbacks(callbacks if layout.is_first else ())
    described = _described(metadata)
    target = None if checkpoint is None else checkpoint_path(checkpoint)
    curriculum = as_curriculum(loss)
    step = make_train_steps(curriculum, optimiser, layout)
    data = Data(windows, batch_size, key, loading, layout)
    writer = _sole_writer(target, layout)
    with DeferredSignals(name) as signals, writer, layout.context():
        state = start_training(model, optimiser, key=key, average=average)
        identity = identity_of(state, curriculum, optimiser, data.windows, batch_size)
        run = Run(name, layout.whole(state), target, described, identity, layout)
        measured = Validation(
            run,
            None
            if validation is None
            else loading.placed("validation", validation, layout),
            validation_metrics,
            every=validate_every,
            batch_size=batch_size,
            call=call,
            stopping=early_stopping,
            layout=layout,
        )
        kept = KeptFiles(keep, run, measured, restart=restart)
        if target is not None and target.exists() and not restart:
            _resume(run, data, num_steps)
        numbers = {"num_steps": int(num_steps), "validate_every": int(validate_every)}
        check_processes_agree(layout, {**run.decided_by, **numbers})
        told.begin(Beginning(name, run.done, tuple(measured.metrics)))
        _Loop(run, num_steps, step, measured, kept, data, told).train(signals, progress)
    return layout.back(run.state.averaged, model), run.history


class _Loop(NamedTuple):
    """What happens after which step."""

    run: Run
    num_steps: int
    step: Callable[..., Any]
    validation: Validation
    kept: KeptFiles
    data: Data
    told: Callbacks

    def train(self, signals: DeferredSignals, progress: bool) -> None:
        """All steps, with what is opened for them and closed behind them."""
        run, layout = self.run, self.run.layout
        shown = bar(run, self.num_steps, progress and layout.is_first)
        together = ending_together(layout, lambda: run.kept)
        data = self.data.from_step(run.done)
        with together, self.told.ending(run), data, shown as update:
            try:
                self.go(signals, Recent(run, self.data.blame, update, self.told))
            except (KeyboardInterrupt, SystemExit) as stop:
                raise _stop(stop, run.stopped(self.num_steps)) from None
            layout.wait()  # Behind it the checkpoint is there, for all.

    def go(self, signals: DeferredSignals, recent: Recent) -> None:
        """To the end, or until it is enough."""
        run = self.run
        last_save = time.monotonic()
        self.deliver(signals)
        is_enough = self.validation.is_enough()
        while run.done < self.num_steps and not is_enough:
            recent.losses.append(self.take_step(signals))
            is_last = run.done == self.num_steps
            validates = is_last or self.validation.is_due(run.done)
            if validates or run.done % REPORT_EVERY == 0:
                recent.wait()
                recent.report(self.validate() if validates else {})
                is_enough = validates and self.validation.is_enough()
            self.kept.after_step()
            if is_last or is_enough or time.monotonic() - last_save > SAVE_EVERY:
                run.save()
                last_save = time.monotonic()
                recent.restart_clock()
            self.deliver(signals)
        if run.done < self.num_steps:
            run.say(f"{run.name}: enough at step {run.done} of {self.num_steps}.")

    def deliver(self, signals: DeferredSignals) -> None:
        """Lets signals take effect; in several processes after the same step in all."""
        layout = self.run.layout
        if layout.has_several_processes:
            # Where all wait for the device anyway: asking takes a message around.
            if self.run.done % REPORT_EVERY or not layout.any(signals.are_noted):
                return
            signals.deliver()
            raise Terminated(f"Another process of '{self.run.name}' was stopped.")
        signals.deliver()

    def take_step(self, signals: DeferredSignals) -> Any:
        """The loss, which may still be on its way."""
        run = self.run
        batch = signals.during(self.data.next)
        if run.done == 0:
            run.note_batch(self.data.seen(0, batch))
        run.state, value = self.step(run.done, run.state, batch)
        run.done += 1
        return value

    def validate(self) -> dict[str, float]:
        """Measures, and keeps the best."""
        with self.data.paused():
            found = self.validation.measure()
        if found:
            self.kept.after_validation()
        return found


def _sole_writer(
    target: Path | None, layout: Layout
) -> contextlib.AbstractContextManager[None]:
    if target is None or not layout.is_first:
        return contextlib.nullcontext()
    return sole_writer(target)


def _resume(run: Run, data: Data, num_steps: int) -> None:
    """**Raises:** `OtherRun` if the checkpoint can't be gone on from."""
    path = run.target
    try:
        run.resume(data.windows, data.numbers(0))
        if run.done > num_steps:
            raise ValueError(f"it has done {run.done} steps, more than {num_steps}")
    except ValueError as error:
        raise OtherRun(
            f"`checkpoint` {path} is not gone on from, and not overwritten: {error}. "
            "Give the settings of its run, name another file, or say `restart=True` to "
            "begin anew over it; `geomnet.training.load_weights` takes its weights."
        ) from error
    run.say(f"{run.name}: going on from step {run.done} of {path}")


def _stop(stop: BaseException, text: str) -> BaseException:
    """What is raised where training was told to stop, with what was reached."""
    if isinstance(stop, KeyboardInterrupt):
        return Interrupted(text)
    print(text, file=sys.stderr, flush=True)
    return Terminated(text) if isinstance(stop, Terminated) else stop


def _check_weights(model: Any) -> None:
    """**Raises:** `TypeError` unless a model has floating-point arrays to train."""
    dtypes = [getattr(leaf, "dtype", None) for leaf in jax.tree.leaves(model)]
    if not any(d is not None and jnp.issubdtype(d, jnp.inexact) for d in dtypes):
        raise TypeError(
            "`model` must be a model with floating-point arrays, such as "
            f"`geomnet.UNet(...)`, got {shown(model)}."
        )


def _described(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """The metadata as JSON. **Raises:** `ValueError` for names that `fit` uses."""
    described = canonical(metadata)
    taken = sorted(set(RESERVED) & set(described))
    if taken:
        raise ValueError(
            f"`metadata` has {taken}, where `fit` writes its own: rename them."
        )
    return described
