"""`fit`, `evaluate` and `predict` on a mesh of four devices are those of one device."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def found():
    """What `on_a_mesh.py` has found, with four devices on this CPU."""
    flags = "--xla_force_host_platform_device_count=4"
    flags += " --xla_backend_optimization_level=0"
    run = subprocess.run(
        [sys.executable, "-W", "error", str(Path(__file__).with_name("on_a_mesh.py"))],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XLA_FLAGS": flags},
    )
    assert run.returncode == 0, run.stderr
    names = ("equal", "measured", "layouts", "refusals", "losses")
    return dict(zip(names, json.loads(run.stdout.splitlines()[-1]), strict=True))


def test_runs_on_any_mesh_are_the_run_on_one_device_and_go_on_on_any_other(found):
    assert len(found["equal"]) == 13
    assert all(found["equal"].values()), found["equal"]


def test_what_is_measured_and_predicted_does_not_depend_on_the_mesh(found):
    assert all(found["measured"].values()), found["measured"]


def test_losses_from_losses_do_not_depend_on_the_mesh(found):
    assert all(found["losses"].values()), found["losses"]


def test_samples_and_grid_are_shared_out_and_weights_lie_whole_on_each_device(found):
    assert found["layouts"] == {
        "batch": [[[1, 4, 8, 3]], 4, True],
        "batch and x": [[[2, 2, 8, 3]], 4, True],
        "x and y": [[[4, 2, 4, 3]], 4, True],
    }


def test_a_mesh_that_does_not_fit_is_refused_before_a_step_is_traced(found):
    expected = {
        "kind": "TypeError: `mesh` must be a `jax.sharding.Mesh`, such as "
        "`jax.make_mesh((4,), ('batch',))`, got 4.",
        "names": "ValueError: `mesh` has the axes ('data',), where ['data'] say not",
        "batch": "ValueError: `batch_size` is 6, but `mesh` shares the samples out "
        "over 4 devices along 'batch': take 4 or 8.",
        "small": "ValueError: `batch_size` is 2, but `mesh` shares the samples out "
        "over 4 devices along 'batch': take 4.",
        "grid": "ValueError: `mesh` shares the axis 'x' out over 4 devices, which do "
        "not divide the 6 cells of the grid (6, 4): give it 3 devices, or sides that",
        "axis": "ValueError: `mesh` has the axis 'z', but the grid (4, 4) has none",
        "validation": "ValueError: `mesh` shares the axis 'x' out over 4 devices",
        "evaluate": "ValueError: `batch_size` is 3, but `mesh` shares",
        "predict": "ValueError: `histories` is 3, but `mesh` shares",
    }
    assert set(found["refusals"]) == set(expected)
    for name, text in expected.items():
        assert found["refusals"][name].startswith(text), found["refusals"][name]
