"""The training loop: steps, validation, checkpoints, a progress bar, and Ctrl-C."""

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import PRNGKeyArray

from ._checkpoint import load_checkpoint, read_metadata, save_checkpoint
from ._evaluate import evaluate
from ._metrics import smse
from ._step import Loss, TrainState, batches, make_train_step, start_training

REPORT_EVERY = 10  # steps; the only places that wait for the device
SAVE_EVERY = 30.0  # seconds


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during `fit`, after the checkpoint has been written."""


def fit(
    model: Any,
    loss: Loss,
    windows: Any,
    optimiser: optax.GradientTransformation,
    *,
    num_steps: int,
    batch_size: int,
    key: PRNGKeyArray,
    validation: Any = None,
    validate_every: int = 100,
    checkpoint: "str | os.PathLike[str] | None" = None,
    metadata: Mapping[str, Any] | None = None,
    name: str = "training",
    progress: bool = False,
) -> tuple[Any, dict[str, Any]]:
    """Trains a model, going on from its checkpoint if there is one of this run.

    **Arguments:**

    - `loss`: `(model, batch) -> number`.
    - `windows`, `validation`: have a length and `take(numbers) -> batch`.
    - `key`: decides the order of the batches.
    - `checkpoint`: the file to write every half minute, at the end and on Ctrl-C. The
        run that wrote it is gone on with, bit for bit, if its metadata are the same.
    - `metadata`: what decides the run, as JSON can say it.
    - `progress`: show a bar (needs tqdm).

    **Returns:** the trained model, and its history: `"training"` and `"validation"`,
    each a list of (step, loss), and `"seconds_per_step"`.

    **Raises:** `FloatingPointError` if the loss is not finite; `Interrupted` on Ctrl-C.
    """
    described = dict(metadata or {})
    path = None if checkpoint is None else Path(checkpoint)
    state = start_training(model, optimiser, key=key)
    state, history = _resumed(path, state, described, name)
    step = make_train_step(loss, optimiser)
    done = int(state.num_steps)

    def save() -> None:
        if path is not None:
            save_checkpoint(path, state, {**described, "history": history})

    order = batches(len(windows), batch_size, key=key, start=done)
    recent, last_save = _Recent(), time.monotonic()
    with _bar(name, done, num_steps, progress) as update:
        try:
            while done < num_steps:
                state, value = step(state, windows.take(next(order)))
                done += 1
                recent.losses.append(value)
                is_last = done == num_steps
                if done % REPORT_EVERY and not is_last:
                    continue
                update(len(recent.losses), recent.report(history, done, name))
                if validation is not None and (
                    is_last or done % validate_every < REPORT_EVERY
                ):
                    measured = evaluate(
                        state.model, validation, {"smse": smse}, batch_size=batch_size
                    )
                    history["validation"].append((done, measured["smse"]))
                if is_last or time.monotonic() - last_save > SAVE_EVERY:
                    save()
                    last_save = time.monotonic()
                recent.restart()
        except KeyboardInterrupt:
            save()
            kept = f", saved in {path}" if path is not None else ""
            raise Interrupted(
                f"Stopped at step {done} of {num_steps} of '{name}'{kept}."
            ) from None
    return state.model, history


def _resumed(
    path: Path | None, state: TrainState, described: dict[str, Any], name: str
) -> tuple[TrainState, dict[str, Any]]:
    """State and history to go on from: those of a checkpoint of this run, if any."""
    if path is not None and path.exists():
        found = read_metadata(path)
        if {k: v for k, v in found.items() if k != "history"} == described:
            state, found = load_checkpoint(path, state)
            print(f"{name}: going on from step {int(state.num_steps)} of {path}")
            return state, found["history"]
    return state, {"training": [], "validation": [], "seconds_per_step": None}


class _Recent:
    """The steps since the last report: their losses stay on the device until then."""

    def __init__(self):
        self.losses: list[Any] = []
        self._rates: list[float] = []
        self._since = time.monotonic()

    def report(self, history: dict[str, Any], done: int, name: str) -> float:
        """Waits for the device; adds to the history; gives the mean of the losses.

        **Raises:** `FloatingPointError` if it is not finite.
        """
        mean = float(jnp.stack(self.losses).mean())
        self._rates.append((time.monotonic() - self._since) / len(self.losses))
        history["training"].append((done, mean))
        history["seconds_per_step"] = float(np.median(self._rates))
        if not np.isfinite(mean):
            raise FloatingPointError(
                f"The loss of '{name}' is {mean} at step {done}. Use a smaller "
                "learning rate; a checkpoint holds an earlier step."
            )
        return mean

    def restart(self) -> None:
        """After what is no step, such as a validation."""
        self.losses = []
        self._since = time.monotonic()


@contextlib.contextmanager
def _bar(name: str, done: int, total: int, progress: bool):
    """Yields `(steps, loss) -> None`, which moves the bar if there is one."""
    if not progress:
        yield lambda _steps, _loss: None
        return
    from tqdm import tqdm

    with tqdm(total=total, initial=done, desc=name, unit="step") as bar:

        def update(steps: int, loss: float) -> None:
            bar.update(steps)
            bar.set_postfix(loss=f"{loss:.2e}")

        yield update
