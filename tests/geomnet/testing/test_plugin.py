"""The pytest plugin, as a user's suite sees it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]

SUITE = """
import equinox as eqx, geomnet as gn, jax, pytest

@pytest.mark.equivariant(grid=(4, 4), dtypes=())
def test_my_layer():
    return gn.nn.Gate(gn.hyperoctahedral(2), "0+ 1+", key=jax.random.key(0))

@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.equivariant([(4, 4)], (), group=gn.hyperoctahedral(2), in_signature="0+")
def test_broken(axis):
    return lambda x: x.with_array(jax.numpy.roll(x.array, 1, axis))

@pytest.mark.equivariant(grid=(4, 4))
def test_nothing():
    pass

@pytest.mark.equivariant
def test_no_grid():
    return gn.nn.Gate(gn.hyperoctahedral(2), "0+ 1+", key=jax.random.key(0))

class Own(eqx.Module):
    factor: jax.Array

    def __call__(self, image):
        return image.with_array(image.array * self.factor)

SQUARE = gn.hyperoctahedral(2)

@pytest.mark.equivariant(grid=(4, 4), dtypes=(), group=SQUARE, in_signature="0+ 1+")
def test_a_module_of_ones_own():
    return Own(jax.numpy.ones(()))

@pytest.mark.equivariant(grid=(4, 4), dtypes=())
def test_what_says_it_in_plain_attributes():
    class Says(Own):
        group = SQUARE
        signature = "0+ 1+"
    return Says(jax.numpy.ones(()))

@pytest.mark.equivariant([(4, 4)], (), group=SQUARE, in_signature="0+", feature_axis=0)
def test_a_layer_of_equinox():
    return eqx.nn.Conv2d(1, 1, 1, key=jax.random.key(0))

@pytest.mark.equivariant(grid=(4, 4), dtypes=())
def test_own_unsaid():
    return Own(jax.numpy.ones(()))

@pytest.mark.equivariant([(4, 4)], (), group=SQUARE, in_signature="0+")
def test_arrays_unsaid():
    return eqx.nn.Conv2d(1, 1, 1, key=jax.random.key(0))

def test_shown():
    x = gn.random_image("0+", (4, 4), key=jax.random.key(0))
    gn.testing.assert_equivariant(lambda v: v.with_array(v.array[::-1]), x, SQUARE)

def test_shown_of_a_kind():
    gn.testing.assert_equivariant(lambda v: v, 1, "square")

def test_fixtures(assert_equivariant, certify):
    group = gn.hyperoctahedral(1)
    x = gn.random_image("0+", (4,), key=jax.random.key(0))
    assert_equivariant(lambda v: v * 2.0, x, group)
    assert certify(lambda v: v, (4,), (), group=group, in_signature="0+").passed
"""


def test_a_suite_with_marker_and_fixtures(tmp_path):
    (tmp_path / "test_user.py").write_text(SUITE)
    result = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "geomnet_pytest", "-q"),
            *("-p", "no:cacheprovider", "--strict-markers", "-W", "error"),
            *("--rootdir", str(tmp_path), str(tmp_path), "--junit-xml", "out.xml"),
        ],
        cwd=tmp_path,
        # The plugin by name alone: an installed geomnet would register it twice.
        env={
            "PYTHONPATH": str(ROOT),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PATH": "",
            "HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
    )
    out = result.stdout
    assert "8 failed, 5 passed" in out, out + result.stderr
    failed = ("broken[0]", "broken[1]", "nothing", "no_grid", "own_unsaid")
    for name in (f"test_{end}" for end in (*failed, "arrays_unsaid", "shown")):
        assert f"FAILED test_user.py::{name}" in out
    assert "<lambda> DOES NOT COMMUTE with hyperoctahedral(2)" in out
    assert "returns nothing: let it return the model" in out
    assert "needs a grid" in out
    assert "`group` is not given and Own has no `group`" in out
    assert "For a model of arrays say `feature_axis=0`" in out
    # Of the library's source nothing is shown: the test, and the message.
    assert "`group` must be a Group" in out
    for shown in ("test_shown ", "test_shown_of_a_kind ", "test_own_unsaid "):
        section = re.split(r"\n[_=]{4,}", out.split(f"_ {shown}_")[1])[0]
        lines = [line for line in section.splitlines() if line.strip("_ ")]
        assert len(lines) < 8, section
        assert "/geomnet/" not in section
    assert 'name="equivariance_error"' in (tmp_path / "out.xml").read_text()


def test_the_plugin_is_found_on_install_and_imports_nothing():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    entry = project["project"]["entry-points"]["pytest11"]["geomnet"]
    assert entry == "geomnet_pytest"
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert f"{entry}.py" in packages
    code = (
        f"import sys, {entry}; print([m for m in ('geomnet', 'jax', 'equinox') "
        "if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert result.stdout.strip() == "[]", result.stderr
