"""The main job end to end, on a tiny grid; Ctrl-C and going on; wrong settings."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .pages import ROOT, as_a_user

EXAMPLE = ROOT / "examples" / "compressible_navier_stokes.py"
TINY = {
    "grid": 8,
    "train-trajectories": 2,
    "valid-trajectories": 1,
    "test-trajectories": 1,
    "past": 2,
    "rollout-steps": 3,
    "hidden": "2x0+ 2x1+ 1x0-",
    "modes": 3,
    "steps": 6,
    "batch-size": 4,
    "validate-every": 3,
}


def command(out: Path, **changes: object) -> list[str]:
    settings = TINY | {name.replace("_", "-"): value for name, value in changes.items()}
    options = [
        str(word) for item in settings.items() for word in (f"--{item[0]}", item[1])
    ]
    return [sys.executable, "-W", "error", str(EXAMPLE), "--out", str(out), *options]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The output folder of one finished run, and what it printed."""
    out = tmp_path_factory.mktemp("run")
    run = subprocess.run(command(out), capture_output=True, text=True, env=as_a_user())
    assert run.returncode == 0, run.stderr
    return out, run.stdout


def test_everything_promised_is_in_the_folder(finished):
    out, _ = finished
    names = {path.name for path in out.iterdir()}
    assert names >= {
        "metrics.json",
        "flow_8.hdf5",
        "equivariant.checkpoint",
        "plain.checkpoint",
        "learning_curves.png",
        "rollout.png",
        "rollout_error.png",
        "filters_scalar.png",
        "filters_vector.png",
        "filters_pseudovector.png",
    }


def test_the_metrics_say_what_was_measured(finished):
    report = json.loads((finished[0] / "metrics.json").read_text())
    for result in report["models"].values():
        assert set(result["one_step"]) == {"train", "valid", "test"}
        assert len(result["rollout_smse_per_step"]) == 3
        total = sum(result["rollout_smse_per_step"])
        assert abs(total - result["rollout_smse_sum"]) < 1e-6 * total
        assert len(result["moved_test"]["smse_per_element"]) == 8
    net, twin = report["models"]["equivariant"], report["models"]["plain"]
    assert net["components"] == twin["components"]
    assert net["equivariance_error"]["float32"] < 2e-5
    assert net["equivariance_error"]["float64"] < 1e-12
    assert net["moved_test"]["largest_relative_change"] < 1e-5
    # The twin knows no symmetry, so that the check can fail.
    assert twin["equivariance_error"]["float64"] > 1e-3
    assert twin["moved_test"]["largest_relative_change"] > 1e-4


@pytest.mark.slow
def test_a_second_run_reuses_the_data_and_the_trained_models(finished):
    out, _ = finished
    before = (out / "flow_8.hdf5").stat().st_mtime_ns
    run = subprocess.run(command(out), capture_output=True, text=True, env=as_a_user())
    assert run.returncode == 0, run.stderr
    assert (out / "flow_8.hdf5").stat().st_mtime_ns == before
    assert "going on from step 6" in run.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_what_was_reached_and_the_same_command_goes_on(kind, tmp_path):
    long = command(tmp_path, steps=2000)
    run = subprocess.Popen(
        long,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=as_a_user(),
    )
    while not (tmp_path / "equivariant.checkpoint.lock").exists():
        assert run.poll() is None
        time.sleep(0.1)
    time.sleep(random.uniform(0, 20))
    os.kill(run.pid, kind)
    _, errors = run.communicate(timeout=120)
    assert run.returncode == {signal.SIGINT: 1, signal.SIGTERM: 143}[kind]
    assert "Stopped at step" in errors
    assert "Traceback" not in errors
    if kind == signal.SIGINT:
        assert "Run the same command to go on" in errors
    assert (tmp_path / "equivariant.checkpoint").exists()
    again = subprocess.Popen(long, stdout=subprocess.PIPE, text=True, env=as_a_user())
    assert again.stdout is not None
    assert "going on from step" in again.stdout.readline()
    again.kill()
    again.communicate()


@pytest.mark.slow
def test_other_settings_in_the_same_folder_are_refused_unless_meant(finished):
    out, _ = finished
    other = command(out, learning_rate=1e-3)
    run = subprocess.run(other, capture_output=True, text=True, env=as_a_user())
    assert run.returncode == 1
    assert "settings.learning_rate: 0.005 in the file, 0.001 here" in run.stderr
    assert "--restart" in run.stderr
    assert "Traceback" not in run.stderr
    meant = [*other, "--restart"]
    run = subprocess.run(meant, capture_output=True, text=True, env=as_a_user())
    assert run.returncode == 0, run.stderr
    assert "going on from" not in run.stdout


def test_a_wrong_setting_is_an_error_that_names_it(tmp_path):
    run = subprocess.run(
        command(tmp_path, grid="many"), capture_output=True, text=True, env=as_a_user()
    )
    assert run.returncode == 2
    assert "grid" in run.stderr + run.stdout
