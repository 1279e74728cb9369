"""Timing functions fairly: interleaved in one process, medians.

An accelerator works through what it is given in order while Python goes on, so nothing
is waited for inside of what is timed but its last result.
"""

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np


class Seconds(NamedTuple):
    """What a run took: by the clock, and of all cores together.

    On a machine shared with others the second is the steadier figure.
    """

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{1e3 * self.wall:.0f} ms (cpu {1e3 * self.cpu:.0f})"


def once(function: Callable[[], Any], calls: int = 1) -> Seconds:
    """One run, such as a compilation; or the mean of several, one behind the other."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = None
    for _ in range(calls):
        result = function()
    jax.block_until_ready(result)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Seconds(wall / calls, cpu / calls)


MOST_CALLS = 100  # behind each other


def interleaved(
    functions: Mapping[str, Callable[[], Any]], repeats: int = 7, fill: float = 0.0
) -> dict[str, Seconds]:
    """The median seconds of each function, run in turn, after one warm-up each.

    **Arguments:** `fill`: seconds that a run should last; shorter functions are called
    several times before the device is waited for, or the way to it and back would
    count for more than they do.
    """
    calls = {}
    for name, function in functions.items():
        jax.block_until_ready(function())
        wanted = fill / once(function).wall if fill else 1
        calls[name] = max(1, min(MOST_CALLS, round(wanted)))
    runs: dict[str, list[Seconds]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            runs[name].append(once(function, calls[name]))
    return {
        name: Seconds(*map(float, np.median(np.array(values), axis=0)))
        for name, values in runs.items()
    }


class Program(NamedTuple):
    """A function that is ready to run, and what it took to make it so."""

    run: Callable[[], Any]
    figures: dict[str, float]


def compiled(f: Callable[..., Any], *arguments: Any) -> Program:
    """`f` of arrays and modules, traced, compiled, and run once.

    Of a list of arrays: to take a module apart at each call costs the host more than a
    small layer costs a GPU. `"peak_bytes"` is what the process has had in use at once,
    given where this program is what raised it.
    """
    arrays, rest = eqx.partition(arguments, eqx.is_array)
    leaves, structure = jax.tree.flatten(arrays)

    def flat(leaves: list[jax.Array]) -> list[jax.Array]:
        given = eqx.combine(jax.tree.unflatten(structure, leaves), rest)
        return jax.tree.leaves(eqx.filter(f(*given), eqx.is_array))

    began = time.perf_counter()
    program = jax.jit(flat).lower(leaves).compile()
    figures: dict[str, float] = {"compile_seconds": time.perf_counter() - began}
    planned = getattr(program.memory_analysis(), "temp_size_in_bytes", None)
    if planned is not None:
        figures["planned_bytes"] = planned
    before = peak_bytes()
    jax.block_until_ready(program(leaves))
    after = peak_bytes()
    if before is not None and after is not None and after > before:
        figures["peak_bytes"] = after
    return Program(lambda: program(leaves), figures)


def peak_bytes() -> int | None:
    """What the process has had in use at once on the device, where that is known."""
    return (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use")


def compared(
    contestants: Mapping[str, Callable[[], Program]],
    baseline: str,
    repeats: int = 7,
    fill: float = 0.0,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """What each contestant took, by name; one that can't be made gives its error.

    **Arguments:** as in `interleaved`, and `baseline`: whose seconds are one.
    """
    ready: dict[str, Program] = {}
    for name, make in contestants.items():
        try:
            ready[name] = make()
        except Exception as error:
            yield name, {"error": in_words(error)}
    runs = {name: program.run for name, program in ready.items()}
    seconds = {n: taken.wall for n, taken in interleaved(runs, repeats, fill).items()}
    for name, program in ready.items():
        ratio = {}
        if baseline in seconds and name != baseline:
            ratio[f"times_{baseline}"] = seconds[name] / seconds[baseline]
        yield name, {"seconds": seconds[name], **ratio, **program.figures}


def in_words(error: BaseException) -> str:
    """An error in one line that is not too long."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300]


def machine() -> str:
    """The machine and versions that a figure comes from, in one line."""
    versions = " ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("jax", "equinox")
    )
    device = jax.devices()[0].device_kind
    backend = jax.default_backend()
    return (
        f"{os.cpu_count()} cores {platform.machine()}, "
        f"{backend}{'' if backend == 'cpu' else f' ({device})'}, "
        f"Python {platform.python_version()}, {versions}"
    )
