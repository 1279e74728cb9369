"""What `.ci/package` asks of wheel and sdist, which it builds, installs and tests."""

import importlib.util
import tarfile
import tomllib
import zipfile
from typing import Any

import pytest

from .pages import ROOT

_SPEC = importlib.util.spec_from_file_location(
    "package_content", ROOT / ".ci" / "package_content.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
content: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(content)

WHEEL = [*content.IN_WHEEL, "g.dist-info/licenses/LICENSE", "g.dist-info/RECORD"]
SDIST = [f"geomnet-1/{name}" for name in content.IN_SDIST]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_what_is_asked_for_is_in_the_tree():
    for name in (*content.IN_WHEEL, *content.IN_SDIST):
        assert (ROOT / name).is_file(), name
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert scripts["entry-points"]["pytest11"] == {"geomnet": "geomnet_pytest"}


def test_a_whole_wheel_and_a_whole_sdist_pass():
    assert content.wrong_in_wheel(WHEEL, content.PLUGIN) == []
    assert content.wrong_in_sdist(SDIST) == []


@pytest.mark.parametrize("missing", range(len(WHEEL) - 1))
def test_a_wheel_that_lacks_something_is_found(missing):
    names = WHEEL[:missing] + WHEEL[missing + 1 :]
    assert content.wrong_in_wheel(names, content.PLUGIN)


@pytest.mark.parametrize(
    "more", ["tests/conftest.py", "docs/index.md", "geomnet/__pycache__/a.pyc"]
)
def test_a_wheel_with_more_than_the_packages_is_found(more):
    assert content.wrong_in_wheel([*WHEEL, more], content.PLUGIN) == [f"{more} besides"]
    assert content.wrong_in_wheel(WHEEL, "") == ["no plugin for pytest"]


def test_an_sdist_that_lacks_or_has_too_much_is_found():
    assert content.wrong_in_sdist(SDIST[1:]) == [f"no {content.IN_SDIST[0]}"]
    assert content.wrong_in_sdist([*SDIST, "geomnet-1/outputs/a"])


@pytest.mark.parametrize("whole", [True, False])
def test_files_are_read_and_the_exit_code_says_it(whole, tmp_path, capsys):
    wheel, sdist = tmp_path / "a.whl", tmp_path / "a.tar.gz"
    with zipfile.ZipFile(wheel, "w") as file:
        for name in WHEEL if whole else WHEEL[1:]:
            file.writestr(name, "")
        file.writestr("g.dist-info/entry_points.txt", content.PLUGIN)
    with tarfile.open(sdist, "w:gz") as file:
        for name in SDIST:
            file.addfile(tarfile.TarInfo(name))
    assert content.main(str(wheel), str(sdist)) == (0 if whole else 1)
    assert ("no geomnet/__init__.py" in capsys.readouterr().err) != whole


@pytest.mark.parametrize("page", ["CHANGELOG.md", "docs/release_notes.md"])
def test_the_version_is_in_the_changelog_and_the_release_notes(page):
    lines = (ROOT / page).read_text().splitlines()
    heads = {f"## [{VERSION}]", f"## {VERSION},"}
    assert any(line.startswith(tuple(heads)) for line in lines)
