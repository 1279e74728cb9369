"""Pages and examples as their readers run them: in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Compiling is the cost of short programs, and XLA compiles twice as fast so. For tests
# of what a program does, not of its bits.
QUICKLY = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}


def as_a_user(**environment: str) -> dict[str, str]:
    """The environment of a process that finds the packages of this tree."""
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": paths, **QUICKLY, **environment}


def blocks_of(page: str) -> list[str]:
    """The blocks of Python code of a page of `docs/`, in order."""
    text = (ROOT / "docs" / page).read_text()
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


def run_python(*arguments: str, cwd: Path, **environment: str) -> str:
    """What Python prints, with every warning an error; fails with what it says."""
    run = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=as_a_user(**environment),
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
