"""Values as JSON that any program reads.

The same file is in `geomnet` and in `pde_data`, which do not import each other.
"""

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any


def json_text(value: Any, *, indent: int | None = 1) -> str:
    """A value as JSON, its numbers in full; on one line without `indent`.

    JSON has no numbers that are not finite: they are the texts `"NaN"`, `"Infinity"`
    and `"-Infinity"`, which `float` takes. What JSON can't say is a text, too.
    """
    return json.dumps(_plain(value), indent=indent, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return _finite_or_text(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: _plain(getattr(value, name)) for name in names}
    to_python = getattr(value, "tolist", None)
    if to_python is not None:
        # Arrays and numbers of NumPy and JAX, neither of which is imported for this.
        found = to_python()
        return str(found) if type(found) is type(value) else _plain(found)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return str(value)


def _finite_or_text(number: float) -> float | str:
    if math.isfinite(number):
        return number
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"
