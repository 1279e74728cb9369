"""One training run: its state, its history, what it is, and the file that keeps it."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..models import describe_model
from ._checkpoint import load_checkpoint, read_metadata, write_checkpoint
from ._curriculum import Curriculum
from ._layout import ONE_DEVICE, Layout
from ._leaves import is_key
from ._metadata import differences, named
from ._step import TrainState
from ._text import function_lines

RESERVED = ("history", "fit")
"""What `fit` writes into the metadata of a checkpoint besides those it is given."""

_TOLERANCE = 1e-4  # of the root mean square: sums differ between machines, data more


class OtherRun(ValueError):
    """A checkpoint under the name given to `fit` is of another run, or is none."""


class Run:
    """A run and its checkpoint, if it has one."""

    def __init__(
        self,
        name: str,
        state: TrainState,
        target: Path | None,
        metadata: dict[str, Any],
        identity: dict[str, Any],
        layout: Layout = ONE_DEVICE,
    ):
        self.name = name
        self.state = state
        self.done = 0
        self.history: dict[str, Any] = {
            "training": [],
            "validation": [],
            "seconds_per_step": None,
        }
        self.target = target
        self._metadata = metadata
        self.layout = layout
        self._identity = {**identity, "first_batch": None}
        self._saved_step: int | None = None
        # Some begin with an infinity, such as the best value so far of an optimiser.
        self._never_finite = {path for path, _ in _not_finite(state)}

    def resume(self, windows: Any, first_batch: np.ndarray) -> None:
        """Goes on from the checkpoint.

        **Raises:** `ValueError` if it is of another run, with the differences.
        """
        assert self.target is not None
        found = read_metadata(self.target)
        identity, history = found.get("fit", {}), found.get("history")
        readable = isinstance(identity, dict) and isinstance(history, dict)
        if not (readable and set(history or ()) >= set(self.history)):
            raise ValueError("it has no history: `fit` has not written it")
        lines = self._differences(found, identity, windows, first_batch)
        if lines:
            raise ValueError(f"it holds another run: {named(lines)}")
        state, _ = load_checkpoint(self.target, self.state)
        self.state = self.layout.whole(state)
        self.history = dict(history or {})
        self._identity["first_batch"] = identity.get("first_batch")
        self.done = self._saved_step = int(self.state.num_steps)

    def _differences(
        self,
        found: dict[str, Any],
        identity: dict[str, Any],
        windows: Any,
        numbers: np.ndarray,
    ) -> list[str]:
        """Between the run of a file and this one; `numbers` are those of batch 0."""
        lines = self._stated_differences(found, identity)
        if lines or not identity or identity.get("first_batch") is None:
            return lines
        batch = summary(windows.take(numbers))
        lines = apart(identity["first_batch"], batch, "data of the first batch")
        if lines and apart(batch, summary(windows.take(numbers)), ""):
            return []  # Drawn anew each time: they tell no run from another.
        return lines

    def _stated_differences(
        self, found: dict[str, Any], identity: dict[str, Any]
    ) -> list[str]:
        given = {k: v for k, v in found.items() if k not in RESERVED}
        lines = differences(given, self._metadata)
        if not identity:
            return lines  # Of the first format: no more is known.
        for name in self._identity:
            if name not in ("start", "first_batch", "model"):
                lines += differences(identity.get(name), self._identity[name], name)
        return lines + apart(identity.get("start"), self._identity["start"], "start")

    def foreign(self, path: Path) -> str:
        """Why a file is not of this run, by what it says of itself; "" if it is."""
        try:
            found = read_metadata(path)
        except ValueError as error:
            return str(error)
        identity = found.get("fit")
        if not isinstance(identity, dict):
            return "`fit` has not written it"
        return named(self._stated_differences(found, identity))

    @property
    def decided_by(self) -> dict[str, Any]:
        """What all processes of the run must have in common."""
        run = {k: v for k, v in self._identity.items() if k != "first_batch"}
        return {"metadata": self._metadata, **run, "step": self.done}

    def note_batch(self, batch: Any) -> None:
        """The data of step 0 belong to what the run is."""
        self._identity["first_batch"] = summary(batch)

    def say(self, text: str) -> None:
        """Prints, once for all processes."""
        if self.layout.is_first:
            print(text)

    def check(self) -> None:
        """**Raises:** `FloatingPointError` if a number of the state is not finite."""
        found = [
            (path, leaf)
            for path, leaf in _not_finite(self.state)
            if path not in self._never_finite
        ]
        if found:
            path, values = found[0]
            bad = int((~np.isfinite(values)).sum())
            raise FloatingPointError(
                f"`state{path}` of '{self.name}' is not finite after step {self.done}: "
                f"{bad} of {values.size} numbers, in {len(found)} arrays. If the loss "
                "is, then its gradient is not, such as that of a square root or a norm "
                "at zero: `jax.config.update('jax_debug_nans', True)` finds the place. "
                f"{self.kept}"
            )

    def save(self) -> None:
        """**Raises:** `FloatingPointError` if the state is not finite; the file before
        stays.
        """
        self.check()
        if self.target is not None:
            self._write(self.target)
            self._saved_step = self.done

    def write(self, target: Path) -> None:
        """The same into another file."""
        self.check()
        self._write(target)

    def _write(self, target: Path) -> None:
        if not self.layout.is_first:
            return
        extra = {"history": self.history, "fit": self._identity}
        write_checkpoint(target, self.state, {**self._metadata, **extra})

    def stopped(self, num_steps: int) -> str:
        """Saves, and says what was reached."""
        text = f"Stopped at step {self.done} of {num_steps} of '{self.name}'"
        if self.target is None:
            return f"{text}, not saved: no `checkpoint` was named."
        if any(x.is_deleted() for x in _arrays(self.state)):
            return f"{text}, inside of a step, which left nothing to save. {self.kept}"
        try:
            self.save()
        except (OSError, FloatingPointError) as error:
            return f"{text}, not saved: {error}. {self.kept}"
        return f"{text}, saved in {self.target}."

    @property
    def kept(self) -> str:
        """What the file holds, for messages."""
        if self._saved_step is None:
            return "No checkpoint of this run has been written."
        return f"{self.target} holds step {self._saved_step}."


def identity_of(
    state: TrainState, loss: Curriculum, optimiser: Any, windows: Any, batch_size: int
) -> dict[str, Any]:
    """What decides the bits of a run, as far as it can be seen."""
    words = jax.random.key_data(state.key) if is_key(state.key) else state.key
    return {
        # For `load` alone: the structure of the state says more.
        "model": _description(state.model),
        "batch_size": int(batch_size),
        "windows": len(windows),
        "key": [str(state.key.dtype), np.asarray(words).tolist()],
        "loss": _loss_lines(loss),
        "optimiser": function_lines(optimiser.update, "update", lists=True),
        "start": summary([np.concatenate(weights)])
        if (weights := [np.ravel(x) for _, x in _floating(state.model)])
        else [],
    }


def _description(model: Any) -> dict[str, Any] | None:
    """None where the model, or a part of it, is of no known class."""
    try:
        return describe_model(model)
    except ValueError:
        return None


def _loss_lines(curriculum: Curriculum) -> dict[str, Any]:
    """Those of the loss, or those of each stage by its first step."""
    lines = {
        str(first): function_lines(loss, "loss") for first, loss in curriculum.stages
    }
    return lines if len(lines) > 1 else lines["0"]


def summary(tree: Any) -> list[list[Any]]:
    """Dtype, shape, mean and root mean square of each array of a tree."""
    found = []
    for leaf in jax.tree.leaves(tree):
        if isinstance(leaf, np.ndarray | jax.Array) and not is_key(leaf):
            values = np.asarray(leaf)
            wide = np.abs(values) if np.iscomplexobj(values) else values
            wide = np.asarray(wide, np.float64)
            size = float(np.sqrt(np.square(wide).mean())) if wide.size else 0.0
            mean = float(wide.mean()) if wide.size else 0.0
            found.append([f"{values.dtype}{list(values.shape)}", mean, size])
    return found


def apart(found: Any, wanted: list[list[Any]], name: str) -> list[str]:
    """Where two summaries differ by more than machines do."""
    if found is None:
        return []
    try:
        found = [(str(text), float(mean), float(size)) for text, mean, size in found]
    except (TypeError, ValueError):
        return [f"{name}: not to be read in the file"]
    before, now = ([text for text, *_ in part] for part in (found, wanted))
    if before != now:
        return differences(before, now, name)
    for old, new in zip(found, wanted, strict=True):
        allowed = _TOLERANCE * abs(new[2])
        if not np.allclose(old[1:], new[1:], rtol=0, atol=allowed, equal_nan=True):
            text = "mean and root mean square {:.6g}, {:.6g}"
            before, now = text.format(*old[1:]), text.format(*new[1:])
            return [f"{name}: {before} in the file, {now} here"]
    return []


def _arrays(tree: Any) -> list[jax.Array]:
    return [leaf for leaf in jax.tree.leaves(tree) if isinstance(leaf, jax.Array)]


def _floating(tree: Any) -> list[tuple[str, np.ndarray]]:
    """The floating-point arrays of a tree by path, on the host, wide enough."""
    found = []
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        dtype = getattr(leaf, "dtype", None)
        if (
            dtype is not None
            and not is_key(leaf)
            and jnp.issubdtype(dtype, jnp.inexact)
        ):
            values = np.asarray(leaf)
            is_small = dtype.itemsize < 4
            values = values.astype(np.float32) if is_small else values
            found.append((jax.tree_util.keystr(path), values))
    return found


def _not_finite(state: TrainState) -> list[tuple[str, np.ndarray]]:
    return [(path, x) for path, x in _floating(state) if not np.isfinite(x).all()]
