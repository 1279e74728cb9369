"""Checkpoints of the first format: behind the metadata Equinox's serialised leaves.

They have neither names nor a digest: what can be checked is that each array is whole,
has the shape and dtype of the model's, and that the file ends with one.
"""

import math
from typing import Any, BinaryIO, TypeVar

import equinox as eqx
import jax
import numpy as np

from ._leaves import is_key

T = TypeVar("T")

FIRST_LEAF = b"\x93NUMPY"
"""How the first array begins."""


def read_first_format(file: BinaryIO, size: int, path: Any, like: T) -> T:
    """The state behind the metadata; a model is the beginning of its `TrainState`.

    **Raises:** `ValueError` if the file is not whole or of another state.
    """
    start = file.tell()
    _check_whole(file, size, path)
    file.seek(start)
    try:
        plain = eqx.tree_deserialise_leaves(file, _without_keys(like))
    except (ValueError, RuntimeError, EOFError, TypeError) as error:
        raise ValueError(
            f"{path} is not a checkpoint of this state: {error}. Build the model "
            "with the settings of the run that wrote it, or start anew in another "
            "file."
        ) from error
    return _with_keys(plain, like)


def _check_whole(file: BinaryIO, size: int, path: Any) -> None:
    """**Raises:** `ValueError` unless whole arrays, and nothing else, lie up to the end
    of the file. Sizes that an array only claims are not believed.
    """
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    while (here := file.tell()) < size:
        try:
            version = np.lib.format.read_magic(file)
            shape, _, dtype = readers[version](file)
            end = file.tell() + math.prod(shape) * dtype.itemsize
            is_whole = here < end <= size and not dtype.hasobject
        except Exception:
            # NumPy evaluates the header: of a damaged one anything may come.
            is_whole, end = False, size
        if not is_whole:
            raise ValueError(
                f"{path} is not a checkpoint as it was written: it is cut off or "
                f"damaged at byte {here}. Take an earlier one, or copy it again."
            )
        file.seek(end)


def _without_keys(tree: Any) -> Any:
    """Typed random keys as the integers that they hold: files know no keys."""
    return jax.tree.map(lambda x: jax.random.key_data(x) if is_key(x) else x, tree)


def _with_keys(plain: Any, like: Any) -> Any:
    def restore(leaf: Any, original: Any) -> Any:
        if not is_key(original):
            return leaf
        return jax.random.wrap_key_data(leaf, impl=jax.random.key_impl(original))

    return jax.tree.map(restore, plain, like)
