"""The README is executed: its code runs, and its commands are those of CI."""

import re
import subprocess
import sys

from .pages import ROOT, as_a_user

README = (ROOT / "README.md").read_text()


def test_every_python_block_runs_in_order():
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) >= 3
    script = "import matplotlib\nmatplotlib.use('Agg')\n" + "\n".join(blocks)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=as_a_user(),
        check=False,
    )
    assert run.returncode == 0, run.stderr


def test_code_comes_before_line_20():
    lines = README.splitlines()
    assert lines.index("```python") < 20


def test_ci_runs_the_test_command_of_the_readme():
    commands = re.findall(r"^python3 -m venv .*$", README, flags=re.MULTILINE)
    assert len(commands) == 2
    assert commands[1] in (ROOT / ".ci" / "run").read_text().splitlines()
    assert "examples/compressible_navier_stokes.py" in commands[0]
