"""A checkpoint holds everything: resuming goes on bit for bit."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp

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
            eqx.tree_serialise_leaves(file, _without_keys(state))
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
            plain = eqx.tree_deserialise_leaves(file, _without_keys(like))
        except (ValueError, RuntimeError, EOFError, TypeError) as error:
            raise ValueError(
                f"{path} is not a checkpoint of this state: {error}. Build the model "
                "with the settings of the run that wrote it, or start anew in another "
                "folder."
            ) from error
    return _with_keys(plain, like), metadata


def read_metadata(path: "str | os.PathLike[str]") -> dict[str, Any]:
    """The description at the start of a checkpoint, without its arrays."""
    with Path(path).open("rb") as file:
        try:
            metadata = json.loads(file.readline())
        except ValueError as error:
            raise ValueError(f"{path} is not a checkpoint: {error}.") from error
    if not isinstance(metadata, dict):
        raise ValueError(f"{path} is not a checkpoint: its first line is no object.")
    return metadata


def _is_key(leaf: Any) -> bool:
    return eqx.is_array(leaf) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _without_keys(tree: Any) -> Any:
    """Typed random keys as the integers that they hold: files know no keys."""
    return jax.tree.map(lambda x: jax.random.key_data(x) if _is_key(x) else x, tree)


def _with_keys(plain: Any, like: Any) -> Any:
    def restore(leaf: Any, original: Any) -> Any:
        if not _is_key(original):
            return leaf
        return jax.random.wrap_key_data(leaf, impl=jax.random.key_impl(original))

    return jax.tree.map(restore, plain, like)
