"""Pages of the documentation as their readers run them: in a process of its own."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


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
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(cwd), **environment},
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
