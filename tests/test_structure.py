"""The shape of the code: imports point one way, files are short, names say what."""

import ast
import graphlib
import importlib
import pkgutil
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest

import geomnet
import pde_data

ROOT = Path(__file__).parents[1]
PACKAGES = ("geomnet", "pde_data")
FILES = sorted(
    path.relative_to(ROOT)
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
)

# A folder imports from lower numbers; of geomnet the root's own modules are the lowest.
# In pde_data every folder has a number of its own, so no two can import each other.
FOLDERS = {
    "geomnet": 0,
    "geomnet.filters": 0,
    "geomnet.nn": 1,
    "geomnet.models": 2,
    "geomnet.training": 3,
    "geomnet.plot": 3,
    "geomnet.testing": 4,
    "pde_data.solver": 0,
    "pde_data.exact": 1,
    "pde_data.initial": 2,
    "pde_data.certificates": 3,
    "pde_data.verification": 4,
    "pde_data.formats": 5,
    "pde_data.generation": 6,
    "pde_data.reading": 7,
    "pde_data.checking": 8,
    "pde_data.plot": 9,
    "pde_data._cli": 10,
    # Nothing but the doors may import the package's own door.
    "pde_data": 11,
}
DOORS = ("__init__", "__main__")
VAGUE = {"utils", "common", "core", "ops", "base", "helpers", "misc", "tools"}


def module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path: Path) -> set[str]:
    """The project's modules that a file imports, wherever in the file."""
    package = list(path.with_suffix("").parts[:-1])
    known = {module_name(file) for file in FILES}
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            submodules = {f"{module}.{alias.name}" for alias in node.names}
            # `from . import x` names a module, `from .m import x` one of its names.
            found |= (submodules & known) or {module}
    return {name for name in found if name.split(".")[0] in PACKAGES}


def folder(name: str) -> str:
    """The folder a module stands in: `geomnet.nn` for itself and for its modules."""
    return max((f for f in FOLDERS if name == f or name.startswith(f + ".")), key=len)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_in_a_circle(package):
    graph = {
        module_name(path): imported_modules(path)
        for path in FILES
        if path.stem not in DOORS and path.parts[0] == package
    }
    assert len(graph) > 10
    list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_point_one_way(path):
    if path.name in ("__init__.py", "__main__.py"):
        allowed = None  # The doors may open on everything in their package.
    else:
        allowed = FOLDERS[folder(module_name(path))]
    for name in imported_modules(path):
        assert name.split(".")[0] == path.parts[0], (
            "the packages do not know each other"
        )
        if allowed is not None:
            assert FOLDERS[folder(name)] <= allowed, f"{path} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_files_are_short_and_say_what_they_are(path):
    text = (ROOT / path).read_text()
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(ast.parse(text))
    assert not VAGUE & set(path.stem.strip("_").split("_"))


def public_names() -> list[tuple[str, object]]:
    found = []
    for package in (geomnet, pde_data):
        modules: list[types.ModuleType] = [package]
        for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            if not info.name.rpartition(".")[2].startswith("_"):
                modules.append(importlib.import_module(info.name))
        for module in modules:
            for name, value in vars(module).items():
                is_ours = getattr(value, "__module__", "").startswith(package.__name__)
                if not name.startswith("_") and is_ours:
                    found.append((f"{module.__name__}.{name}", value))
    return found


@pytest.mark.parametrize(
    "value", [pytest.param(value, id=name) for name, value in public_names()]
)
def test_public_names_are_documented(value):
    if callable(value):
        assert (value.__doc__ or "").strip()


def test_importing_loads_nothing_that_only_some_need():
    heavy = (
        "sympy",
        "matplotlib",
        "h5py",
        "tqdm",
        "pytest",
        "hypothesis",
        "scipy.sparse",
    )
    script = (
        "import sys, geomnet, pde_data\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert output.stdout.strip() == "[]"


def test_the_configuration_names_folders_that_exist():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tools = config["tool"]
    folders = [
        *tools["pyright"]["include"],
        *tools["pytest"]["ini_options"]["testpaths"],
        *tools["hatch"]["build"]["targets"]["wheel"]["packages"],
    ]
    for name in folders:
        assert (ROOT / name).exists(), name
    for package in PACKAGES:
        assert (ROOT / package / "py.typed").is_file()
