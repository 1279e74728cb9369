"""Timing two functions fairly: interleaved in one process, medians."""

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np


def interleaved(
    functions: Mapping[str, Callable[[], Any]], repeats: int = 7
) -> dict[str, float]:
    """The median seconds of each function, run in turn, after one warm-up each."""
    for function in functions.values():
        jax.block_until_ready(function())
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.perf_counter()
            jax.block_until_ready(function())
            seconds[name].append(time.perf_counter() - start)
    return {name: float(np.median(values)) for name, values in seconds.items()}


def machine() -> str:
    """The machine and versions that a figure comes from, in one line."""
    versions = " ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("jax", "equinox")
    )
    return (
        f"{os.cpu_count()} cores {platform.machine()}, {jax.default_backend()}, "
        f"Python {platform.python_version()}, {versions}"
    )
