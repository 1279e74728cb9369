"""How data come to the device: they lie there, or a thread reads ahead."""

import contextlib
import dataclasses
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from .._arguments import check_count, check_kind
from .._windows import Windows
from ._evaluate import check_windows
from ._layout import ONE_DEVICE, Layout, is_ours
from ._step import batches

_AHEAD = 2
_PART_OF_DEVICE = 4  # data on the device take a quarter of what is free at the most
_LONGEST_JOIN = 5.0  # seconds


@dataclasses.dataclass(frozen=True)
class Loading:
    """How `fit` brings data to the device.

    By default `geomnet.Windows` lie on the device if JAX tells how much of its memory
    is free, and they take a quarter of that or less; else a thread takes two batches
    ahead. Data of your own are taken when they are needed, as only you know whether
    `take` may be called from another thread. The numbers are the same either way.

    **Raises:** `ValueError` for a negative number of batches; `TypeError` for another
    kind.
    """

    on_device: bool | None = None
    """Whether windows are moved to the device, as `Windows.on_device()` does."""
    prefetch: int | None = None
    """How many batches a thread takes ahead; 0 for none. Its calls of `take` are in
    order and never beside one of validation.
    """

    def __post_init__(self):
        check_kind("on_device", self.on_device, bool | None)
        if self.prefetch is not None:
            check_count("prefetch", self.prefetch, at_least=0)

    def placed(self, argument: str, windows: Any, layout: Layout = ONE_DEVICE) -> Any:
        """The `windows` where they shall lie in a `layout` of devices; messages call
        them `argument`.

        **Raises:** `TypeError` if they shall be on the device, and can't.
        """
        check_windows(argument, windows)
        if self.on_device and not hasattr(windows, "on_device"):
            raise TypeError(
                f"`loading` asks for `{argument}` on the device, but "
                f"{type(windows).__name__} has no `on_device()`, as `geomnet.Windows` "
                "has. Put its arrays there yourself, with `jax.device_put`."
            )
        wanted = self.on_device
        if wanted is None:
            wanted = is_ours(windows) and _fits(windows)
        if not wanted:
            return windows
        where = layout.on_each_device() if is_ours(windows) else None
        return windows.on_device() if where is None else windows.on_device(where)

    def ahead(self, windows: Any) -> int:
        """How many batches are taken ahead of such `windows`."""
        if self.prefetch is not None:
            return self.prefetch
        return _AHEAD if is_ours(windows) and not windows.is_on_device else 0


def _fits(windows: Windows) -> bool:
    if windows.is_on_device:
        return True
    devices = jax.local_devices()
    told = devices[0].memory_stats() if len(devices) == 1 else None
    if not told or not {"bytes_limit", "bytes_in_use"} <= set(told):
        return False
    return (
        _PART_OF_DEVICE * windows.nbytes <= told["bytes_limit"] - told["bytes_in_use"]
    )


class Data:
    """The data of a run: batches in order, taken ahead by a thread if that is asked."""

    def __init__(
        self,
        windows: Any,
        batch_size: int,
        key: PRNGKeyArray,
        loading: Loading,
        layout: Layout = ONE_DEVICE,
    ):
        self.windows = loading.placed("windows", windows, layout)
        self.layout = layout
        self._size, self._key = batch_size, key
        self._ahead = loading.ahead(self.windows)
        self._one_at_a_time = threading.Lock()
        self.numbers(0)
        layout.check_batch("batch_size", batch_size)

    def numbers(self, done: int) -> np.ndarray:
        """Those of the windows in the batch after so many steps."""
        return next(self._order(done))

    def _order(self, done: int) -> Iterator[np.ndarray]:
        return batches(len(self.windows), self._size, key=self._key, start=done)

    @contextlib.contextmanager
    def from_step(self, done: int) -> Iterator[None]:
        """Within it `next` gives the batches after so many steps.

        At its end the thread is ended; a batch that it takes is waited for 5 s.
        """
        order = self._order(done)
        self.next = lambda: self.layout.batch(self.windows, next(order))
        if not self._ahead:
            yield
            return
        reader = _Reader(self.next, self._ahead, self._one_at_a_time)
        self.next = reader.next
        try:
            yield
        finally:
            reader.close()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Within it nothing is taken ahead, so that others may read the data."""
        with self._one_at_a_time:
            yield

    def seen(self, done: int, batch: Any) -> Any:
        """The whole batch after so many steps as `windows.take` gives it."""
        if not (is_ours(self.windows) or self.layout.has_several_processes):
            return batch
        with self.paused():
            return self.windows.take(self.numbers(done))

    def blame(self, step: int) -> str:
        """Why the loss of a step, counted from 1, is not finite."""
        with self.paused():
            return _blame(self.windows, self.numbers(step - 1))


class _Reader:
    """A thread that takes what comes next, in order."""

    def __init__(self, take: Callable[[], Any], ahead: int, lock: threading.Lock):
        self._take, self._lock = take, lock
        self._stop = threading.Event()
        self._queue: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(ahead)
        self._thread = threading.Thread(
            target=_with_settings(self._work), name="geomnet batches", daemon=True
        )
        self._thread.start()

    def next(self) -> Any:
        """What comes next. **Raises:** what taking it has raised."""
        batch, error = self._queue.get()
        if error is not None:
            raise error
        return batch

    def close(self) -> None:
        """Ends the thread."""
        self._stop.set()
        until = time.monotonic() + _LONGEST_JOIN
        while self._thread.is_alive() and time.monotonic() < until:
            with contextlib.suppress(queue.Empty):
                self._queue.get_nowait()
            self._thread.join(0.01)

    def _work(self) -> None:
        error = None
        while error is None and not self._stop.is_set():
            batch = None
            try:
                with self._lock:
                    batch = self._take()
            except BaseException as raised:
                error = raised
            self._queue.put((batch, error))


def _with_settings(work: Callable[[], None]) -> Callable[[], None]:
    """The same in a thread under the settings of this one: JAX's contexts are each
    thread's own.
    """
    wide = jax.config.jax_enable_x64  # pyright: ignore
    promotion = jax.config.jax_numpy_dtype_promotion  # pyright: ignore
    device = jax.config.jax_default_device  # pyright: ignore

    def inner() -> None:
        with (
            jax.enable_x64(wide),
            jax.numpy_dtype_promotion(promotion),
            jax.default_device(device),
        ):
            work()

    return inner


def _blame(windows: Any, numbers: np.ndarray) -> str:
    batch = windows.take(numbers)
    for place, leaf in jax.tree_util.tree_flatten_with_path(batch)[0]:
        if not eqx.is_inexact_array_like(leaf):
            continue
        finite = np.isfinite(np.asarray(leaf, np.float64))
        rows = finite.reshape(len(finite), -1).all(axis=1) if finite.ndim else finite
        if not finite.all():
            where = numbers[~rows] if np.shape(rows) == numbers.shape else numbers
            return (
                f"The data are not finite: windows {where.tolist()}, "
                f"`batch{jax.tree_util.keystr(place)}`. A smaller learning rate does "
                "not help: mend these windows or leave them out."
            )
    return "The data of its batch are finite. Use a smaller learning rate."
