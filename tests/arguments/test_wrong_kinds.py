"""Arguments of the wrong kind are refused in words, over the whole public API."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]


def _wrong_kinds() -> ModuleType:
    path = FOLDER / "wrong_kinds.py"
    spec = importlib.util.spec_from_file_location("wrong_kinds", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("package", ["geomnet", "pde_data"])
def test_every_argument_of_every_public_callable_is_refused_in_words(package):
    """The rows are complete: what is public and has none is among the faults."""
    run = subprocess.run(
        [sys.executable, str(FOLDER / "wrong_kinds.py"), package],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout.splitlines()[-1]) == []


def careless(image, times, name="a"):
    return image.array + len(times), name.upper()


def careful(number):
    if not isinstance(number, int):
        raise TypeError(f"`number` must be an integer, got {number!r}.")


def test_what_is_not_refused_in_words_would_be_seen():
    module = _wrong_kinds()
    image = type("Image", (), {"array": 1.0})()
    row = {"image": image, "times": [1], "name": "a"}
    found = list(module.faults({"careless": (careless, row)}, {}))
    assert any("careless(image=None): AttributeError" in line for line in found)
    assert any("careless(times=an integer): TypeError" in line for line in found)
    assert not any("name=a text" in line for line in found)
    # One that passes here must be raised by the packages: not by what stands here.
    found = list(module.faults({"careful": (careful, {"number": 1})}, {}))
    assert any("careful(number=None): TypeError" in line for line in found)
    assert not any("number=an integer" in line for line in found)


def test_the_packages_check_with_one_voice():
    """They do not import each other, so that the file is there twice."""
    texts = {(ROOT / p / "_arguments.py").read_text() for p in ("geomnet", "pde_data")}
    assert len(texts) == 1
