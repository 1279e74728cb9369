"""What the tests of signals run in processes of their own.

python stopped_runs.py once FILE          trains until it is told to stop
python stopped_runs.py often FOLDER N     N times, with a signal at a random time
"""

import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import jax
import numpy as np
import optax
from small_run import FLOW, KEY, SQUARE, Windows, fit, loss

import geomnet as gn
from geomnet import training
from geomnet.training import _fit, _signals

OPTIMISER = optax.adam(1e-3)
# Few numbers, none of them fast.
WINDOWS = Windows(seconds=0.002)


def begin():
    return gn.nn.Conv(SQUARE, FLOW, FLOW, key=KEY)


def train(path, num_steps: int = 100_000):
    return fit(
        path,
        model=begin(),
        windows=WINDOWS,
        optimiser=OPTIMISER,
        num_steps=num_steps,
        validation=WINDOWS,
        validate_every=7,
        metadata=None,
    )


def once(path: Path) -> None:
    handler = signal.getsignal(signal.SIGTERM)

    def say_when_ready() -> None:
        wait_for_fit(handler)
        print("ready", flush=True)

    threading.Thread(target=say_when_ready, daemon=True).start()
    train(path)


def wait_for_fit(handler) -> None:
    """Until `fit` has begun: before that Python does what it always does."""
    while signal.getsignal(signal.SIGTERM) == handler:
        time.sleep(0.001)


def uninterrupted(num_steps: int) -> list[np.ndarray]:
    """The weights after each step."""
    state = training.start_training(begin(), OPTIMISER, key=KEY)
    step = training.make_train_step(loss, OPTIMISER)
    found = [np.asarray(state.model.kernel.weights)]
    for _, numbers in zip(
        range(num_steps), training.batches(8, 4, key=KEY), strict=False
    ):
        state, _ = step(state, WINDOWS.take(numbers))
        found.append(np.asarray(state.model.kernel.weights))
    return found


def send(kinds: list[signal.Signals], handler, delay: float) -> None:
    wait_for_fit(handler)
    time.sleep(delay)
    for kind in kinds:
        os.kill(os.getpid(), kind)
        time.sleep(0.001)


def stopped(path: Path, kind: signal.Signals) -> str:
    """What training says when it is told to stop, in the way that is documented."""
    try:
        train(path)
    except (training.Interrupted, training.Terminated) as error:
        stop = error
    else:
        raise AssertionError("training has come to its end")
    is_right = {
        signal.SIGINT: isinstance(stop, training.Interrupted),
        signal.SIGTERM: getattr(stop, "code", None) == 143,
    }
    assert is_right[kind], stop
    return str(stop)


def often(folder: Path, tries: int) -> None:
    weights = uninterrupted(500)
    drawn = random.Random(time.time_ns())
    steps = []
    for n in range(tries):
        path = folder / f"{n}.checkpoint"
        if n % 4 == 0:
            jax.clear_caches()  # The signal lands in compiling, or near it.
        kinds = [signal.SIGTERM] if n % 3 == 0 else [signal.SIGINT] * (1 + n % 2)
        handlers = [signal.getsignal(kind) for kind in _signals.SIGNALS]
        delay = drawn.uniform(0, 0.5)
        sender = threading.Thread(target=send, args=(kinds, handlers[1], delay))
        sender.start()
        text = stopped(path, kinds[0])
        sender.join()
        assert [signal.getsignal(kind) for kind in _signals.SIGNALS] == handlers
        start = training.start_training(begin(), OPTIMISER, key=KEY)
        state, _ = training.load_checkpoint(path, start)
        done = int(state.num_steps)
        assert f"at step {done} of 100000" in text, text
        assert str(path) in text, text
        np.testing.assert_array_equal(state.model.kernel.weights, weights[done])
        assert not list(folder.glob("*.lock"))
        assert not list(folder.glob(".*"))
        steps.append(done)
    print("stopped at", sorted(steps))


if __name__ == "__main__":
    _fit.SAVE_EVERY = 0.03
    # A shell's background job is begun with SIGINT ignored, which `fit` respects.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    target = Path(sys.argv[2])
    once(target) if sys.argv[1] == "once" else often(target, int(sys.argv[3]))
