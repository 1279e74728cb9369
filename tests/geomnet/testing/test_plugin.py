"""The pytest plugin, as a user's suite sees it."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]

SUITE = """
import geomnet as gn, jax, pytest

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
    assert "4 failed, 2 passed" in out, out + result.stderr
    for name in ("test_broken[0]", "test_broken[1]", "test_nothing", "test_no_grid"):
        assert f"FAILED test_user.py::{name}" in out
    assert "<lambda> DOES NOT COMMUTE with hyperoctahedral(2)" in out
    assert "returns nothing: let it return the model" in out
    assert "needs a grid" in out
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
