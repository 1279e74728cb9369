"""The shape of the code: imports point one way, files are short, names say what."""

import ast
import graphlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("geomnet", "pde_data")
FILES = sorted(
    path.relative_to(ROOT)
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
)

# What is not in a package is read by the same people.
ALL_FILES = FILES + sorted(
    path.relative_to(ROOT)
    for folder in ("tests", "examples", "benchmarks", "docs", ".ci")
    for path in (ROOT / folder).rglob("*.py")
)

# A folder imports from lower numbers; of geomnet the root's own modules are the lowest.
# In pde_data every folder has a number of its own, so no two can import each other.
FOLDERS = {
    "geomnet": 0,
    "geomnet.filters": 1,
    "geomnet._equivariance": 1,
    "geomnet.metrics": 2,
    "geomnet.symmetry": 2,
    # Where windows and faces lie is geometry, which both storeys of `nn` share.
    "geomnet.nn._placement": 2,
    "geomnet.nn._boundary": 2,
    "geomnet.nn._execution": 3,
    "geomnet.nn": 4,
    "geomnet.models": 5,
    "geomnet.training": 6,
    "geomnet.plot": 6,
    "geomnet.testing": 7,
    "pde_data._arguments": 0,
    "pde_data._command_line": 0,
    "pde_data._interrupt": 0,
    "pde_data._json": 0,
    "pde_data._progress": 0,
    "pde_data._suggestion": 0,
    "pde_data._whole_file": 0,
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
# Rooms that need no layer and no model: all that each may import, its door included.
ROOMS = {
    "geomnet._equivariance": {"geomnet"},
    "geomnet.metrics": {"geomnet", "geomnet._equivariance"},
    "geomnet.symmetry": {"geomnet", "geomnet._equivariance"},
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


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_from_the_rooms_below_alone(room):
    paths = [path for path in FILES if folder(module_name(path)) == room]
    assert len(paths) > 3
    for path in paths:
        below = {folder(name) for name in imported_modules(path)}
        assert below <= ROOMS[room] | {room}, f"{path} imports from {below}"
    assert all(FOLDERS[below] < FOLDERS[room] for below in ROOMS[room])
    # Checks of models stand above all of them.
    assert FOLDERS[room] < FOLDERS["geomnet.testing"]


def wrongly_called_errors(source: str) -> list[str]:
    """Classes that are called an error, and are made of nothing that is called one."""
    exceptional = ("Error", "Exception", "Warning")
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
        and node.name.endswith("Error")
        and not any(ast.unparse(b).endswith(exceptional) for b in node.bases)
    ]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_only_exceptions_are_called_errors(path):
    assert wrongly_called_errors((ROOT / path).read_text()) == []


def test_a_measured_error_is_told_from_an_exception():
    source = "class A{0}: ...\nclass BError{0}: ...\nclass CError(ValueError): ..."
    assert wrongly_called_errors(source.format("")) == ["BError"]
    assert wrongly_called_errors(source.format("(eqx.Module)")) == ["BError"]


@pytest.mark.parametrize("path", ALL_FILES, ids=str)
def test_files_are_short(path):
    assert len((ROOT / path).read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", FILES, ids=str)
def test_files_say_what_they_are(path):
    text = (ROOT / path).read_text()
    assert ast.get_docstring(ast.parse(text))
    assert not VAGUE & set(path.stem.strip("_").split("_"))


# Functions of more lines than this, without their docstring, and the reason.
MOST_LINES = 60
LONG_FUNCTIONS: dict[str, str] = {}


def functions(path: Path) -> list[ast.FunctionDef]:
    tree = ast.parse((ROOT / path).read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def lines_of_code(function: ast.FunctionDef) -> int:
    """Without the docstring, which is as long as its reader needs it."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return lines
    text = function.body[0]
    return lines - ((text.end_lineno or 0) - text.lineno + 1)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_functions_are_short_or_have_a_reason(path):
    for function in functions(path):
        name = f"{module_name(path)}.{function.name}"
        assert lines_of_code(function) <= MOST_LINES or name in LONG_FUNCTIONS, name


def unbounded_caches(text: str) -> list[str]:
    """Functions of something that remember every result for ever."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.args.args:
            names = [ast.unparse(decorator) for decorator in node.decorator_list]
            bad = {"functools.cache", "cache", "functools.lru_cache(maxsize=None)"}
            found += [node.name] if bad & set(names) else []
    return found


@pytest.mark.parametrize("path", FILES, ids=str)
def test_what_is_remembered_is_bounded(path):
    assert not unbounded_caches((ROOT / path).read_text())


def test_a_cache_without_bound_would_be_seen():
    assert unbounded_caches("@functools.cache\ndef f(grid):\n    pass\n") == ["f"]
    assert not unbounded_caches("@functools.cache\ndef f():\n    pass\n")


# A group and a signature travel as a `Representation`, a kernel's statics as a
# `KernelSpace`. Only who is called by users takes them apart.
SIDE_BY_SIDE = ({"group"}, {"signature", "in_signature", "out_signature", "fields"})


def travels_unnamed(function: ast.FunctionDef) -> bool:
    arguments = function.args
    names = {a.arg for a in (*arguments.posonlyargs, *arguments.args)}
    return all(names & part for part in SIDE_BY_SIDE)


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.parts[:2] == ("geomnet", "nn")], ids=str
)
def test_no_function_of_nn_takes_a_group_and_a_signature_side_by_side(path):
    named = [f.name for f in functions(path) if travels_unnamed(f)]
    assert set(named) <= {"__init__"}, path


def test_long_functions_and_unnamed_clumps_would_be_seen():
    long = "def f(group, signature):\n    'x'\n" + "    pass\n" * 60
    (function,) = ast.parse(long).body
    assert isinstance(function, ast.FunctionDef)
    assert lines_of_code(function) == MOST_LINES + 1
    assert travels_unnamed(function)


def test_importing_loads_nothing_that_only_some_need():
    heavy = (
        "sympy",
        "matplotlib",
        "h5py",
        "xarray",
        "tqdm",
        "pytest",
        "hypothesis",
        "scipy.sparse",
        # What imports Pallas.
        "geomnet.nn._execution._fused_kernels",
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
        *tools["coverage"]["run"]["source"],
    ]
    for name in folders:
        assert (ROOT / name).exists(), name
    for package in PACKAGES:
        assert (ROOT / package / "py.typed").is_file()


def uncounted_without_reason(text: str) -> list[str]:
    """Lines that coverage leaves out and that do not say why."""
    marked = [line for line in text.splitlines() if "# pragma: no cover" in line]
    return [line for line in marked if not re.search(r"no cover - \w+", line)]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_what_coverage_leaves_out_has_a_reason(path):
    assert uncounted_without_reason((ROOT / path).read_text()) == []


def test_a_line_left_out_without_a_reason_would_be_seen():
    assert uncounted_without_reason("x = 1  # pragma: no cover")
    assert not uncounted_without_reason("x = 1  # pragma: no cover - of a GPU")


HELD = re.compile(r"→ `([\w/.]+)::(\w+)`")


def lines_of_design(text: str) -> list[str]:
    """The conventions and decisions, one for each bullet."""
    body = text[text.index("## Conventions") :]
    return [" ".join(part.split()) for part in re.split(r"^- ", body, flags=re.M)[1:]]


def unheld(line: str) -> str:
    """Why no test holds a line of the design, or `""`."""
    cited = HELD.findall(line)
    if not cited and "No test: " not in line:
        return f"no test is named: {line[:60]}"
    for file, name in cited:
        path = ROOT / "tests" / file
        if not path.is_file() or f"def {name}(" not in path.read_text():
            return f"there is no {file}::{name}"
    return ""


def test_every_line_of_the_design_names_the_test_that_holds_it():
    lines = lines_of_design((ROOT / "DESIGN.md").read_text())
    assert len(lines) > 30
    assert not list(filter(None, map(unheld, lines)))


def test_a_line_of_the_design_without_its_test_would_be_seen():
    assert unheld("**One array** (C): nothing to concatenate.")
    assert unheld("**One array** (C). → `test_structure.py::test_of_nothing`")
    assert not unheld("**One array** (C). No test: a measurement.")
