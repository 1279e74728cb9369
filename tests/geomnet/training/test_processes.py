"""Runs of several processes on this machine are the run of one."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
TOLERANCE = 1e-5  # of float32, as in `on_a_mesh.py`

pytestmark = pytest.mark.slow


def run(path, what="", *, processes=2, devices=2, steps=20):
    """What each process has printed, its status and what it said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = Path(__file__).with_name("one_of_several.py")
    started = [
        subprocess.Popen(
            [
                sys.executable,
                script,
                *map(str, (number, processes, port, devices, path, steps, what)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for number in range(processes)
    ]
    try:
        said = [process.communicate(timeout=150) for process in started]
    finally:
        for process in started:
            process.kill()
    return [
        ([*map(json.loads, filter(_is_found, out.splitlines())), {}][0], process, error)
        for process, (out, error) in zip(started, said, strict=True)
    ]


def _is_found(line: str) -> bool:
    return line.startswith("{")


def assert_same(found, expected):
    for name in ("training", "validation", "smse", "written"):
        assert np.allclose(found[name], expected[name], rtol=TOLERANCE), name
    for a, b in zip(found["weights"], expected["weights"], strict=True):
        assert np.allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    path = tmp_path_factory.mktemp("alone") / "run"
    return run(path, processes=1, devices=1)[0][0]


def test_two_processes_are_one_and_share_each_batch_without_overlap(alone, tmp_path):
    found = [one for one, process, _ in run(tmp_path / "run")]
    for one in found:
        assert_same(one, alone)
    # Validation aside, which takes all eight windows; the first batch is noted whole.
    assert [one["reports"] for one in found] == [[10, 20], []]
    first, second, whole = (one["taken"] for one in (*found, alone))
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if len(a) == 2]
    assert [a + b for a, b in pairs] == [batch for batch in whole if len(batch) == 4]


def test_a_run_is_gone_on_with_by_another_number_of_processes(alone, tmp_path):
    path = tmp_path / "run"
    run(path, steps=10)
    (found, process, _) = run(path, processes=1, devices=4)[0]
    assert process.returncode == 0
    assert_same(found, alone | {"validation": found["validation"]})
    run(path, processes=1, devices=1, steps=30)
    found = [one for one, *_ in run(path, steps=40)]
    assert [one["training"] for one in found] == [found[0]["written"]] * 2
    assert found[0]["training"][-1][0] == 40


def test_an_exception_in_one_process_ends_the_other_which_says_why(tmp_path):
    (_, first, said), (found, second, _) = run(tmp_path / "run", "raise")
    assert found["error"] == "OSError: the disk is gone"
    assert first.returncode == 1
    assert second.returncode != 0
    assert "process 1 has ended by OSError: the disk is gone. No checkpoint" in said


def test_a_process_that_is_killed_ends_the_other(tmp_path):
    (found, first, said), (_, second, _) = run(tmp_path / "run", "die")
    assert not found
    assert first.returncode != 0
    assert second.returncode == 7
    assert "have crashed" in said


def test_a_signal_to_one_process_stops_all_after_the_same_step(tmp_path):
    path = tmp_path / "run"
    for found, process, _ in run(path, "stop", steps=40):
        assert found["error"].startswith("Terminated: Stopped at step 20 of 40")
        assert process.returncode == 1
    for found, *_ in run(path, steps=30):
        assert found["training"][-1][0] == 30


def test_processes_of_other_versions_and_settings_are_refused(tmp_path):
    for found, process, _ in run(tmp_path / "run", "version"):
        text = "in process 0, 0.0.1 in process 1. Give all of them the same versions"
        assert found["error"].startswith("ValueError: Processes differ: versions.jax:")
        assert text in found["error"]
        assert found["taken"] == []
        assert process.returncode == 1
    for found, *_ in run(tmp_path / "run", "weights"):
        assert "the weights to begin with, in process 0 and 1" in found["error"]
