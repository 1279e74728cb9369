"""A checkpoint holds everything: resuming goes on bit for bit."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any, TypeVar

import equinox as eqx

T = TypeVar("T")


def save_checkpoint(
    path: "str | os.PathLike[str]", state: Any, metadata: dict[str, Any] | None = None
) -> None:
    """Writes a state and a description of it, all or nothing.

    The file appears under its name only when it is complete, so a run that is killed in
    the middle leaves the checkpoint before.

    **Arguments:**

    - `state`: any tree of arrays, such as a `TrainState`.
    - `metadata`: what JSON can say, such as the configuration; one line at the start of
        the file.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write((json.dumps(metadata or {}) + "\n").encode())
            eqx.tree_serialise_leaves(file, state)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load_checkpoint(
    path: "str | os.PathLike[str]", like: T
) -> tuple[T, dict[str, Any]]:
    """Reads what `save_checkpoint` wrote: `(state, metadata)`.

    **Arguments:**

    - `like`: a state of the same structure, shapes and dtypes, such as a new one.

    **Raises:** `FileNotFoundError` if there is no file; `ValueError` if it is not a
    checkpoint of such a state.
    """
    with Path(path).open("rb") as file:
        try:
            metadata = json.loads(file.readline())
            state = eqx.tree_deserialise_leaves(file, like)
        except (ValueError, RuntimeError, EOFError, TypeError) as error:
            raise ValueError(
                f"{path} is not a checkpoint of this state: {error}. Build the model "
                "with the settings of the run that wrote it, or start anew in another "
                "folder."
            ) from error
    return state, metadata


def read_metadata(path: "str | os.PathLike[str]") -> dict[str, Any]:
    """The description at the start of a checkpoint, without its arrays."""
    with Path(path).open("rb") as file:
        try:
            return json.loads(file.readline())
        except ValueError as error:
            raise ValueError(f"{path} is not a checkpoint: {error}.") from error
