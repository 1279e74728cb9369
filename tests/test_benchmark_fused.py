"""The sweep of the fused convolution: what it promises to whoever has a card."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SIZE, TILES = "2 + 2, 6², bfloat16", "4x4 16->16 w1 s1"
EXPECTED = [
    *(f"tiles, forward, {who}" for who in ("dense", TILES)),
    *(f"tiles, of_weights, {who}" for who in ("dense", f"{TILES}, 9 programs")),
    *(
        f"{what}, {who}"
        for what in ("forward", "with_gradients")
        for who in ("plain", "dense", "fused")
    ),
    "deviation",
    "best",
]


@pytest.mark.slow
def test_tiles_are_tried_and_the_best_stand_against_the_other_forms(tmp_path):
    path = tmp_path / "fused.json"
    command = [sys.executable, str(BENCHMARKS / "fused_convolution.py"), "--tiny"]
    run = subprocess.run(
        [*command, "--out", str(path)],
        capture_output=True,
        text=True,
        # Of this checkout, wherever the environment has another one.
        env={**os.environ, "PYTHONPATH": str(BENCHMARKS.parent)},
    )
    assert run.returncode == 0, run.stderr
    content = json.loads(path.read_text())
    assert content["finished"]
    rows = {row.pop("name"): row for row in content["rows"]}
    assert list(rows) == [f"{SIZE}, {name}" for name in EXPECTED]
    assert not any({"error", "skipped"} & set(row) for row in rows.values()), rows
    assert all(name in run.stdout for name in rows)
    deviation = rows[f"{SIZE}, deviation"]
    assert all(deviation[name] < 0.05 for name in deviation if name != "kind")
    assert "Tilings(" in rows[f"{SIZE}, best"]["tilings"]


@pytest.mark.parametrize("command", ["gpu.py", "fused_convolution.py"])
def test_what_can_not_be_is_refused_before_anything_is_measured(command, tmp_path):
    """With one voice, by every command for the minutes of a card."""
    path = tmp_path / "nowhere" / "rows.json"
    run = subprocess.run(
        [sys.executable, str(BENCHMARKS / command), "--tiny", "--out", str(path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(BENCHMARKS.parent)},
    )
    assert run.returncode == 2
    assert f"there is no folder {path.parent}: make it first." in run.stderr
    assert not run.stdout
