"""Real signals at random times: a checkpoint of the last finished step, always."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import geomnet as gn
from geomnet.training._signals import DeferredSignals, Interrupted, Terminated

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("stopped_runs.py")


@pytest.fixture(autouse=True)
def heard():
    """The signals as a program in the foreground has them: not ignored."""
    usual = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
    }
    before = {kind: signal.signal(kind, handler) for kind, handler in usual.items()}
    yield
    for kind, handler in before.items():
        signal.signal(kind, handler)


def start(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(SCRIPT), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def stopped_often(folder: Path, tries: int) -> None:
    run = start("often", folder, tries)
    out, errors = run.communicate(timeout=600)
    assert run.returncode == 0, out + errors
    assert "stopped at" in out


def test_a_signal_at_any_time_leaves_the_last_finished_step(tmp_path):
    """Compiling, validating, saving, between two batches; twice; SIGINT and SIGTERM:
    the file holds the bits that the uninterrupted run has at that step.
    """
    stopped_often(tmp_path, 12)


@pytest.mark.slow
def test_signals_at_many_times(tmp_path):
    stopped_often(tmp_path, 400)


def test_the_process_ends_as_documented_and_goes_on_from_there(tmp_path):
    kinds = (signal.SIGINT, signal.SIGTERM)
    runs = [start("once", tmp_path / kind.name) for kind in kinds]
    for kind, run in zip(kinds, runs, strict=True):
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
        time.sleep(random.uniform(0.1, 1.5))
        run.send_signal(kind)
    (interrupted, terminated) = ((*run.communicate(timeout=120),) for run in runs)
    assert [run.returncode for run in runs] == [1, 143]
    assert "geomnet.training._signals.Interrupted: Stopped at step" in interrupted[1]
    assert "Stopped at step" in terminated[1]
    assert "Traceback" not in terminated[1]
    for kind in kinds:
        assert gn.training.read_metadata(tmp_path / kind.name)["history"]


def test_handlers_of_ones_own_are_called_between_steps_and_ignored_signals_stay():
    called = []
    before = [signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)]
    signal.signal(signal.SIGTERM, lambda number, frame: called.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with DeferredSignals("run") as signals:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
            assert called == []
            signals.deliver()
            assert called == [signal.SIGTERM]
    finally:
        for kind, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(kind, handler)


def ended_by(kind: signal.Signals) -> None:
    with DeferredSignals("run"):
        os.kill(os.getpid(), kind)
        time.sleep(0.01)


def test_a_signal_at_the_very_end_is_not_lost():
    with pytest.raises(Interrupted, match="'run' was stopped"):
        ended_by(signal.SIGINT)
    with pytest.raises(Terminated) as stop:
        ended_by(signal.SIGTERM)
    assert stop.value.code == 143


def test_a_second_ctrl_c_leaves_a_batch_that_does_not_come():
    def send():
        for _ in range(2):
            time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGINT)

    def wait():
        with DeferredSignals("run") as signals:
            sender.start()
            signals.during(lambda: time.sleep(60))

    sender = threading.Thread(target=send)
    with pytest.raises(KeyboardInterrupt):
        wait()
    sender.join()


def test_other_threads_train_without_handlers():
    found = []

    def run():
        with DeferredSignals("run") as signals:
            signals.deliver()
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]
