"""The settings of a `GenerateConfig` as options of a command line."""

import argparse
import dataclasses
from collections.abc import Callable
from typing import Any

from ._config import GenerateConfig
from ._settings import Choice, Number

SETTINGS = dataclasses.fields(GenerateConfig)


def add_settings(command: argparse.ArgumentParser) -> None:
    """An option for each setting, `None` where none is given."""
    for field in SETTINGS:
        _add_setting(command, field)


def given_config(options: argparse.Namespace) -> GenerateConfig:
    """The configuration of what was given, which is judged here.

    **Raises:** `ValueError` naming the setting.
    """
    values = {}
    for field in SETTINGS:
        value = getattr(options, field.name)
        if isinstance(value, list):
            one = len(value) == 1 and not field.metadata["kind"].listed
            value = value[0] if one else tuple(value)
        if value is not None:
            values[field.name] = value
    return GenerateConfig(**values)


def with_symbols(text: str) -> str:
    """Names of settings in a message, with what else the command line calls them."""
    for field in SETTINGS:
        symbol = field.metadata["symbol"]
        if symbol:
            text = text.replace(f"`{field.name}`", f"`{field.name}` (--{symbol})")
    return text


def whole_number(name: str, least: int, most: int) -> Callable[[str], int]:
    """A whole number within bounds, as an option takes it."""
    bounds = Number(least, most, whole=True)

    def read(text: str) -> int:
        try:
            return bounds.checked(name, _whole(text))
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _add_setting(command: argparse.ArgumentParser, field: Any) -> None:
    """The option of a field: `GenerateConfig` itself judges what is given."""
    kind, symbol = field.metadata["kind"], field.metadata["symbol"]
    names = [f"--{field.name.replace('_', '-')}", *([f"--{symbol}"] if symbol else [])]
    text = field.metadata["text"]
    if field.name == "shard":
        text += " (default: 1/1, all of it)"
        command.add_argument(*names, type=_shard, metavar="I/N", help=text)
        return
    if isinstance(kind, Number):
        text += f"; from {kind.bounds}"
    if field.default is not None:
        given = field.default if isinstance(field.default, tuple) else [field.default]
        text += f" (default: {' '.join(map(str, given))})"
    elif not kind.optional:
        text += " (default: the family's own, see `list`)"
    options: dict[str, Any] = {"help": text}
    if isinstance(kind, Choice):
        options["metavar"] = "NAME"
        options["help"] += f": {', '.join(kind.names())}"
    else:
        options["metavar"] = "N" if kind.whole else "X"
        options["type"] = _whole if kind.whole else _real
    if isinstance(kind, Number) and (kind.drawn or kind.listed):
        options["nargs"] = "+"
    command.add_argument(*names, **options)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be a whole number, got {text!r:.60}"
        ) from None


def _real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be a number, got {text!r:.60}"
        ) from None


def _shard(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    try:
        return int(part), int(parts)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be a part such as 1/4, got {text!r}"
        ) from None
