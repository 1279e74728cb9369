"""Every argument of every public callable, replaced by what is no such argument.

A process of its own, `python wrong_kinds.py geomnet`, without run-time type checks: as
users run it. The last line that it prints is what is wrong, as a JSON list.
"""

import dataclasses
import enum
import importlib
import inspect
import json
import os
import pkgutil
import re
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

WRONG = {
    "None": None,
    "a text": "nope",
    "a fraction": 0.5,
    "an integer": 3,
    "an array": np.ones((2,), np.float32),
    "an object": object(),
}
# Words of messages that say what is expected, or what to do.
_EXPECTED = re.compile(r"\b(must|needs?|[Gg]ive|[Uu]se|[Pp]ass|[Ww]rite|[Bb]uild)\b")


_FILES = ("path", "paths", "folder")


def public_callables(package: str) -> dict[str, Any]:
    """What a package's public modules hold of its own and can be called, by name."""
    root = importlib.import_module(package)
    modules = [root]
    for info in pkgutil.iter_modules(root.__path__, package + "."):
        if not info.name.rpartition(".")[2].startswith("_"):
            modules.append(importlib.import_module(info.name))
    found, seen = {}, set()
    for module in modules:
        # `dir` knows what is imported when it is first asked for, too.
        for name in dir(module):
            value = getattr(module, name)
            home = str(getattr(value, "__module__", ""))
            # A module that is no package holds what it imports for itself, too.
            ours = home.startswith(
                package if hasattr(module, "__path__") else module.__name__
            )
            if name.startswith("_") or not ours or not callable(value):
                continue
            if id(value) not in seen and not _is_no_call(value):
                seen.add(id(value))
                found[f"{module.__name__}.{name}"] = value
    return found


def _is_no_call(value: Any) -> bool:
    """Annotations, exceptions, choices, and what only others are derived from."""
    if not isinstance(value, type):
        return not inspect.isroutine(value) and not hasattr(value, "__wrapped__")
    is_bare = getattr(value, "__name__", "").startswith("Abstract")
    return is_bare or issubclass(value, BaseException | enum.Enum)


def is_record(value: Any) -> bool:
    """A dataclass that holds what it is given and looks at nothing."""
    checks = ("__post_init__", "__check_init__")
    if not dataclasses.is_dataclass(value) or any(hasattr(value, n) for n in checks):
        return False
    code = getattr(inspect.unwrap(value.__init__), "__code__", None)
    return code is not None and code.co_filename == "<string>"


def faults(
    rows: dict[str, tuple[Any, dict[str, Any]]], answers: dict[str, type]
) -> Iterator[str]:
    """Each argument in turn replaced by each wrong kind: what comes of it and should
    not.

    **Arguments:** `answers`: exceptions that are what a function is for.
    """
    for name, (function, arguments) in rows.items():
        answer = answers.get(name, ())
        try:
            made = _call(function, arguments)
        except Exception as error:
            yield f"{name}: the row itself raises {error!r}"
            continue
        for parameter in arguments:
            for kind, value in WRONG.items():
                changed = {**arguments, parameter: value}
                if fault := _fault(function, changed, parameter, value, answer):
                    yield f"{name}({parameter}={kind}): {fault}"
        if isinstance(function, type) and callable(made):
            rest = (0.0,) * (_number_of_positional(made) - 1)
            for kind, value in WRONG.items():
                if fault := _fault(made, {"*": (value, *rest)}, "image", value):
                    yield f"{name}(...)({kind}): {fault}"


def _call(function: Any, arguments: dict[str, Any]) -> Any:
    arguments = {k: v.make() if hasattr(v, "make") else v for k, v in arguments.items()}
    several = [value for name, value in arguments.items() if name.startswith("*")]
    named = {k: v for k, v in arguments.items() if not k.startswith("*")}
    if not several:
        return function(**named)
    before = list(inspect.signature(function).parameters)
    positional = [
        named.pop(k) for k in before if k in named and _comes_first(function, k)
    ]
    rest = several[0] if isinstance(several[0], tuple) else (several[0],)
    return function(*positional, *rest, **named)


def _number_of_positional(function: Any) -> int:
    parameters = inspect.signature(function).parameters.values()
    return sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)


def _comes_first(function: Any, name: str) -> bool:
    kind = inspect.signature(function).parameters[name].kind
    return kind is inspect.Parameter.POSITIONAL_OR_KEYWORD


def _fault(
    function: Any, arguments: dict, parameter: str, value: Any, answer: Any = ()
) -> str:
    """`""` for success, or for a refusal in words."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _call(function, arguments)
    except answer:
        return ""
    except (TypeError, ValueError, OSError) as error:
        name = parameter.strip("*")
        text = str(error)
        frames = traceback.extract_tb(error.__traceback__)
        if any("rows_of_" in frame.filename for frame in frames):
            return ""  # The row's own function, as a user's would.
        raised = frames[-1].line or ""
        is_ours = any(p in frames[-1].filename for p in ("/geomnet/", "/pde_data/"))
        if isinstance(value, str) and value in text and parameter in _FILES:
            return ""  # A file is named by its path.
        says = re.search(rf"`[^`]*\b{re.escape(name)}\b", text) or _EXPECTED.search(
            text
        )
        if is_ours and says and ("raise" in raised or "Error" in raised):
            return ""
        return f"{error!r} from {frames[-1].filename}:{frames[-1].lineno}"
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{error!r} from {frame.filename}:{frame.lineno}"
    return ""


def main(package: str) -> None:
    module = importlib.import_module(f"rows_of_{package}")
    os.chdir(tempfile.mkdtemp())
    rows, every = module.ROWS, public_callables(package)
    callables = {
        n: c
        for n, c in every.items()
        if n in rows or not (is_record(c) or n in module.ELSEWHERE)
    }
    lines = [f"{name} has no row" for name in callables if name not in rows]
    lines += [f"{name} is not public" for name in rows if name not in callables]
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    chosen = {
        name: (callables[name], row)
        for name, row in rows.items()
        if name in callables and wanted in name
    }
    for name, (function, arguments) in chosen.items():
        given = {key.strip("*") for key in arguments}
        missing = set(_parameters(function)) - given
        lines += [f"{name} has no row for `{key}`" for key in sorted(missing)]
    print(json.dumps(lines + list(faults(chosen, module.ANSWERS))))


def _parameters(function: Any) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]


if __name__ == "__main__":
    main(sys.argv[1])
