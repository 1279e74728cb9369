"""Signals wait for the end of a training step.

A step gives up the arrays of the state before it, so Python must not be interrupted
inside of one: nothing would be left to save. Handlers that only take note stand in
while training runs in the main thread; what stood there before is called between two
steps.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
TERMINATED = 128 + signal.SIGTERM  # the exit status that shells give


class Interrupted(KeyboardInterrupt):
    """Ctrl-C (SIGINT) during `fit`, after the checkpoint has been written.

    Its text says at which step and where it is saved.
    """


class Terminated(SystemExit):
    """SIGTERM during `fit`, after the checkpoint has been written.

    Where nobody catches it the process ends with status 143, as shells say it.

    `text` says what was reached.
    """

    def __init__(self, text: str):
        super().__init__(TERMINATED)
        self.text = text

    def __str__(self) -> str:
        return self.text


class DeferredSignals:
    """Within it SIGINT and SIGTERM are noted; `deliver` lets them take effect.

    What ignores a signal, or is no Python, stays. Outside of the main thread Python
    gives no signals, and nothing is done.
    """

    def __init__(self, name: str):
        self._name = name
        self._before: dict[int, Any] = {}
        self._noted: list[int] = []
        self._can_be_left = False

    def __enter__(self) -> "DeferredSignals":
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.getsignal(number)
                if before not in (None, signal.SIG_IGN):
                    self._before[number] = before
                    signal.signal(number, self._note)
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        if kind not in (Interrupted, Terminated):
            self.deliver()

    def deliver(self) -> None:
        """Does what would have been done at once.

        **Raises:** `Interrupted` for SIGINT and `Terminated` for SIGTERM, unless the
        program has handlers of its own, which are called.
        """
        while self._noted:
            number = self._noted.pop(0)
            before = self._before[number]
            if callable(before) and before is not signal.default_int_handler:
                before(number, None)
            else:
                kind = Terminated if number == signal.SIGTERM else Interrupted
                raise kind(f"'{self._name}' was stopped.")

    @property
    def are_noted(self) -> bool:
        """Whether `deliver` would do something."""
        return bool(self._noted)

    def during(self, wait: Callable[[], Any]) -> Any:
        """The value of a function that may never come: a second Ctrl-C leaves it."""
        self._can_be_left = True
        try:
            return wait()
        finally:
            self._can_be_left = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._noted and self._can_be_left and number == signal.SIGINT:
            self._noted.clear()
            raise KeyboardInterrupt
        if number not in self._noted:
            self._noted.append(number)
            # No print: the main thread may be inside of one.
            text = f"\n{self._name}: the signal waits for the end of this step ...\n"
            with contextlib.suppress(OSError):
                os.write(2, text.encode())
