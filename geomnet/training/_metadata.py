"""Descriptions of runs: what JSON can say, in one form, and how two of them differ."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np

from ..models._description import describe_value, is_describable

_MOST_NAMED = 6


def canonical(
    metadata: Any, argument: str = "metadata", classes: Sequence[type] = ()
) -> dict[str, Any]:
    """Metadata as a file gives them back: lists for tuples and arrays, numbers for
    those of NumPy, text for keys, descriptions for objects of known classes, such as a
    `Normaliser`.

    **Raises:** `TypeError` that names what JSON can't say.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise TypeError(
            f"`{argument}` must be a dict of what JSON can say, got "
            f"{type(metadata).__name__}."
        )
    return _plain(metadata, argument, classes)


def _plain(value: Any, path: str, classes: Sequence[type]) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if (
        isinstance(value, np.ndarray | jax.Array)
        and np.dtype(value.dtype).kind in "biuf"
    ):
        value = np.asarray(value).tolist()
    if is_describable(value, classes):
        return _described(value, path, classes)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item, f"{path}[{n}]", classes) for n, item in enumerate(value)]
    if isinstance(value, Mapping):
        for name in value:
            if not (name is None or isinstance(name, str | int | float | bool)):
                raise TypeError(
                    f"`{path}` has the key {name!r}: JSON knows only text as keys."
                )
        plain = {
            _key(k): _plain(v, f"{path}[{k!r}]", classes) for k, v in value.items()
        }
        if len(plain) < len(value):
            raise TypeError(f"`{path}` has two keys that are one as text.")
        return plain
    what = "a path" if isinstance(value, os.PathLike) else type(value).__name__
    raise TypeError(
        f"`{path}` is {what}, which JSON can't say: give text, numbers, lists and "
        f"dicts, such as `str(...)` of it."
    )


def _described(value: Any, path: str, classes: Sequence[type]) -> Any:
    if any(map(eqx.is_array, jax.tree.leaves(value))):
        raise TypeError(
            f"`{path}` is a {type(value).__name__}, whose arrays JSON can't say: save "
            "it by `geomnet.save`, or give `geomnet.models.describe_model(...)` of it "
            "if only its architecture is meant."
        )
    return describe_value(value, path, classes)


def _key(name: Any) -> str:
    return name if isinstance(name, str) else json.dumps(name)


def differences(
    found: Any,
    wanted: Any,
    path: str = "",
    places: tuple[str, str] = ("in the file", "here"),
) -> list[str]:
    """Where two descriptions differ, one line for each place; NaN equals NaN."""
    there, here = places
    if isinstance(found, dict) and isinstance(wanted, dict):
        lines = []
        for name in [*found, *(n for n in wanted if n not in found)]:
            inner = f"{path}.{name}" if path else str(name)
            if name not in wanted:
                lines.append(f"{inner}: {_short(found[name])} {there}, none {here}")
            elif name not in found:
                lines.append(f"{inner}: none {there}, {_short(wanted[name])} {here}")
            else:
                lines += differences(found[name], wanted[name], inner, places)
        return lines
    if isinstance(found, list) and isinstance(wanted, list):
        if len(found) == len(wanted):
            pairs = enumerate(zip(found, wanted, strict=True))
            return [
                line
                for n, pair in pairs
                for line in differences(*pair, f"{path}[{n}]", places)
            ]
    elif json.dumps(found) == json.dumps(wanted):
        return []
    return [f"{path}: {_short(found)} {there}, {_short(wanted)} {here}"]


def named(lines: list[str]) -> str:
    """The first few differences in one text."""
    rest = len(lines) - _MOST_NAMED
    return "; ".join(lines[:_MOST_NAMED]) + (f"; and {rest} more" if rest > 0 else "")


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text)} characters)"
