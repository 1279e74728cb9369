"""What several processes of one run tell each other besides numbers."""

import contextlib
import importlib.metadata
import itertools
import json
import os
import platform
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jax

from ._layout import Layout
from ._metadata import differences, named
from ._run import apart

_PATIENCE = 120.0  # seconds that a process waits for another one to begin
_PACKAGES = ("geomnet", "jax", "jaxlib", "numpy", "equinox", "optax")

_GRACE = 10.0  # seconds in which a process may end by itself
_SECOND = 1000  # milliseconds
_AGAIN = "Start the same program again, with any number of processes."

_calls, _watches = itertools.count(), itertools.count()


def check_processes_agree(layout: Layout, run: dict[str, Any]) -> None:
    """Compares versions and what decides the run, before anything is compiled.

    **Raises:** `ValueError` that names in what a process differs from process 0;
    `RuntimeError` if one has not come so far.
    """
    client = _client()
    if not layout.has_several_processes or client is None:
        return
    told = json.loads(json.dumps({"versions": _versions(), **run}))
    # All make the same calls of `fit`, so that numbers tell them apart.
    place = f"geomnet/fit/{next(_calls)}/"
    client.key_value_set(f"{place}{jax.process_index()}", json.dumps(told))
    others = [_heard(client, place, n) for n in range(jax.process_count())]
    for number, other in enumerate(others):
        places = "in process 0", f"in process {number}"
        first, own = (
            {k: v for k, v in d.items() if k != "start"} for d in (others[0], other)
        )
        lines = differences(first, own, places=places)
        # Sums differ between machines.
        if apart(others[0]["start"], other["start"], "start"):
            lines.append(f"the weights to begin with, in process 0 and {number}")
        if lines:
            raise ValueError(
                f"Processes differ: {named(lines)}. Give all of them the same "
                "versions, arguments and files, and a `checkpoint` in a folder that "
                "all of them see."
            )


@contextlib.contextmanager
def ending_together(layout: Layout, kept: Callable[[], str]) -> Iterator[None]:
    """Within it an exception in one process ends the others too, and they say why.

    They may wait for its numbers, inside of JAX, where no exception reaches them: so a
    thread ends the process, with status 1, if it has not ended `fit` by itself. (A
    process that is killed is noticed by JAX, which ends the others.)
    """
    client = _client()
    if not layout.has_several_processes or client is None:
        yield
        return
    place, has_left = f"geomnet/ended/{next(_watches)}", threading.Event()

    def watch() -> None:
        while not has_left.is_set():
            with contextlib.suppress(jax.errors.JaxRuntimeError):
                text = client.blocking_key_value_get(place, _SECOND)
                if not has_left.wait(_GRACE):
                    said = f"{text.rstrip('.')}. {kept()} {_AGAIN}"
                    os.write(2, f"\nThis process ends, as {said}\n".encode())
                    os._exit(1)

    threading.Thread(target=watch, name="geomnet processes", daemon=True).start()
    try:
        yield
    except BaseException as error:
        ended = f"process {jax.process_index()} has ended"
        text = f"{ended} by {type(error).__name__}: {error}"
        with contextlib.suppress(jax.errors.JaxRuntimeError):  # Another was quicker.
            client.key_value_set(place, text)
        raise
    finally:
        has_left.set()


def _client() -> Any:
    # The only way to tell texts that needs no compiled program; JAX has no public one.
    from jax._src import distributed

    return distributed.global_state.client


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def _heard(client: Any, place: str, number: int) -> dict[str, Any]:
    try:
        milliseconds = int(1000 * _PATIENCE)
        return json.loads(
            client.blocking_key_value_get(f"{place}{number}", milliseconds)
        )
    except jax.errors.JaxRuntimeError as error:
        raise RuntimeError(
            f"Process {number} has not begun its training within {_PATIENCE:.0f} "
            "seconds: it has ended, or does something else. Its own output says why; "
            "all processes must call `fit` alike."
        ) from error
