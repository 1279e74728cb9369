"""The arrays and numbers of a tree by name, as bytes, and from bytes."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ._text import is_stored, static_lines


class Stored(NamedTuple):
    """One leaf of a tree that a file holds."""

    path: str
    text: str
    """Its dtype and shape."""
    size: int
    """In bytes."""
    value: Any


def stored_leaves(tree: Any) -> list[Stored]:
    """All leaves of a tree that hold numbers, in the tree's order."""
    return [
        _stored(jax.tree_util.keystr(path), leaf)
        for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]
        if is_stored(leaf)
    ]


def numbers_line(path: str) -> str:
    """Under which name `all_lines` has the dtype and shape of a leaf."""
    return f"{path} (numbers)"


def all_lines(tree: Any) -> dict[str, str]:
    """The static lines of a tree, and the dtype and shape of each leaf: two trees with
    equal lines differ in numbers alone.
    """
    numbers = {numbers_line(leaf.path): leaf.text for leaf in stored_leaves(tree)}
    return static_lines(tree) | numbers


def with_leaves(tree: Any, values: list[Any]) -> Any:
    """The tree with other values for its stored leaves, in order."""
    fresh = iter(values)
    return jax.tree.map(lambda old: next(fresh) if is_stored(old) else old, tree)


def leaf_bytes(leaf: Stored) -> bytes:
    """What a file holds of it."""
    value = leaf.value
    if is_key(value):
        value = jax.random.key_data(value)
    return np.asarray(value).tobytes()


def restored(like: Stored, data: bytes) -> Any:
    """The leaf of that kind, shape and layout over devices with other numbers."""
    old: Any = like.value
    if not _is_array(old):
        # A number of Python or NumPy.
        return type(old)(np.frombuffer(data, np.asarray(old).dtype)[0].item())
    if is_key(old):
        shape = (*old.shape, -1)
        words = jnp.array(np.frombuffer(data, np.uint32).reshape(shape))
        return jax.random.wrap_key_data(words, impl=jax.random.key_impl(old))
    array = np.frombuffer(data, old.dtype).reshape(old.shape)
    if isinstance(old, np.ndarray):
        return array.copy()
    # A copy, as the bytes are not JAX's own to give up.
    new = jnp.array(array)
    if isinstance(old, jax.Array) and not old.is_deleted() and old.committed:
        new = jax.device_put(new, old.sharding)
    return new


def is_key(leaf: Any) -> bool:
    """Whether a leaf is a typed random key: files know none."""
    dtype = getattr(leaf, "dtype", None)
    return dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray | jax.ShapeDtypeStruct)


def _stored(path: str, leaf: Any) -> Stored:
    if is_key(leaf):
        data = jax.eval_shape(jax.random.key_data, leaf)
        text = f"{leaf.dtype}{list(leaf.shape)}"
        return Stored(path, text, 4 * math.prod(data.shape), leaf)
    if _is_array(leaf):
        dtype = np.dtype(leaf.dtype)
        if dtype.hasobject:
            raise TypeError(f"`state{path}` holds objects, not numbers: {leaf!r}.")
        size = dtype.itemsize * math.prod(leaf.shape)
        return Stored(path, f"{dtype}{list(leaf.shape)}", size, leaf)
    dtype = np.asarray(leaf).dtype
    if dtype.hasobject:
        raise TypeError(f"`state{path}` is too large a number to be saved: {leaf!r}.")
    return Stored(path, f"number {type(leaf).__name__}", dtype.itemsize, leaf)
