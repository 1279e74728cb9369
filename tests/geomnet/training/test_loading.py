"""Data on the device or taken ahead: the same bits, in order, and no thread is left."""

import os
import signal
import threading
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet import training
from geomnet.training import _loading
from geomnet.training._layout import ONE_DEVICE

from .small_run import FLOW, Windows, fit

pytestmark = pytest.mark.usefixtures("optax_promotes")
FRAMES = np.random.default_rng(1).standard_normal((3, 7, 4, 4, 3)).astype(np.float32)
WINDOWS = gn.Windows(FLOW, FRAMES, past=1)
PLACES = {
    "by itself": training.Loading(),
    "on the device": training.Loading(on_device=True),
    "when needed": training.Loading(on_device=False, prefetch=0),
    "one ahead": training.Loading(on_device=False, prefetch=1),
    "many ahead": training.Loading(prefetch=50),
}


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "geomnet batches"]


@pytest.mark.parametrize("name", PLACES)
def test_the_bits_are_the_same_wherever_the_data_are(name, tmp_path):
    given = {"windows": WINDOWS, "loading": PLACES[name], "validation": WINDOWS}
    plain, history = fit(
        windows=WINDOWS, loading=training.Loading(prefetch=0), validation=WINDOWS
    )
    fit(tmp_path / "a", **given, num_steps=2)
    model, resumed = fit(tmp_path / "a", **given)
    assert eqx.tree_equal(model, plain)
    assert resumed["validation"][-1][1] == pytest.approx(history["validation"][-1][1])
    assert not threads()


@pytest.mark.parametrize("options", [{}, {"stride": 2, "num_targets": 2}])
def test_windows_on_the_device_are_those_on_the_host(options):
    host = gn.Windows(FLOW, FRAMES, past=2, **options)
    device = host.on_device()
    assert device.is_on_device
    assert not host.is_on_device
    assert device.on_device().frames is device.frames
    assert device.nbytes == host.nbytes == FRAMES.nbytes
    assert len(device) == len(host)
    numbers = np.array([0, len(host) - 1, 1])
    for a, b in (
        (host.take(numbers), device.take(numbers)),
        (host.take(numbers), host.take_to_device(numbers)),
        (host.take(numbers), device.take_to_device(numbers)),
        (host.rollouts(), device.rollouts()),
        (
            host.starts(2).take(np.array([2, 0])),
            device.starts(2).take(np.array([2, 0])),
        ),
    ):
        assert eqx.tree_equal(a, b)
    with pytest.raises(IndexError):
        device.take(np.array([len(host)]))


@pytest.mark.parametrize("loading", [training.Loading(), training.Loading(prefetch=0)])
def test_doubles_on_the_host_are_the_same_run_when_it_goes_on(loading, tmp_path):
    # A step takes them in single precision; what the file says of them is theirs.
    given = {"windows": gn.Windows(FLOW, FRAMES.astype(float), past=1)}
    fit(tmp_path / "a", **given, loading=loading, num_steps=2)
    model, _ = fit(tmp_path / "a", **given, loading=loading)
    assert eqx.tree_equal(model, fit(windows=WINDOWS, loading=loading)[0])


def test_on_the_device_one_program_gathers_all_batches():
    device = WINDOWS.on_device()
    device.take(np.arange(5))
    with jax.log_compiles(False), jax.no_tracing():
        device.take(np.arange(5) + 3)
    WINDOWS.take_to_device(np.arange(5))
    with jax.no_tracing():
        WINDOWS.take_to_device(np.arange(5) + 3)


def test_a_derived_class_has_the_last_word_on_its_batches():
    class Louder(gn.Windows):
        def take(self, numbers):
            return jax.tree.map(lambda x: 2 * x, super().take(numbers))

    louder = Louder(FLOW, FRAMES, past=1)
    batch = ONE_DEVICE.batch(louder, np.arange(3))
    assert eqx.tree_equal(batch, louder.take(np.arange(3)))
    assert not eqx.tree_equal(batch, WINDOWS.take(np.arange(3)))


@pytest.mark.parametrize("num_steps", [1, 3])
def test_starts_are_the_first_windows_of_the_trajectories(num_steps):
    starts = WINDOWS.starts(num_steps)
    assert len(starts) == 3
    histories, frames = starts.take(np.array([1, 2]))
    np.testing.assert_array_equal(histories.array, FRAMES[1:, 0])
    np.testing.assert_array_equal(frames.array, FRAMES[1:, 1 : 1 + num_steps])


class Device:
    """Tells of its memory, as the devices of some platforms do."""

    def __init__(self, free):
        self.free = free

    def memory_stats(self):
        return self.free and {"bytes_limit": self.free + 10, "bytes_in_use": 10}


@pytest.mark.parametrize(
    ("devices", "fits"),
    [
        ([4 * FRAMES.nbytes], True),
        ([4 * FRAMES.nbytes - 1], False),
        ([None], False),
        ([4 * FRAMES.nbytes] * 2, False),
    ],
)
def test_data_lie_on_a_device_that_says_they_fit(devices, fits, monkeypatch):
    monkeypatch.setattr(jax, "local_devices", lambda: [Device(n) for n in devices])
    loading = training.Loading()
    placed = loading.placed("windows", WINDOWS)
    assert placed.is_on_device == fits
    assert loading.ahead(placed) == (0 if fits else 2)
    # Data of others stay as they are, and are taken when they are needed.
    other = Windows()
    assert loading.placed("windows", other) is other
    assert loading.ahead(other) == 0


def test_what_can_not_lie_on_the_device_is_said():
    with pytest.raises(TypeError, match=r"`windows` on the device.*jax\.device_put"):
        fit(loading=training.Loading(on_device=True))
    with pytest.raises(ValueError, match="`prefetch`"):
        training.Loading(prefetch=-1)


class Failing(Windows):
    """Has no fourth batch."""

    def __init__(self, error: BaseException):
        super().__init__()
        self.error, self.taken = error, []

    def take(self, numbers):
        self.taken.append(threading.current_thread().name)
        if len(self.taken) == 4:
            raise self.error
        return super().take(numbers)


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_errors_of_data_come_through_at_their_step(ahead, tmp_path):
    error = OSError("the disk is gone")
    windows, reached = Failing(error), []

    def counted(report):
        reached.append(report.step)

    with pytest.raises(OSError, match="the disk is gone") as found:
        fit(
            windows=windows,
            loading=training.Loading(prefetch=ahead),
            keep=training.Keep(every=1),
            checkpoint=tmp_path / "a",
            callbacks=[counted],
        )
    assert found.value is error
    assert set(windows.taken) == {"geomnet batches" if ahead else "MainThread"}
    # The three steps before it have been taken.
    assert len(list(tmp_path.iterdir())) == 3
    assert not threads()


def test_a_signal_stops_a_run_that_takes_ahead(tmp_path):
    loading = training.Loading(prefetch=2)
    slow = Windows(seconds=0.01)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def tell(report):
        os.kill(os.getpid(), signal.SIGINT)

    try:
        with pytest.raises(training.Interrupted, match="at step 10"):
            fit(
                tmp_path / "a",
                windows=slow,
                loading=loading,
                callbacks=[tell],
                num_steps=10**5,
            )
    finally:
        signal.signal(signal.SIGINT, before)
    assert not threads()
    resumed, _ = fit(tmp_path / "a", windows=slow, loading=loading, num_steps=15)
    assert eqx.tree_equal(resumed, fit(num_steps=15)[0])


def test_a_second_ctrl_c_leaves_a_batch_that_does_not_come_from_the_thread(
    monkeypatch,
):
    monkeypatch.setattr(_loading, "_LONGEST_JOIN", 0.1)
    asked = threading.Event()

    class Endless(Windows):
        def take(self, numbers):
            asked.set()
            time.sleep(3)

    def press():
        asked.wait()
        for _ in range(2):
            time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    presser = threading.Thread(target=press)
    presser.start()
    begun = time.monotonic()
    try:
        with pytest.raises(training.Interrupted):
            fit(windows=Endless(), loading=training.Loading(prefetch=1))
    finally:
        signal.signal(signal.SIGINT, before)
    presser.join()
    assert time.monotonic() - begun < 2.5


def test_the_thread_has_the_settings_of_its_caller():
    """JAX's contexts are each thread's own: float64 would be lost."""
    seen = []

    class Wide(Windows):
        def take(self, numbers):
            seen.append(jnp.asarray(np.zeros(1)).dtype)
            return super().take(numbers)

    with jax.enable_x64(True):
        fit(windows=Wide(), loading=training.Loading(prefetch=1), num_steps=1)
    assert set(seen) == {np.dtype("float64")}


def test_validation_and_the_thread_do_not_take_at_once():
    class Alone(Windows):
        busy = threading.Lock()

        def take(self, numbers):
            assert self.busy.acquire(blocking=False), "two at once"
            try:
                return super().take(numbers)
            finally:
                self.busy.release()

    data = Alone(seconds=0.002)
    loading = training.Loading(prefetch=2)
    fit(windows=data, validation=data, loading=loading, validate_every=2, num_steps=9)
