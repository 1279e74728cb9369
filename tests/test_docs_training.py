"""The page on training is executed: its blocks run, in order."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "training.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_every_block_runs_in_order(tmp_path):
    assert len(BLOCKS) >= 5
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(BLOCKS)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)},
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
