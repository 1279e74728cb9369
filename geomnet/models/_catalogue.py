"""What there is to choose from: networks, layers, groups, types, boundaries and norms,
as data and in words. All of it is read off the code.
"""

import enum
import inspect
from collections.abc import Iterable
from typing import Any

from .. import nn
from .._group import MAKERS, Group
from .._signature import TensorType
from ..filters._words import type_name
from ._contract import AbstractMap, AbstractWrapper
from ._description import KNOWN
from ._norm import DEFAULT_NORM, NORMS
from ._residual import Stated

_TITLES = {
    "networks": "Networks, `geomnet.UNet(...)`",
    "wrappers": "Wrappers of networks, `geomnet.Residual(...)`",
    "layers": "Layers, `geomnet.nn.Conv(...)`",
    "groups": "Groups, `geomnet.rotations(2)`, `--group`",
    "types": "Types, of which signatures are made, `--type`",
    "boundaries": "Boundaries, `boundary=geomnet.nn.Boundary.ZERO`",
    "norms": "Norms of networks, `norm=`",
}
# Tensors of higher orders are written alike.
_MOST_INDICES = 2


def catalogue() -> dict[str, dict[str, Any]]:
    """All there is of each kind, by name, as JSON can say it."""
    layers = [
        kind
        for kind in vars(nn).values()
        if inspect.isclass(kind)
        and issubclass(kind, nn.AbstractLayer)
        and not kind.__name__.startswith("Abstract")
    ]
    maps = [k for k in KNOWN if issubclass(k, AbstractMap) and k is not Stated]
    return {
        "networks": _classes(k for k in maps if not issubclass(k, AbstractWrapper)),
        "wrappers": _classes(k for k in maps if issubclass(k, AbstractWrapper)),
        "layers": _classes(layers),
        "groups": {
            name: {"summary": _summary(make), "elements": _elements(name)}
            for name, make in MAKERS.items()
        },
        "types": {str(t): {"summary": type_name(t)} for t in _types()},
        "boundaries": {rule.name: {"summary": rule.value} for rule in nn.Boundary},
        "norms": {
            name: {"summary": summary, "is_default": name == DEFAULT_NORM}
            for name, summary in NORMS.items()
        },
    }


def listing() -> str:
    """The catalogue as lines of text."""
    lines = []
    for kind, entries in catalogue().items():
        lines += [f"{_TITLES[kind]}:", ""]
        for name, said in entries.items():
            default = " (the default)" if said.get("is_default") else ""
            lines.append(f"  {name}: {said['summary']}{default}")
            if "required" in said:
                defaults = [f"{k}={v!r}" for k, v in said["defaults"].items()]
                lines.append(f"    {', '.join([*said['required'], *defaults])}")
            if "elements" in said:
                orders = [f"{k} has {n}" for k, n in said["elements"].items()]
                lines.append(f"    {', '.join(orders)}")
        lines.append("")
    return "\n".join(lines[:-1])


def _classes(kinds: Iterable[type]) -> dict[str, dict[str, Any]]:
    return {
        kind.__name__: {"summary": _summary(kind), **_arguments(kind)} for kind in kinds
    }


def _summary(described: Any) -> str:
    """The first paragraph of its docstring, as one line."""
    return " ".join((inspect.getdoc(described) or "").split("\n\n")[0].split())


def _arguments(kind: type) -> dict[str, Any]:
    """What its constructor must be given, and may be given, with what holds if not."""
    parameters = inspect.signature(kind).parameters.values()
    return {
        "required": [p.name for p in parameters if p.default is p.empty],
        "defaults": {
            p.name: _said(p.default) for p in parameters if p.default is not p.empty
        },
    }


def _said(default: Any) -> Any:
    if isinstance(default, enum.Enum):
        return default.name
    if isinstance(default, tuple | list):
        return [_said(item) for item in default]
    is_plain = default is None or isinstance(default, bool | int | float | str)
    return default if is_plain else str(default)


def _elements(name: str) -> dict[str, int]:
    """The number of elements of each group of this name."""
    found = {}
    for number in (1, 2, 3, 4):
        try:
            group = Group.from_name(f"{name}({number})")
        except ValueError:
            continue
        found[group.name] = group.order
    return found


def _types() -> list[TensorType]:
    found = []
    for order in range(_MOST_INDICES + 1):
        for symmetry in ("", "s", "a") if order > 1 else ("",):
            found += [TensorType.parse(f"{order}{symmetry}{parity}") for parity in "+-"]
    return found
