"""What users can name: the public names of both packages, and what a class offers."""

import ast
import importlib
import inspect
import pkgutil
import types
from collections.abc import Iterator
from typing import Any

import geomnet
import pde_data


def public_modules(package: types.ModuleType) -> Iterator[types.ModuleType]:
    """A package and what is below it, without what has an underscore."""
    yield package
    for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if not info.name.rpartition(".")[2].startswith("_"):
            module = importlib.import_module(info.name)
            if info.ispkg:
                yield from public_modules(module)
            else:
                yield module


def defined_names(source: str) -> list[str]:
    """What a module hands on as `x as x`, also later, defines or assigns, without
    underscore.
    """
    names: list[str] = []
    body = ast.parse(source).body
    for node in body + [x for top in body if isinstance(top, ast.If) for x in top.body]:
        if isinstance(node, ast.ImportFrom):
            names += [a.asname for a in node.names if a.asname and a.asname == a.name]
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [t.id for t in node.targets if isinstance(t, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.append(node.target.id)
    return [name for name in names if not name.startswith("_")]


def public_names() -> dict[str, Any]:
    """All that the doors of both packages have, by its whole name."""
    found = {}
    for package in (geomnet, pde_data):
        for module in public_modules(package):
            for name in defined_names(inspect.getsource(module)):
                value = getattr(module, name)
                if not isinstance(value, types.ModuleType):
                    found[f"{module.__name__}.{name}"] = value
    return found
