"""What a run takes is said, and judged, before it begins."""

import dataclasses
import math
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pde_data
from pde_data import _cli
from pde_data.certificates._snapshots import TOGETHER
from pde_data.generation import _cost, _generate
from pde_data.generation._attempt import prepare_attempt
from pde_data.generation._coarsening import coarsened
from pde_data.generation._cost import Duration, expected_duration, sizes

CONFIG = pde_data.GenerateConfig(
    grid=(16, 16), trajectories=3, snapshots=3, final_time=0.1, mach=0.3, seed=2
)


def test_memory_and_file_grow_as_cells_snapshots_and_trajectories_do():
    def of(**changes):
        return sizes(dataclasses.replace(CONFIG, **changes))

    assert of(refinement=4).memory == 16 * of().memory
    assert of(refinement=4).file == of().file == 3 * 3 * 16**2 * 4 * 4
    assert of(precision="float64").memory == 2 * of().memory
    assert of(trajectories=30).memory == of().memory
    assert of(trajectories=30).file == 10 * of().file
    long, longer = (of(snapshots=n).memory for n in (10_000, 20_000))
    assert 1.9 < longer / long < 2
    assert of(shard=(1, 3)).file * 3 == of().file


def test_as_many_go_together_as_fit_into_the_device(monkeypatch):
    many = dataclasses.replace(CONFIG, trajectories=1000)
    assert _cost.together(many) == 1
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    one = sizes(dataclasses.replace(many, batch=1)).memory
    for room, expected in ((0.5, 1), (7.5, 7), (1e9, _cost.MOST_TOGETHER)):
        there = int(room * one / _cost.MEMORY_SHARE)
        monkeypatch.setattr(_cost, "memory_there", lambda there=there: there)
        assert _cost.together(many) == expected
        assert sizes(many).memory == expected * one
    assert _cost.together(CONFIG) == 3
    assert _cost.together(dataclasses.replace(many, batch=200)) == 200


def test_the_steps_are_those_that_are_taken():
    sample = pde_data.simulate_trajectory(CONFIG, 0)
    expected = expected_duration(CONFIG, [0])
    assert expected.steps == pytest.approx(sample.num_steps, rel=0.3)
    assert 0 < expected.seconds == expected.seconds_in_all
    # In thick gas it is the viscous limit that counts.
    thick, thicker = (
        expected_duration(
            dataclasses.replace(CONFIG, shear_viscosity=x, viscous_steps="explicit"),
            [0],
        ).steps
        for x in (100.0, 200.0)
    )
    assert thicker / thick == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize(
    "changes",
    [
        {
            "mach": 0.003,
            "gamma": 1.001,
            "shear_viscosity": 1e6,
            "viscous_steps": "explicit",
        },
        {"final_time": 1e9},
    ],
)
def test_what_takes_too_many_steps_is_refused_unless_told_otherwise(changes, tmp_path):
    config = dataclasses.replace(CONFIG, **changes)
    with pytest.raises(ValueError, match=r"time steps away.*--any-length"):
        pde_data.generate(config, tmp_path / "flow.hdf5")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "long",
    [
        Duration(1e8, math.nan),
        Duration(1e3, 4000.0, 4000.0),
        Duration(1e3, 100.0, 1e8),
    ],
)
def test_what_takes_too_long_is_refused_unless_told_otherwise(
    long, tmp_path, monkeypatch
):
    monkeypatch.setattr(_generate, "expected_duration", lambda *_: long)
    with pytest.raises(ValueError, match="--any-length"):
        pde_data.generate(CONFIG, tmp_path / "flow.hdf5")
    assert list(tmp_path.iterdir()) == []
    path = pde_data.generate(CONFIG, tmp_path / "flow.hdf5", any_length=True)
    assert path.exists()


def test_what_takes_too_much_memory_is_refused_unless_told_otherwise(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(_cost, "memory_there", lambda: sizes(CONFIG).memory)
    with pytest.raises(ValueError, match="--any-size"):
        pde_data.generate(CONFIG, tmp_path / "flow.hdf5")
    assert list(tmp_path.iterdir()) == []
    assert pde_data.generate(CONFIG, tmp_path / "flow.hdf5", any_size=True).exists()


def test_a_run_says_what_it_does_before_its_bar_begins(tmp_path, monkeypatch, capsys):
    seen = []

    class Bar:
        def __init__(self, **settings):
            seen.append(("bar", settings["initial"], settings["total"]))

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self):
            seen.append("update")

    simulate, expect = _generate.simulate_trajectories, _generate.expected_duration

    def simulated(config, indices, places):
        for item in simulate(config, indices, places):
            seen.append("trajectory")
            yield item

    def expected(config, indices, places):
        assert capsys.readouterr().err.endswith("Compiling ...\n")
        seen.append("compiled")
        return expect(config, indices, places)

    monkeypatch.setattr(_generate, "_bars", lambda: Bar)
    monkeypatch.setattr(_generate, "simulate_trajectories", simulated)
    monkeypatch.setattr(_generate, "expected_duration", expected)
    pde_data.generate(CONFIG, tmp_path / "flow.hdf5", progress=True)
    # The time left follows from the trajectories after the first, which compiles.
    assert seen == [
        "compiled",
        "trajectory",
        ("bar", 1, 3),
        *["trajectory", "update"] * 2,
    ]
    said = capsys.readouterr().err
    assert re.fullmatch(
        r"A trajectory has about [\d.]+ steps, .* s; all .* s\.\n", said
    )


def test_a_quiet_run_says_nothing(tmp_path, capsys):
    words = ["generate", "--out", str(tmp_path / "flow.hdf5"), "--grid", "16", "16"]
    words += ["--snapshots", "3", "--final-time", "0.1", "--mach", "0.3"]
    assert _cli.main([*words, "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def peak(function):
    tracemalloc.start()
    function()
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return used


@pytest.mark.parametrize(
    "judge",
    [
        lambda t, r, u, p: pde_data.certify(r, u, p, 1.4),
        lambda t, r, u, p: pde_data.snapshot_continuity(
            t, (1.0, 1.0), r, u, p, periodic=(True, True)
        ),
        lambda t, r, u, p: coarsened(r, u, p, 1.4, 8),
    ],
)
def test_what_is_made_of_snapshots_takes_the_memory_of_a_few(judge):
    grid = (64, 64)
    few = TOGETHER // 64**2

    def used(count):
        one = np.ones((count, *grid), np.float32)
        fields = (one, np.full((*one.shape, 2), np.float32(0.1)), one)
        return peak(lambda: judge(np.linspace(0, 1e-3, count), *fields))

    # Beside a few snapshots, some numbers of each: 64 bytes for each of its 64 cells
    # after coarsening, 81 waves of three terms with their combinations.
    assert used(4 * few) - used(2 * few) < 2 * few * 64**2 * 4


def test_the_time_of_all_is_said_where_it_is_not_that_of_one():
    words = "A trajectory has about 1e+03 steps"
    assert _cost.duration_summary(Duration(1e3, math.nan)) == f"{words}."
    assert _cost.duration_summary(Duration(1e3, 30.0, 30.0)) == f"{words}, 30 s."
    assert _cost.duration_summary(Duration(1e3, 30.0, 7200.0)) == (
        f"{words}, 30 s; all of them take 2 h."
    )


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (1023, "1.02e+03 bytes"),
        (1024, "1 KiB"),
        (3 * 2**20, "3 MiB"),
        (2.5 * 2**30, "2.5 GiB"),
        (2**50, "1.02e+03 TiB"),
    ],
)
def test_bytes_in_words(amount, words):
    assert _cost.in_words(amount) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(99.0, "99 s"), (600.0, "10 min"), (36e3, "10 h"), (864e3, "10 days")],
)
def test_seconds_in_words(seconds, words):
    assert _cost.in_time(seconds) == words


def test_the_memory_is_that_of_the_accelerator_where_there_is_one(monkeypatch):
    """That of the machine for a CPU, and for a device that does not say."""

    def found(platform, stats):
        device = SimpleNamespace(platform=platform, memory_stats=lambda: stats)
        monkeypatch.setattr(jax, "devices", lambda: [device])
        return _cost.memory_there()

    host = found("cpu", {"bytes_limit": 1})
    assert host > 2**28
    assert found("gpu", {"bytes_limit": 2**33}) == 2**33
    assert found("gpu", None) == found("gpu", {}) == host


def test_a_start_that_is_no_state_of_a_gas_has_no_steps():
    """It is drawn anew when it is simulated; nothing is said of its time."""
    attempt = prepare_attempt(CONFIG, 0)
    pressure = attempt.start.pressure
    for wrong in (jnp.full_like(pressure, jnp.nan), -pressure):
        start = dataclasses.replace(attempt.start, pressure=wrong)
        broken = dataclasses.replace(attempt, start=start)
        assert _cost._num_steps(CONFIG, broken) == 0
    assert _cost._num_steps(CONFIG, attempt) > CONFIG.snapshots - 1


def test_disk_space_that_there_is_not_is_refused_before_the_run(tmp_path, monkeypatch):
    usage = SimpleNamespace(free=sizes(CONFIG).file - 1)
    monkeypatch.setattr(_cost.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(OSError, match=r"need 36 KiB on the disk, and 36 KiB are free"):
        _cost.check_disk(CONFIG, tmp_path)
    usage.free += 1
    _cost.check_disk(CONFIG, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"grid": (512, 512), "snapshots": 21},
        {"grid": (64, 64), "snapshots": 2000},
        {"grid": (128, 128), "refinement": 4, "snapshots": 21},
        {"grid": (64, 64, 64), "snapshots": 9, "scheme": "safe"},
    ],
)
def test_the_memory_of_a_run_is_as_expected(settings):
    text = (
        "import resource, sys, pde_data\n"
        "from dataclasses import replace\n"
        f"config = pde_data.GenerateConfig(**{settings!r}, final_time=1e-3)\n"
        "small = replace(config, grid=(8,) * len(config.grid), refinement=1)\n"
        "def top():\n"
        "    pde_data.simulate_trajectory(small, 0)\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = top()\n"
        "pde_data.simulate_trajectory(config, 0)\n"
        "print((top() - before) * (1 if sys.platform == 'darwin' else 1024))\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, cwd=root
    )
    assert done.returncode == 0, done.stderr
    expected = sizes(pde_data.GenerateConfig(**settings)).memory
    assert expected / 3 < int(done.stdout) < 1.1 * expected
