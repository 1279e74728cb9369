"""The README is executed: its code runs, and its commands are those of CI."""

import re

from .pages import ROOT, run_python

README = (ROOT / "README.md").read_text()


def test_every_python_block_runs_in_order():
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) >= 3
    script = "import matplotlib\nmatplotlib.use('Agg')\n" + "\n".join(blocks)
    run_python("-c", script, cwd=ROOT)


def test_code_comes_before_line_20():
    lines = README.splitlines()
    assert lines.index("```python") < 20


def test_ci_runs_the_test_command_of_the_readme():
    commands = re.findall(r"^python3 -m venv .*$", README, flags=re.MULTILINE)
    assert len(commands) == 2
    assert commands[1] in (ROOT / ".ci" / "run").read_text().splitlines()
    assert "examples/compressible_navier_stokes.py" in commands[0]
