"""What several processes of one run tell each other besides numbers."""

import contextlib
import importlib.metadata
import itertools
import json
import platform
from collections.abc import Iterator
from typing import Any

import jax

from ._layout import Layout
from ._metadata import differences, named

_PATIENCE = 120.0  # seconds that a process waits for another one to begin
_PACKAGES = ("geomnet", "jax", "jaxlib", "numpy", "equinox", "optax")

_calls = itertools.count()


def check_processes_agree(layout: Layout, run: dict[str, Any]) -> None:
    """Compares versions and what decides the run, before anything is compiled.

    **Raises:** `ValueError` that names the first process that differs from process 0,
    and in what; `RuntimeError` if one has not come so far.
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
        lines = differences(others[0], other)
        if lines:
            raise ValueError(
                f"Process {number} is not of the run of process 0: {named(lines)} "
                "(the first, `here`, is of the former). Give all processes the same "
                "versions, arguments and files, and a `checkpoint` in a folder that "
                "all of them see."
            )


@contextlib.contextmanager
def naming_ended_processes(layout: Layout, kept: Any) -> Iterator[None]:
    """Within it what JAX says where another process has ended is said clearly.

    **Raises:** `RuntimeError` in its place.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if not layout.has_several_processes:
            raise
        raise RuntimeError(
            f"Process {jax.process_index()} of {jax.process_count()} can't go on: "
            f"another process has ended, or is not to be reached. {kept()} Start the "
            "same program again, with any number of processes, and it goes on from "
            f"there. JAX says: {str(error).splitlines()[0]}"
        ) from error


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
