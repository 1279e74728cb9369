"""Hooks, CI, pins and versions agree with each other.

A law is a function that lists what is wrong: nothing in the project's own files,
something in a broken copy of them.
"""

import copy
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
CI = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
NIGHTLY = (ROOT / ".github" / "workflows" / "nightly.yml").read_text()
RUN = (ROOT / ".ci" / "run").read_text()
SLOW = (ROOT / ".ci" / "nightly").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
OLDEST = (ROOT / ".github" / "oldest.txt").read_text()
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
TEST_COMMAND = re.findall(
    r"^python3 -m venv .*pytest.*$", (ROOT / "README.md").read_text(), re.MULTILINE
)[0]

# The distribution that brings a command.
BROUGHT_BY = {"ruff": "ruff", "pyright": "pyright"} | dict.fromkeys(
    (
        "end-of-file-fixer",
        "trailing-whitespace-fixer",
        "check-added-large-files",
        "check-yaml",
        "check-toml",
        "check-merge-conflict",
    ),
    "pre-commit-hooks",
)
# The extras that users install; the others are tools.
USED = ("data", "plot", "xarray", "examples", "notebooks")


def numbers(version: str) -> tuple[int, ...]:
    """The parts of a version, without zeros at the end: 0.8 is 0.8.0."""
    return tuple(int(part) for part in re.sub(r"(\.0)+$", "", version).split("."))


def split(requirement: str) -> tuple[str, str, str]:
    """The name, the comparison and the version of `name[extra]==1.2`."""
    match = re.fullmatch(r"([\w-]+)(?:\[[\w,]+\])?(?:(==|>=)([\d.]+))?", requirement)
    assert match, f"{requirement}: one comparison, == or >="
    return match[1], match[2] or "", match[3] or ""


def pins(lines: list[str]) -> dict[str, str]:
    """The versions that are pinned with ==, by name."""
    parts = [split(line) for line in lines]
    return {name: version for name, comparison, version in parts if comparison == "=="}


def extras(project: dict[str, Any]) -> dict[str, list[str]]:
    return project["project"]["optional-dependencies"]


def tools_without_a_pin(hooks: dict[str, Any], project: dict[str, Any]) -> list[str]:
    pinned = pins(extras(project)["dev"])
    commands = [
        hook["entry"].split()[0] for repo in hooks["repos"] for hook in repo["hooks"]
    ]
    assert len(commands) > 5
    wrong = [c for c in commands if BROUGHT_BY.get(c) not in pinned]
    if "pre-commit" not in pinned:
        wrong.append("pre-commit")
    required = project["tool"]["ruff"]["required-version"]
    if required != f"=={pinned.get('ruff')}":
        wrong.append(f"ruff {required}")
    return wrong


def hooks_from_elsewhere(hooks: dict[str, Any]) -> list[str]:
    """Hooks that would be fetched, in versions that the `dev` extra does not pin."""
    wrong = [repo["repo"] for repo in hooks["repos"] if repo["repo"] != "local"]
    for repo in hooks["repos"]:
        wrong += [h["id"] for h in repo["hooks"] if h.get("language") != "system"]
    return wrong


def fixers_of_golden_files(hooks: dict[str, Any]) -> list[str]:
    """Fixers that may rewrite a checkpoint or a picture."""
    wrong = []
    for hook in (hook for repo in hooks["repos"] for hook in repo["hooks"]):
        if hook["entry"].split()[0].endswith("-fixer"):
            spares = re.search(hook.get("exclude", "^$"), "tests/checkpoints/1/a.ckpt")
            if not spares or hook.get("types") != ["text"]:
                wrong.append(hook["id"])
    return wrong


def missing_from_run(script: str) -> list[str]:
    lines = [line for line in script.splitlines() if line.strip()]
    wrong = []
    if lines[-1] != TEST_COMMAND:
        wrong.append("the README's test command as the last line")
    if not any("pre-commit run --all-files" in line for line in lines[:-1]):
        wrong.append("the hooks, before the tests")
    if not any("mkdocs build --strict" in line for line in lines[:-1]):
        wrong.append("the site, before the tests")
    if "set -euo pipefail" not in lines:
        wrong.append("to stop at the first failure")
    if not any("pip install" in line and "'.[dev]'" in line for line in lines):
        wrong.append("the pinned tools")
    return wrong


def pythons_that_differ(workflow: dict[str, Any], project: dict[str, Any]) -> list[str]:
    """Versions of Python that the workflow tests or the project claims, not both."""
    tested = workflow["jobs"]["tests"]["strategy"]["matrix"]["python"]
    claimed = re.findall(
        r"Python :: (\d\.\d+)\n", "\n".join(project["project"]["classifiers"]) + "\n"
    )
    wrong = sorted(set(tested) ^ set(claimed))
    oldest = min(tested, key=numbers)
    if project["project"]["requires-python"] != f">={oldest}":
        wrong.append("requires-python")
    if project["tool"]["pyright"]["pythonVersion"] != oldest:
        wrong.append("pyright's version")
    return wrong


def workflow_lacks(workflow: dict[str, Any]) -> list[str]:
    tests = workflow["jobs"]["tests"]
    matrix = tests["strategy"]["matrix"]
    commands = [
        step.get("run", "")
        for job in workflow["jobs"].values()
        for step in job["steps"]
    ]
    wrong = []
    if commands.count(TEST_COMMAND) != 1:
        wrong.append("the README's test command")
    if sum("pre-commit run --all-files" in command for command in commands) != 1:
        wrong.append("the hooks, once")
    if commands.count("mkdocs build --strict") != 1:
        wrong.append("the site, once")
    if workflow["permissions"] != {"contents": "read"}:
        wrong.append("permissions to read alone")
    oldest = {"python": matrix["python"][0], "constraint": ".github/oldest.txt"}
    for system in matrix["os"]:
        row = {"os": system, **oldest}
        if not any(found.items() >= row.items() for found in matrix["include"]):
            wrong.append(f"the oldest versions on {system}")
    if "matrix.constraint" not in tests["env"]["PIP_CONSTRAINT"]:
        wrong.append("the use of oldest.txt")
    return wrong


def packages_untested(workflow: dict[str, Any]) -> list[str]:
    """Pythons and versions for which no wheel is built, installed and tested."""
    job = workflow["jobs"].get("package", {"steps": []})
    commands = " ".join(step.get("run", "") for step in job["steps"])
    rows = job.get("strategy", {}).get("matrix", {}).get("include", [])
    found = {(row["python"], row["versions"]) for row in rows}
    pythons = workflow["jobs"]["tests"]["strategy"]["matrix"]["python"]
    wrong = sorted({(pythons[0], "oldest"), (pythons[-1], "newest")} - found)
    called = ".ci/package python ${{ matrix.versions }}" in commands
    return [" ".join(pair) for pair in wrong] + ([] if called else ["the command"])


def bounds_that_differ(constraints: str, project: dict[str, Any]) -> list[str]:
    """Lower bounds that `oldest.txt` lacks or has with another version."""
    lines = [line for line in constraints.splitlines() if line and line[0] != "#"]
    oldest = pins(lines)
    required = [split(line) for line in project["project"]["dependencies"]]
    for extra in USED:
        required += [split(line) for line in extras(project)[extra]]
    bounds = {name: version for name, how, version in required if how == ">="}
    assert len(bounds) > 5
    wrong = [line for line in lines if "==" not in line]
    for name, bound in {**bounds, "jaxlib": bounds["jax"]}.items():
        if name not in oldest or numbers(oldest[name]) != numbers(bound):
            wrong.append(name)
    return wrong


def missing_from_nightly(script: str, workflow: str, guide: str) -> list[str]:
    """The slow tests have one command: run every night, and named to contributors."""
    wrong = []
    if not script.strip().endswith("-m pytest -q -m slow -n 2"):
        wrong.append("the slow tests as the last line")
    if "notebooks]'" not in script:
        wrong.append("what runs the notebooks")
    if "- run: .ci/nightly\n" not in workflow or "schedule:" not in workflow:
        wrong.append("the command, in the workflow")
    if ".ci/nightly" not in guide:
        wrong.append("the command, in CONTRIBUTING.md")
    return wrong


def citation_differs(citation: dict[str, Any], project: dict[str, Any]) -> list[str]:
    ours = project["project"]
    expected = {
        "cff-version": "1.2.0",
        "title": ours["name"],
        "version": ours["version"],
        "license": ours["license"],
        "authors": ours["authors"],
    }
    wrong = [key for key, value in expected.items() if citation.get(key) != value]
    return wrong + [key for key in ("message", "abstract") if not citation.get(key)]


def absent_from_sdist(project: dict[str, Any]) -> list[str]:
    """What the list names and the tree lacks, or the tests read and the list lacks."""
    listed = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    read = {"tests", "docs", "examples", "benchmarks", "README.md", ".ci", ".github"}
    read |= {".pre-commit-config.yaml", "CITATION.cff", "CONTRIBUTING.md"}
    read |= {"mkdocs.yml", "DESIGN.md", "CHANGELOG.md"}
    return [name for name in listed if not (ROOT / name).exists()] + sorted(
        read - set(listed)
    )


def changed(value: Any, *path: Any, to: Any) -> Any:
    """A copy with one entry changed, deep inside."""
    value = copy.deepcopy(value)
    inner = value
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = to
    return value


def with_dev(*tools: str) -> dict[str, Any]:
    return changed(
        PROJECT,
        "project",
        "optional-dependencies",
        "dev",
        to=["geomnet[test,docs]", *tools],
    )


HOOK = ("repos", 0, "hooks", 0)
MATRIX = ("jobs", "tests", "strategy", "matrix")
SDIST = ("tool", "hatch", "build", "targets", "sdist", "include")
FIXER = {"id": "fixer", "entry": "end-of-file-fixer"}

LAWS = [
    (tools_without_a_pin, HOOKS, PROJECT),
    (hooks_from_elsewhere, HOOKS),
    (fixers_of_golden_files, HOOKS),
    (missing_from_run, RUN),
    (missing_from_nightly, SLOW, NIGHTLY, CONTRIBUTING),
    (pythons_that_differ, CI, PROJECT),
    (workflow_lacks, CI),
    (packages_untested, CI),
    (bounds_that_differ, OLDEST, PROJECT),
    (citation_differs, CITATION, PROJECT),
    (absent_from_sdist, PROJECT),
]

BROKEN = [
    (tools_without_a_pin, HOOKS, with_dev("ruff>=0.12", "pre-commit==4.7.0")),
    (tools_without_a_pin, changed(HOOKS, *HOOK, "entry", to="black ."), PROJECT),
    (
        tools_without_a_pin,
        HOOKS,
        changed(PROJECT, "tool", "ruff", "required-version", to="==0.1"),
    ),
    (hooks_from_elsewhere, changed(HOOKS, "repos", 0, "repo", to="example/hooks")),
    (hooks_from_elsewhere, changed(HOOKS, *HOOK, "language", to="node")),
    (fixers_of_golden_files, changed(HOOKS, *HOOK, to={**FIXER, "types": ["text"]})),
    (fixers_of_golden_files, changed(HOOKS, *HOOK, to={**FIXER, "exclude": "^tests"})),
    (missing_from_run, RUN + "echo done\n"),
    (missing_from_run, RUN.replace("pre-commit run --all-files", "true")),
    (missing_from_run, RUN.replace("--strict", "")),
    (missing_from_run, RUN.replace("set -euo pipefail", "")),
    (missing_from_run, RUN.replace("[dev]", "[test]")),
    (missing_from_nightly, SLOW.replace("-m slow", ""), NIGHTLY, CONTRIBUTING),
    (missing_from_nightly, SLOW.replace(",notebooks", ""), NIGHTLY, CONTRIBUTING),
    (missing_from_nightly, SLOW, NIGHTLY.replace(".ci/nightly", ""), CONTRIBUTING),
    (missing_from_nightly, SLOW, NIGHTLY, CONTRIBUTING.replace(".ci/nightly", "")),
    (pythons_that_differ, changed(CI, *MATRIX, "python", to=["3.11"]), PROJECT),
    (
        pythons_that_differ,
        CI,
        changed(PROJECT, "project", "requires-python", to=">=3.10"),
    ),
    (pythons_that_differ, CI, changed(PROJECT, "project", "classifiers", to=[])),
    (
        pythons_that_differ,
        CI,
        changed(PROJECT, "tool", "pyright", "pythonVersion", to="3.13"),
    ),
    (workflow_lacks, changed(CI, "jobs", "tests", "steps", to=[{"run": "pytest"}])),
    (workflow_lacks, changed(CI, "jobs", "hooks", "steps", to=[])),
    (workflow_lacks, changed(CI, "permissions", to={"contents": "write"})),
    (workflow_lacks, changed(CI, *MATRIX, "include", to=[])),
    (workflow_lacks, changed(CI, "jobs", "tests", "env", "PIP_CONSTRAINT", to="")),
    (packages_untested, changed(CI, "jobs", "package", "steps", to=[])),
    (packages_untested, changed(CI, "jobs", "package", "strategy", to={})),
    (bounds_that_differ, re.sub(r"jax==.*\n", "", OLDEST), PROJECT),
    (bounds_that_differ, re.sub(r"jaxlib==.*", "jaxlib==0.7", OLDEST), PROJECT),
    (bounds_that_differ, OLDEST.replace("numpy==", "numpy>="), PROJECT),
    (
        bounds_that_differ,
        OLDEST,
        changed(PROJECT, "project", "dependencies", 0, to="jax>=0.9"),
    ),
    (citation_differs, CITATION, changed(PROJECT, "project", "version", to="9.9")),
    (citation_differs, changed(CITATION, "authors", to=[]), PROJECT),
    (citation_differs, changed(CITATION, "message", to=""), PROJECT),
    (absent_from_sdist, changed(PROJECT, *SDIST, to=["tests", "docs"])),
    (absent_from_sdist, changed(PROJECT, *SDIST, 0, to="no such folder")),
]


@pytest.mark.parametrize("row", LAWS, ids=lambda row: row[0].__name__)
def test_nothing_is_wrong(row):
    find, *files = row
    assert find(*files) == []


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: row[0].__name__)
def test_what_is_broken_is_found(row):
    find, *files = row
    assert find(*files)


def test_every_law_can_fail():
    assert {row[0] for row in LAWS} == {row[0] for row in BROKEN}


@pytest.mark.parametrize(
    "path",
    [
        ROOT / ".pre-commit-config.yaml",
        ROOT / "CITATION.cff",
        *sorted((ROOT / ".github").rglob("*.yml")),
    ],
    ids=lambda path: path.name,
)
def test_configuration_parses(path):
    assert yaml.safe_load(path.read_text())


def test_a_broken_configuration_does_not_parse():
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load("jobs: [tests")


@pytest.mark.parametrize("name", ["run", "nightly", "package"])
def test_commands_can_be_run(name):
    assert (ROOT / ".ci" / name).stat().st_mode & 0o111
