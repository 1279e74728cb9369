"""A flow that devices share has the bits of one device; what can't be so is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pde_data
from pde_data.solver._grid import PartOfGrid

from .on_a_mesh import CASES

ROOT = Path(__file__).parents[3]
QUICK = ("walls:float32", "line:float64", "box:float32")
ALL = [f"{name}:{dtype}" for name in CASES for dtype in ("float32", "float64")]


def found_on_four_devices(*words, flags="--xla_backend_optimization_level=0"):
    """What `on_a_mesh.py` has found, with four devices on this CPU."""
    flags = f"--xla_force_host_platform_device_count=4 {flags}"
    script = str(Path(__file__).with_name("on_a_mesh.py"))
    run = subprocess.run(
        [sys.executable, "-W", "error", script, *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XLA_FLAGS": flags},
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def found():
    return found_on_four_devices("refusals", "breakdown", "program", *QUICK)


@pytest.mark.parametrize("word", QUICK)
def test_a_shared_flow_has_the_bits_of_one_device_on_meshes_of_either_kind(word, found):
    assert_same_bits(word, found[word])


@pytest.mark.slow
@pytest.mark.parametrize("word", ALL)
def test_every_scheme_and_boundary_has_the_bits_of_one_device_when_optimised(word):
    assert_same_bits(word, found_on_four_devices(word, flags="")[word])


def assert_same_bits(word, result):
    assert result["difference"] == 0
    assert result["equal steps"]
    case = CASES[word.split(":")[0]]
    names = ("x", "y", "z")
    pairs = zip(case.grid, names, strict=False)
    assert result["layout"] == [n // case.mesh.get(name, 1) for n, name in pairs]


def test_a_step_sends_one_message_to_each_neighbour_and_gathers_no_field(found):
    # Two stages, each with both sides of two axes, and the largest rate: of the start,
    # after a step, and of the next snapshot.
    assert found["program"] == {
        "all-gather": 0,
        "all-to-all": 0,
        "all-reduce": 3,
        "collective-permute": 8,
        "whole fields": 0,
    }


def test_a_breakdown_on_one_device_is_one_on_all(found):
    assert found["breakdown"] == [True, True]


def test_a_mesh_that_does_not_fit_is_refused_with_the_mend(found):
    local = "does not say whether a device can evaluate it from its own part"
    expected = {
        "kind": ("TypeError: `mesh` must be a `jax.sharding.Mesh`", "got 4."),
        "names": ("`mesh` has the axes ('data',)", "`jax.make_mesh((4,), ('x',))`."),
        "batch": ("('batch', 'x'), of which ['batch']", "`generate` shares"),
        "axis": ("the axis 'z', but the grid (8, 8) has none", "give the axes"),
        "division": ("do not divide the 6 cells", "give it 3 devices, or sides"),
        "halo": ("leaves 1 of the 4 cells along 'x'", "give it 2 devices, or 8 cells"),
        "wide halo": ("this scheme needs 3 from a neighbour", "or 12 cells or more."),
        "forcing": (f"`forcing` (lost) {local}", "`local = True`; else leave `mesh`"),
        "boundary": (f"`boundary` (<lambda>) {local}", "`local = True`"),
        "processes": ("the processes [0], and this is process 1", "`shard=(jax."),
    }
    assert set(found["refusals"]) == set(expected)
    for name, (wrong, mend) in expected.items():
        text = found["refusals"][name]
        assert wrong in text, text
        assert mend in text, text


def test_a_part_of_a_grid_has_the_coordinates_of_the_whole_to_the_bit():
    whole = pde_data.Grid((12, 10), (1.0, 0.7), (0.3, -0.1))
    part = PartOfGrid(whole, (4, 5), (8, 5))
    assert (part.spacing, part.extent, part.origin) == (
        whole.spacing,
        whole.extent,
        whole.origin,
    )
    for mine, all_of_it in zip(part.centers(), whole.centers(), strict=True):
        np.testing.assert_array_equal(mine, all_of_it[8:, 5:])
    assert part != PartOfGrid(whole, (4, 5), (4, 5))
    assert part.num_cells == 20
