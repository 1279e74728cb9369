"""Timing two functions fairly: interleaved in one process, medians."""

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

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


def once(function: Callable[[], Any]) -> Seconds:
    """One run, such as a compilation."""
    wall, cpu = time.perf_counter(), time.process_time()
    jax.block_until_ready(function())
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def interleaved(
    functions: Mapping[str, Callable[[], Any]], repeats: int = 7
) -> dict[str, Seconds]:
    """The median seconds of each function, run in turn, after one warm-up each."""
    for function in functions.values():
        jax.block_until_ready(function())
    runs: dict[str, list[Seconds]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            runs[name].append(once(function))
    return {
        name: Seconds(*map(float, np.median(np.array(values), axis=0)))
        for name, values in runs.items()
    }


def machine() -> str:
    """The machine and versions that a figure comes from, in one line."""
    versions = " ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("jax", "equinox")
    )
    return (
        f"{os.cpu_count()} cores {platform.machine()}, {jax.default_backend()}, "
        f"Python {platform.python_version()}, {versions}"
    )
