"""Values as text that is equal exactly if they are, in every process.

Of trees what is not numbers, of functions what they have closed over, of settings what
JSON can say: with these a checkpoint knows its model and its run.
"""

import dataclasses
import enum
import functools
import hashlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np

from .._group import Group
from .._representation import Representation
from .._signature import Signature, TensorType
from ..filters._kernel_space import KernelSpace
from ..models._description import named_group

_DEEPEST = 40
_PLAIN = (bool, int, float, str, np.generic)
# What the numbers of a layer mean.
_MEANING = (KernelSpace, Representation, Signature, Group)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def static_lines(tree: Any) -> dict[str, str]:
    """By path, the class of every node and the value of every static field of a tree:
    two trees with equal lines and leaves are one function.
    """
    return _walked(tree)[0]


def meanings(tree: Any) -> Callable[[str], set[str]]:
    """For the path of a leaf, the paths of the static fields that say what its numbers
    mean: the types of fields and the spaces of kernels in the layer that holds it.
    """
    paths = _walked(tree)[1]

    def of(leaf: str) -> set[str]:
        # A bias lies beside its kernel, which knows the types.
        owner = leaf.rpartition(".")[0] + "."
        return {
            path
            for path in paths
            if path.startswith(owner) and path.count(".", len(owner)) < 2
        }

    return of


def _walked(tree: Any) -> tuple[dict[str, str], set[str]]:
    lines: dict[str, str] = {}
    meaning: set[str] = set()

    def walk(node: Any, path: str) -> None:
        if is_stored(node):
            return
        if not isinstance(node, eqx.Module):
            children = jax.tree_util.tree_flatten_with_path(
                node, is_leaf=lambda x: x is not node
            )[0]
            is_leaf = len(children) == 1 and children[0][1] is node
            lines[path] = text_of(node) if is_leaf else type(node).__qualname__
            for step, child in [] if is_leaf else children:
                walk(child, path + jax.tree_util.keystr(step))
            return
        lines[path] = type(node).__qualname__
        for field in dataclasses.fields(node):
            if field.metadata.get("execution", False):
                continue  # The function is the same.
            value, place = getattr(node, field.name), f"{path}.{field.name}"
            if not field.metadata.get("static", False):
                walk(value, place)
                continue
            lines[place] = text_of(value)
            if isinstance(value, _MEANING):
                meaning.add(place)

    walk(tree, "")
    return lines, meaning


def is_stored(leaf: Any) -> bool:
    """Whether a checkpoint holds numbers for this leaf of a tree."""
    return isinstance(leaf, jax.ShapeDtypeStruct) or eqx.is_array_like(leaf)


def text_of(value: Any, depth: int = 0) -> str:
    """A value as text without addresses: the same in each process."""
    if depth > _DEEPEST:
        return "..."
    inner = functools.partial(text_of, depth=depth + 1)
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return repr(value)
    if isinstance(value, Signature | TensorType):
        return f"'{value}'"
    if isinstance(value, Group):
        return str(named_group(value))
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, np.ndarray | jax.Array):
        content = hashlib.sha256(np.asarray(value).tobytes()).hexdigest()[:16]
        return f"{value.dtype}{list(value.shape)} {content}"
    if isinstance(value, tuple | list):
        return f"({', '.join(map(inner, value))})"
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(inner, value)))}}}"
    if isinstance(value, Mapping):
        items = sorted(f"{inner(k)}: {inner(v)}" for k, v in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, functools.partial):
        parts = inner(value.args), inner(value.keywords)
        return f"partial({inner(value.func)}, {', '.join(parts)})"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        items = [
            f"{f.name}={inner(getattr(value, f.name, None))}"
            for f in dataclasses.fields(value)
        ]
        return f"{type(value).__qualname__}({', '.join(items)})"
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return value.__qualname__
    return _ADDRESS.sub("", repr(value))


def function_lines(function: Any, path: str, *, lists: bool = False) -> dict[str, str]:
    """By path, the names of a function and of all that it has closed over, and the
    numbers there and among the globals that it names: another learning rate of an
    optimiser is another line, another weight in a loss too.

    **Arguments:** `lists`: whether numbers in lists count. In a loss they may be a
    record that grows.
    """
    return {
        place: value.__qualname__ if hasattr(value, "__code__") else _number_text(value)
        for place, value in _within(function, path, lists)
    }


def arguments_within(function: Any) -> set[str]:
    """The names of the arguments of a function and of all that it has closed over."""
    return {
        name
        for _, value in _within(function, "", True)
        if hasattr(value, "__code__")
        for name in inspect.signature(value).parameters
    }


def _within(function: Any, path: str, lists: bool) -> Iterator[tuple[str, Any]]:
    """By path, the functions and plain values that a function is made of."""
    seen: dict[int, Any] = {}  # with the values, so that no id is given twice

    def walk(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
        if depth > _DEEPEST or (callable(value) and id(value) in seen):
            return
        if callable(value):
            seen[id(value)] = value
            value = inspect.unwrap(value)
        if inspect.ismethod(value):
            inside = getattr(value.__self__, "__dict__", {})
            yield from walk(inside, f"{path}.self", depth + 1)
            value = value.__func__
        if isinstance(value, functools.partial):
            yield from walk(value.func, path, depth + 1)
            bound = value.args, value.keywords
            yield from walk(bound, f"{path}.arguments", depth + 1)
        elif isinstance(value, tuple | list):
            for n, item in enumerate(value):
                if lists or isinstance(value, tuple) or callable(item):
                    yield from walk(item, f"{path}[{n}]", depth + 1)
        elif isinstance(value, Mapping):
            for name, item in value.items():
                yield from walk(item, f"{path}[{name!r}]", depth + 1)
        elif hasattr(value, "__code__"):
            yield path, value
            yield from of_function(value, path, depth + 1)
        elif isinstance(value, np.ndarray | jax.Array) and value.ndim == 0:
            yield path, np.asarray(value).item()
        else:
            is_plain = value is None or isinstance(value, _PLAIN)
            yield path, value if is_plain else type(value).__qualname__

    def of_function(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
        variables = inspect.getclosurevars(value)
        for name, item in variables.nonlocals.items():
            yield from walk(item, f"{path}.{name}", depth)
        for name, item in variables.globals.items():
            if isinstance(item, _PLAIN):
                yield f"{path}.{name}", item
        yield from walk(value.__defaults__ or (), f"{path}.defaults", depth)
        for name, item in (value.__kwdefaults__ or {}).items():
            yield from walk(item, f"{path}.{name}", depth)

    yield from walk(function, path, 0)


def _number_text(value: Any) -> str:
    """Alike for 6 and 6.0: optax changes one into the other when a schedule is used."""
    value = value.item() if isinstance(value, np.generic) else value
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return text_of(float(value) if is_whole and abs(value) < 2**53 else value)
