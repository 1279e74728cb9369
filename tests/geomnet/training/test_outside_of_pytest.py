"""Two devices, and wrong arguments that no check of types sees but the library's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def outside():
    """Two devices, and no check of types but the library's own."""
    script = Path(__file__).with_name("outside_of_pytest.py")
    flags = "--xla_force_host_platform_device_count=2"
    run = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XLA_FLAGS": flags},
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_runs_over_several_devices_are_gone_on_with(outside):
    assert outside[0] == {"windows": True, "model": True}


def test_wrong_arguments_are_named_with_what_was_given(outside):
    messages = outside[1]
    expected = {
        "optimiser": "TypeError: `optimiser` must be one of optax",
        "step": "TypeError: `optimiser` must be one of optax",
        "loss": "TypeError: `loss` must be a function or a Curriculum, got 'smse'",
        "stages": "TypeError: `losses` must be a dict from steps to losses",
        "stage": "TypeError: `losses` must have a function at step 0, got 'loss'",
        "stage step": "TypeError: `losses` has the step 1.5, which is no integer",
        "callbacks": "TypeError: `callbacks` must be a sequence, each of them",
        "callback": "TypeError: `callbacks` must be a sequence, each of them",
        "metrics": "TypeError: `validation_metrics` must be a mapping, such as a dict",
        "parts": "TypeError: `loss` must be a function, got 'loss'; of a `Curriculum`",
        "save": "ValueError: `model` is a int, which is none of DilatedResNet",
        "load": "ValueError: ",
        "log": "TypeError: `path` must be the path of a file, got 3",
        "average": "TypeError: `average` must be a number, got '0.9'",
        "key": "TypeError: `key` must be one random key, `jax.random.key(0)`, got 0",
        "start": "TypeError: `key` must be one random key",
        "order": "TypeError: `key` must be one random key, `jax.random.key(3)`, got 3",
        "windows": "TypeError: `windows` must have a length and `take",
        "validation": "TypeError: `validation` must have a length and `take",
        "no steps": "ValueError: `num_steps` must be a positive integer, got 0",
        "some steps": "TypeError: `num_steps` must be an integer, got 2.5",
        "no batch": "ValueError: `batch_size` must be a positive integer, got 0",
        "large batch": "ValueError: `batch_size` must be from 1 to the 8 samples",
        "never": "ValueError: `validate_every` must be a positive integer, got 0",
        "path": "TypeError: `checkpoint` must be the path of a file, got 3",
        "metadata": "TypeError: `metadata['a']['b']` is set, which JSON can't say",
        "words": "TypeError: `metadata` must be a mapping, such as a dict, got ['a']",
        "reserved": "ValueError: `metadata` has ['history']",
        "rate": "TypeError: `learning_rate` must be a number, got '1e-3'",
        "decay": "TypeError: `weight_decay` must be a number, got '0'",
        "total": "ValueError: `total_steps` must be a positive integer, got 10.5",
        "warm": "ValueError: `warmup_steps` must be an integer, 0 or more, got '1'",
        "foreign": "ValueError: ",
        "smse": "TypeError: `prediction` must be a GeometricImage; `geomnet",
        "nrmse": "TypeError: `prediction` must be a GeometricImage; `geomnet",
        "rollout": "TypeError: `num_steps` must be an integer, got '3'",
        "predict": "TypeError: `num_steps` must be an integer, got 2.5",
        "evaluate": "ValueError: `batch_size` must be a positive integer, got 0",
    }
    assert set(messages) == set(expected)
    for name, text in expected.items():
        assert messages[name].startswith(text), messages[name]
    for metric in ("smse", "nrmse"):
        assert "of an array are, got ndarray" in messages[metric]
    assert "foreign is not a checkpoint" in messages["foreign"]
    assert "codec" not in messages["foreign"]
