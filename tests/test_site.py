"""The site: every public name has its place, every page is run, what it names exists.

That links lead somewhere is what `mkdocs build --strict` says, in `.ci/run`.
"""

import ast
import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from . import pages as pages_module
from .pages import ROOT, blocks_of, call, pages, run_pages
from .public_names import defined_names, public_names

DOCS = ROOT / "docs"
# Folders of pages whose tests run every page that is there.
RUN_WHOLE = ("concepts", "how_to", "tutorials")
DIRECTIVE = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)


def wrong_in_reference(names: dict[str, Any], directives: list[str]) -> list[str]:
    """What is not there, is there twice, or does not exist.

    An object with several names is there once, by any of them.
    """
    unknown = [name for name in directives if name not in names]
    shown = [id(names[name]) for name in directives if name in names]
    missing = {id(v): name for name, v in names.items() if id(v) not in shown}
    twice = [n for n in directives if n in names and shown.count(id(names[n])) > 1]
    return unknown + list(missing.values()) + twice


def test_the_reference_has_every_public_name_once():
    names = public_names()
    text = "".join(path.read_text() for path in sorted((DOCS / "api").glob("*.md")))
    directives = DIRECTIVE.findall(text)
    assert len(directives) > 250
    assert wrong_in_reference(names, directives) == []
    assert wrong_in_reference(names, directives[1:]) != []
    assert wrong_in_reference(names, [*directives, directives[0]]) != []
    assert wrong_in_reference(names, [*directives, "geomnet.nothing"]) != []


def test_names_are_found_however_they_are_made():
    source = "from .a import b as b, c\nX = 1\nY: int = 2\ndef f(): ...\nclass _C: ..."
    assert defined_names(source) == ["b", "X", "Y", "f"]
    assert defined_names(f"if later:\n    from .a import d as d\n{source}")[-1] == "d"


def undocumented_constants(source: str) -> list[str]:
    """Constants of a module, public and in capitals or aliases, without words below."""
    body = [*ast.parse(source).body, ast.Pass()]
    wrong = []
    for node, below in itertools.pairwise(body):
        has_words = isinstance(below, ast.Expr) and isinstance(
            getattr(below.value, "value", None), str
        )
        if isinstance(node, ast.Assign | ast.AnnAssign) and not has_words:
            wrong += defined_names(ast.unparse(node))
    return wrong


def test_the_constants_of_the_reference_say_what_they_are():
    functions_and_classes = {
        name for name, value in public_names().items() if callable(value)
    }
    constants = {
        name.rpartition(".")[2]
        for name in public_names().keys() - functions_and_classes
    }
    constants |= {"Boundaries", "Faces"}
    assert len(constants) > 8
    for package in ("geomnet", "pde_data"):
        for path in sorted((ROOT / package).rglob("*.py")):
            silent = undocumented_constants(path.read_text())
            assert not constants & set(silent), path


def test_a_constant_without_words_would_be_seen():
    assert undocumented_constants("A = 1\nB: int = 2\n'x'\nC = 3") == ["A", "C"]


def untested(page: str, tests: str) -> bool:
    """Whether a page has code and no test reads it."""
    in_folder = page.split("/")[0] in RUN_WHOLE and "/" in page
    return bool(blocks_of(page)) and not in_folder and f'"{page}"' not in tests


def test_every_page_with_code_is_run():
    tests = "".join(p.read_text() for p in (ROOT / "tests").rglob("test_*.py"))
    assert not [page for page in pages() if untested(page, tests)]
    assert untested("training.md", "")
    for folder in RUN_WHOLE:
        assert f'"{folder}"' in tests


# Folders of `tests/` or files in them, as pages and the design name them.
NAMED_TEST = re.compile(r"`(?:tests/)?([\w/]+\.py)::(\w+)`")


def unknown_tests(text: str) -> list[str]:
    """The tests that a text names and that are not there."""
    wrong = []
    for file, name in NAMED_TEST.findall(text):
        path = ROOT / "tests" / file
        if not path.is_file() or f"def {name}(" not in path.read_text():
            wrong.append(f"{file}::{name}")
    return wrong


@pytest.mark.parametrize("page", ["../README.md", *pages()])
def test_the_tests_that_a_page_names_are_there(page):
    assert unknown_tests((DOCS / page).read_text()) == []


def test_a_page_that_does_not_run_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(pages_module, "as_program", lambda page: "raise ValueError")
    with pytest.raises(AssertionError, match=r"index\.md does not run"):
        run_pages(["index.md"], tmp_path)


def test_a_command_that_no_test_can_run_is_named():
    with pytest.raises(AssertionError, match="no test can run"):
        call(["pip", "install", "geomnet"])
    assert "geomnet.__main__" in call(["python", "-m", "geomnet", "filters"])


def test_a_test_that_is_not_there_would_be_seen():
    assert unknown_tests("`tests/test_site.py::test_of_nothing`")
    assert unknown_tests("`nowhere.py::test_of_nothing`")
    assert not unknown_tests("`test_site.py::test_every_page_with_code_is_run`")


def wrong_in_site(site: dict[str, Any], there: list[str]) -> list[str]:
    """Pages that the navigation lacks or has too many, links that may lead nowhere."""

    def names(entry: Any) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        values = entry.values() if isinstance(entry, dict) else entry
        return [name for value in values for name in names(value)]

    listed = names(site["nav"])
    wrong = sorted(set(listed) ^ set(there))
    wrong += [name for name in set(listed) if listed.count(name) > 1]
    rules = [r for part in site["validation"].values() for r in part.values()]
    if site["strict"] is not True or set(rules) != {"warn"}:
        wrong.append("warnings that are errors")
    return wrong


SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text())


def test_every_page_is_in_the_navigation_and_every_warning_an_error():
    assert wrong_in_site(SITE, pages()) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"nav": SITE["nav"][1:]},
        {"nav": [*SITE["nav"], SITE["nav"][0]]},
        {"nav": [*SITE["nav"], {"More": "more.md"}]},
        {"strict": False},
        {"validation": {"links": {"not_found": "info"}}},
    ],
    ids=["absent", "twice", "no page", "lax", "quiet"],
)
def test_a_site_that_lacks_something_would_be_seen(broken):
    assert wrong_in_site(SITE | broken, pages())


LINK = re.compile(r"\]\(([^)\s]+)\)")


def dead_links(text: str, folder: Path) -> list[str]:
    """Relative links of Markdown that lead to no file; within a page to no heading."""
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in heads}
    wrong = []
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        found = (folder / path).exists() if path else anchor in anchors
        wrong += [] if found else [link]
    return wrong


# Those of `docs/` are checked where the site is built.
BESIDES = ["README.md", "CONTRIBUTING.md", "DESIGN.md", "CHANGELOG.md", "SECURITY.md"]
BESIDES += ["benchmarks/README.md", "benchmarks/solver.md"]


@pytest.mark.parametrize("name", BESIDES)
def test_links_besides_the_site_lead_somewhere(name):
    path = ROOT / name
    assert dead_links(path.read_text(), path.parent) == []


def test_a_dead_link_would_be_seen():
    text = "# Here\n[a](#here) [b](#there) [c](nowhere.md) [d](README.md#part)"
    assert dead_links(text, ROOT) == ["#there", "nowhere.md"]
