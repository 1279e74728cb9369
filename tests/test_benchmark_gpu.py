"""The benchmark for GPUs: what it promises to whoever has one for minutes."""

import importlib.util
import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
COMMAND = [sys.executable, str(BENCHMARKS / "gpu.py"), "--tiny", "--minutes", "60"]
# Of single runs, in seconds.
TIMES = ("seconds", "compile_seconds", "prepare_seconds_each")
GENERATED = [
    "3 at once of 5, 16², explicit",
    "1 at once, 16², explicit",
    "3 at once, 16², explicit",
    "3 at once, 16², rkl2",
]
EXPECTED = {
    "check": ["products, float32, default", "UNet, highest products"],
    "layer": [
        f"2 + 2, {dtype}, {what}, {who}"
        for dtype in ("float32", "bfloat16")
        for what in ("forward", "with gradients")
        for who in ("equinox", "twin", "geomnet")
    ],
    "unet step": [
        f"{dtype}, {who}"
        for dtype in ("float32", "bfloat16")
        for who in ("equinox", "twin", "geomnet")
    ],
    "propagator": ["16², one step", "16², 4 unrolled"],
    "feeding": [
        f"propagator, 16², {where}"
        for where in (
            "a batch at hand",
            "on the host",
            "on the host, taken ahead",
            "in a file, taken ahead",
            "on the device",
        )
    ],
    "memory": ["copy"],
    "generator": GENERATED,
    "training": [
        "propagator, 16², file of 4 trajectories",
        "propagator, 16², 20 steps",
    ],
}


@pytest.fixture(scope="module")
def rows():
    """The module of rows, which needs nothing else."""
    path = BENCHMARKS / "_gpu_rows.py"
    spec = importlib.util.spec_from_file_location("_gpu_rows", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Clock:
    """One that goes on when it is told to."""

    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time

    def spend(self, seconds, who="us"):
        self.time += seconds
        yield who, {"seconds": float(seconds)}


def read(path):
    return json.loads(path.read_text())


def test_what_does_not_fit_into_the_time_is_named_and_what_does_is_measured(
    rows, tmp_path
):
    clock, path = Clock(), tmp_path / "gpu.json"
    lengths = [("first", 6, 6), ("long", 5, 5), ("short", 3, 3), ("late", 2, 1)]
    cases = [
        rows.Case("k", name, about, lambda real=real: clock.spend(real))
        for name, about, real in lengths
    ]
    rows.measure(cases, rows.Record(path, {}), 10, now=clock)
    found = {row["name"]: row for row in read(path)["rows"]}
    assert list(found) == ["first, us", "long", "short, us", "late"]
    assert found["long"]["skipped"] == "takes about 5 s, and 4 are left"
    assert found["late"]["skipped"] == "takes about 2 s, and 1 are left"
    assert clock.time <= 110


def test_what_fails_leaves_its_error_and_the_rows_before_it(rows, tmp_path, capsys):
    path = tmp_path / "gpu.json"

    def fails():
        yield "a", {"seconds": 1.0}
        raise RuntimeError("RESOURCE_EXHAUSTED: out of memory")

    def unwritable():
        yield "b", {"seconds": object()}

    cases = [
        rows.Case("k", "x", 1, fails),
        rows.Case("k", "y", 1, unwritable),
        rows.Case("k", "z", 1, lambda: Clock().spend(2)),
    ]
    rows.measure(cases, rows.Record(path, {"machine": "m"}), 10)
    content = read(path)
    assert (content["machine"], content["finished"]) == ("m", True)
    assert [row["name"] for row in content["rows"]] == ["x, a", "x", "y", "z, us"]
    assert "out of memory" in content["rows"][1]["error"]
    assert "TypeError" in content["rows"][2]["error"]
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_the_file_is_whole_whenever_it_is_read(rows, tmp_path):
    path, seen = tmp_path / "gpu.json", []

    def numbers():
        for value in (1.0, math.nan, math.inf):
            seen.append(len(read(path)["rows"]))
            yield "", {"value": value}
        raise KeyboardInterrupt

    record = rows.Record(path, {})
    with pytest.raises(KeyboardInterrupt):
        rows.measure([rows.Case("k", "x", 0, numbers)], record, 10)
    assert seen == [0, 1, 2]
    content = read(path)
    assert content["finished"] is False
    assert [row["value"] for row in content["rows"]] == [1.0, "nan", "inf"]
    assert [p.name for p in tmp_path.iterdir()] == ["gpu.json"]


def test_a_row_that_is_cut_off_while_it_is_written_leaves_those_before(
    rows, tmp_path, monkeypatch
):
    path, case = tmp_path / "gpu.json", rows.Case("k", "x", 0, iter)
    record = rows.Record(path, {})
    record.add(case, {"seconds": 1.0})
    whole = path.read_text()

    def half(self, text):
        with open(self, "w") as file:
            file.write(text[: len(text) // 2])
        raise OSError("killed")

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(OSError, match="killed"):
        record.add(case, {"seconds": 2.0})
    assert path.read_text() == whole


class Dropped:
    """Ctrl-C comes where Python drops what is raised, as it does in callbacks of its
    garbage collection.
    """

    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_python_drops_ends_the_run_all_the_same(rows, tmp_path):
    path, before = tmp_path / "gpu.json", signal.getsignal(signal.SIGINT)

    def interrupted():
        yield "", {"value": 1}
        dropped = Dropped()
        del dropped
        yield "after", {"value": 2}

    cases = [rows.Case("k", name, 0, interrupted) for name in "xy"]
    record = rows.Record(path, {})
    with pytest.raises(KeyboardInterrupt):
        rows.measure(cases, record, 10)
    assert [row["name"] for row in read(path)["rows"]] == ["x", "x, after"]
    assert not read(path)["finished"]
    assert signal.getsignal(signal.SIGINT) == before


def started(path):
    # Of this checkout, wherever the environment has another one.
    environment = {**os.environ, "PYTHONPATH": str(BENCHMARKS.parent)}
    return subprocess.Popen(
        [*COMMAND, "--out", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )


@pytest.mark.slow
def test_everything_is_measured_in_one_command(tmp_path):
    path = tmp_path / "gpu.json"
    output, _ = started(path).communicate()
    content = read(path)
    assert content["finished"], output
    names = {
        kind: [row["name"] for row in group]
        for kind, group in itertools.groupby(content["rows"], lambda row: row["kind"])
    }
    assert list(names) == list(EXPECTED)
    for kind, expected in EXPECTED.items():
        assert set(expected) <= set(names[kind]), kind
    for row in content["rows"]:
        assert row["name"] in output
        if "torch.compile" in row["name"]:  # Only where it is installed for a GPU.
            continue
        assert not {"error", "skipped"} & set(row), row
        measured = [row[name] for name in TIMES if name in row]
        assert measured or row["kind"] in ("check", "memory"), row
        assert all(0 < value < math.inf for value in measured), row
    found = {(row["kind"], row["name"]): row for row in content["rows"]}
    assert found["check", "UNet, highest products"]["passes"]
    assert found["generator", "3 at once, 16², rkl2"]["share_of_floor"] > 0
    assert found["memory", "copy"]["bytes_per_second"] > 0
    training = found["training", "propagator, 16², 20 steps"]
    assert training["last_loss"] < training["first_loss"]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=lambda s: s.name)
def test_what_was_measured_outlives_the_process(tmp_path, how):
    path = tmp_path / "gpu.json"
    process = started(path)
    end = time.monotonic() + 300
    while time.monotonic() < end and process.poll() is None:
        if path.exists() and len(read(path)["rows"]) > 2:
            break
        time.sleep(0.05)
    process.send_signal(how)
    output, _ = process.communicate()
    assert process.returncode != 0
    content = read(path)
    assert not content["finished"]
    assert len(content["rows"]) > 2, output
    if how == signal.SIGINT:
        assert f"Stopped: {path} holds what was measured." in output


SAME_UNET = """
import equinox as eqx, jax, numpy as np, torch
from _measure import once
from _plain_unet import PlainUNet
from _torch_unet import train_step, unet

plain = PlainUNet(2, 16, 4, 6, 2, jax.random.key(0))
net = unet(16, 4, 6, 2)
filled = []

def fill(theirs, ours, is_transposed=False):
    value = np.asarray(ours).reshape(-1) if ours.ndim < 4 else np.asarray(ours)
    if is_transposed:
        value = value.swapaxes(0, 1)[:, :, ::-1, ::-1]
    assert theirs.shape == value.shape, (theirs.shape, value.shape)
    theirs.data = torch.tensor(value.copy())
    filled.append(theirs.numel())

def block(theirs, ours):
    fill(theirs[0].weight, ours.conv.weight)
    fill(theirs[1].weight, ours.norm.weight)
    fill(theirs[1].bias, ours.norm.bias)

block(net[0], plain.lift)
level = net[1]
for n, down in enumerate(plain.downs):
    block(level.encode, plain.encoders[n])
    fill(level.down.weight, down.weight)
    fill(level.up.weight, plain.ups[-1 - n].weight, is_transposed=True)
    for theirs, ours in zip(level.decode, plain.decoders[-1 - n], strict=True):
        block(theirs, ours)
    level = level.inside
block(level, plain.bottom)
fill(net[2].weight, plain.project.weight)
fill(net[2].bias, plain.project.bias)
assert sum(filled) == sum(p.numel() for p in net.parameters())
x = np.random.default_rng(0).normal(size=(2, 16, 8, 8)).astype(np.float32)
theirs = net(torch.tensor(x)).detach().numpy()
np.testing.assert_allclose(theirs, jax.vmap(plain)(x), rtol=1e-3, atol=1e-5)
program = train_step(16, 4, 6, 2, 8, 2, device="cpu", compiled=False)
assert once(program.run).wall > 0
"""


@pytest.mark.slow
def test_the_unet_of_pytorch_is_that_of_equinox():
    pytest.importorskip("torch", exc_type=ImportError)
    environment = {**os.environ, "PYTHONPATH": str(BENCHMARKS.parent)}
    run = subprocess.run(
        [sys.executable, "-c", SAME_UNET],
        cwd=BENCHMARKS,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
