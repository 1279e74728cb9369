"""How large a network a description may claim: files can't be trusted.

The bounds hold before anything is built: of the text, and of the weights that a network
of such settings has at the least.
"""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from .._group import Group
from .._signature import Signature

_LONGEST_TEXT = 4096
_MOST_ITEMS = 4096
_DEEPEST = 16
_MOST_BLOCKS = 1000  # Each takes time to build and to compile, however small it is.


def _check_blocks(description: dict[str, Any]) -> None:
    blocks = _number(description.get("num_blocks"))
    dilations = description.get("dilations")
    if isinstance(dilations, list | tuple):
        blocks = max(blocks, 1) * len(dilations)
    if blocks > _MOST_BLOCKS:
        raise ValueError(
            f"`description` claims a network of {blocks:.0f} blocks or convolutions, "
            f"one after the other; {_MOST_BLOCKS} at most. If it is yours, build the "
            "network yourself and `load_checkpoint` into it."
        )


def check_bounds(description: Any, most_weights: int) -> None:
    """**Raises:** `ValueError` if a description is too long, too deep, or of networks
    that have more than so many weights together, or more blocks than any of use.
    """
    check_text(description, "description")
    for part in objects(description):
        _check_blocks(part)
    least = sum(map(least_weights, objects(description)))
    if least > most_weights:
        raise ValueError(
            f"`description` claims a network of {least:.1e} weights or more, where "
            f"{most_weights} are explained: the file is damaged or made to harm. If it "
            "is yours, build the network yourself and `load_checkpoint` into it."
        )


def check_text(description: Any, path: str) -> None:
    """**Raises:** `ValueError` if a description is too long or nested too deeply."""
    _check_text(description, path, 0, [_MOST_ITEMS])


def objects(description: Any) -> Iterator[dict[str, Any]]:
    """All that is described as an object, wherever in it."""
    if isinstance(description, dict):
        yield description
    parts = description.values() if isinstance(description, dict) else description
    if isinstance(description, dict | list | tuple):
        for part in parts:
            yield from objects(part)


def least_weights(description: dict[str, Any]) -> float:
    """A lower bound of the weights of a network of ours with such settings.

    Every block has a kernel from its fields to themselves, with one coefficient at
    least for each pair of channels of one type.
    """
    if description.get("class") == "Persistence":
        return 0.0
    pairs = float(sum(n**2 for n in _channels(description, "hidden"))) or 1.0
    depth = min(_number(description.get("depth")), 500.0)
    blocks = max(_number(description.get("num_blocks")), 1.0)
    # The levels of a UNet have twice as many channels each; all but the lowest have
    # the blocks.
    least = max(pairs * 4.0**depth, pairs * blocks * 4.0 ** max(depth - 1, 0))
    # Windows, and those of wave vectors, are made of orbits of 48 cells at the most.
    cells = max(_cells(description, name) for name in ("size", "modes"))
    ends = (_channels(description, f"{end}_signature") for end in ("in", "out"))
    least_of_ends = max(float(sum(end)) for end in ends)
    if description.get("class") == "Propagator":
        # All its fields meet in each cell alone; the kernels are of few of them.
        conditions = _number(description.get("num_parameters"))
        kernels, waves = (
            _number(description.get(name)) if conditions else 0.0
            for name in ("num_kernels", "num_waves")
        )
        terms = max(conditions, kernels, conditions * waves)
        return max(pairs * blocks, cells / 48, terms, least_of_ends)
    return max(least * max(1.0, cells / 48), least_of_ends)


def _channels(description: dict[str, Any], name: str) -> list[int]:
    """How many there are of each type of tensor."""
    fields = _said(description.get(name), "entries")
    channels: Counter[Any] = Counter()
    for entry in Signature(fields) if isinstance(fields, str) else ():
        channels[entry.type] += entry.channels
    return list(channels.values())


def _cells(description: dict[str, Any], name: str) -> float:
    value, group = description.get(name), description.get("group")
    group = _said(_said(group, "name"), "generators")
    if isinstance(value, list):
        return math.prod(map(_number, value), start=1.0)
    if isinstance(group, str):
        d = Group.from_name(group).num_spatial_dims
    else:
        # The rows of a matrix, if that is what it says.
        first = group[0] if isinstance(group, list) and group else None
        d = len(first) if isinstance(first, list) else 1
    return _number(value) ** min(d, 3)


def _said(value: Any, name: str) -> Any:
    """What an object says under a name; what is none says itself."""
    return value.get(name, value) if isinstance(value, dict) else value


def _number(value: Any) -> float:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return float(min(abs(value), 10**50)) if is_number else 0.0


def _check_text(value: Any, path: str, depth: int, left: list[int]) -> None:
    left[0] -= 1
    if depth > _DEEPEST or left[0] < 0:
        raise ValueError(f"`{path}` is nested too deeply, or has too many parts.")
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        raise ValueError(
            f"`{path}` is a text of {len(value)} characters; {_LONGEST_TEXT} at most."
        )
    if isinstance(value, dict):
        for name, item in value.items():
            _check_text(str(name), path, depth + 1, left)
            _check_text(item, f"{path}[{str(name)[:40]!r}]", depth + 1, left)
    if isinstance(value, list | tuple):
        for n, item in enumerate(value):
            _check_text(item, f"{path}[{n}]", depth + 1, left)
