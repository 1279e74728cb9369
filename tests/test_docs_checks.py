"""The page on checks is executed: its blocks run, in order, as its reader would."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "checks.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def _run(*arguments, cwd, **environment):
    run = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(cwd), **environment},
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_every_block_runs_in_order(tmp_path):
    assert len(BLOCKS) >= 8
    out = _run("-c", "\n".join(BLOCKS), cwd=tmp_path)
    assert "Conv commutes with hyperoctahedral(2), 8 elements" in out
    assert "`omega` behaves as 0-, you declared 0+" in out


def test_the_block_for_pytest_is_a_suite_that_passes(tmp_path):
    (block,) = [b for b in BLOCKS if "pytest.mark.equivariant" in b]
    (tmp_path / "test_models.py").write_text(block)
    out = _run(
        *("-m", "pytest", "-q", "-p", "geomnet_pytest", "-p", "no:cacheprovider"),
        str(tmp_path),
        cwd=tmp_path,
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    )
    assert "2 passed" in out
