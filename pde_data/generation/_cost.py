"""What a run will take: memory and disk from its sizes, time from its first steps."""

import dataclasses
import math
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh

from ..solver._simulation import Trajectory, simulate_in_program
from ._attempt import Attempt, first_rate, precision_of, prepare_attempt
from ._config import GenerateConfig
from ._places import SOMEWHERE, Place
from ._probe import program_length

# One state is density, velocity and pressure on the grid that is simulated. Measured: a
# run holds each snapshot three and a half times, and 40 (MUSCL) to 90 (WENO in 3D)
# states beside them, with what is made of them afterwards.
COPIES_OF_SNAPSHOTS = 4
WORKING_STATES = 100
# A run may take this share of the memory of its machine or accelerator.
MEMORY_SHARE = 0.5
MOST_TOGETHER = 96
# A trajectory is shown, and kept, when it is done. In single precision a step shorter
# than 1e-7 of an interval can't be told from none.
MOST_SECONDS = 3600.0
MOST_STEPS = 10**7
MOST_SECONDS_IN_ALL = 30 * 86400.0
# Trajectories that are looked at before all are simulated.
_LOOKED_AT = 4
_INTERVALS = 8


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What a run takes, in bytes: `memory` while it runs, `file` on the disk."""

    memory: int
    file: int


@dataclasses.dataclass(frozen=True)
class Duration:
    """How long one trajectory of a run takes, as its start lets expect.

    **Arguments:**

    - `steps`: the most of any trajectory that was looked at.
    - `seconds`: for so many steps, measured; NaN where several run in one loop.
    - `seconds_in_all`: of all trajectories, at the mean of those looked at.
    """

    steps: float
    seconds: float
    seconds_in_all: float = math.nan


def sizes(config: GenerateConfig, places: Sequence[Place] = SOMEWHERE) -> Sizes:
    """The memory and the disk space that a configuration takes, about.

    Memory is that of the host for all places on a CPU, else that of each accelerator.
    """
    d = len(config.grid)
    stored = math.prod(config.grid) * (d + 2)
    one = stored * config.snapshots * np.dtype(config.dtype).itemsize
    memory = together(config, places) * _memory_of_one(config)
    if jax.default_backend() == "cpu":
        memory *= min(len(places), len(config.indices))
    else:
        memory //= places[0].num_devices
    return Sizes(memory, len(config.indices) * one)


def together(config: GenerateConfig, places: Sequence[Place] = SOMEWHERE) -> int:
    """How many trajectories run in one loop: one on a CPU, where more are no faster,
    and one where several devices share it.

    On an accelerator `config.batch`, or as many as have room in the share of its memory
    that a run may take, at most 96: more were no faster on the largest.
    """
    if jax.default_backend() == "cpu" or places[0].num_devices > 1:
        return 1
    batch = config.batch
    if batch is None:
        room = MEMORY_SHARE * memory_there() / _memory_of_one(config)
        batch = max(1, min(MOST_TOGETHER, int(room)))
    return min(batch, -(-len(config.indices) // len(places)))


def _memory_of_one(config: GenerateConfig) -> int:
    d = len(config.grid)
    cells = math.prod(config.grid) * config.refinement**d
    state = cells * (d + 2) * np.dtype(config.precision).itemsize
    copies = COPIES_OF_SNAPSHOTS * program_length(config.snapshots) + WORKING_STATES
    return state * copies


def check_sizes(
    config: GenerateConfig,
    any_size: bool = False,
    places: Sequence[Place] = SOMEWHERE,
) -> None:
    """Refuse what would use up the memory.

    **Raises:** `ValueError` that says what would take less.
    """
    needed, there = sizes(config, places).memory, memory_there()
    if needed > MEMORY_SHARE * there and not any_size:
        raise ValueError(
            f"`grid`, `refinement` and `snapshots` need about {in_words(needed)} of "
            f"memory ({config.grid}, {config.refinement}, {config.snapshots}), more "
            f"than {MEMORY_SHARE:.0%} of the {in_words(there)} that this machine has: "
            "lower them, or say `any_size=True` (--any-size)."
        )


def check_disk(config: GenerateConfig, folder: Path) -> None:
    """Refuse a file for which there is no space.

    **Raises:** `OSError` that says how much is needed.
    """
    needed, free = sizes(config).file, shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"`trajectories`, `snapshots` and `grid` need {in_words(needed)} on the "
            f"disk, and {in_words(free)} are free in {folder}: lower them, free some "
            "space, or make parts elsewhere with `shard`."
        )


def expected_duration(
    config: GenerateConfig,
    indices: Sequence[int],
    places: Sequence[Place] = SOMEWHERE,
) -> Duration:
    """How long a trajectory takes, of those that are still to be simulated.

    The steps are those of the limits of the start; a flow that becomes faster needs
    more. The time is that of the steps of two short runs, by the program that the
    trajectories will have: it is compiled here.
    """
    chosen = np.unique(np.linspace(0, len(indices) - 1, _LOOKED_AT).astype(int))
    attempts = [prepare_attempt(config, indices[i]) for i in chosen]
    with precision_of(config), places[0].here():
        steps = [_num_steps(config, attempt) for attempt in attempts]
        longest = int(np.argmax(steps))
        seconds = math.nan
        if together(config, places) == 1 and 0 < steps[longest] <= MOST_STEPS:
            mesh = places[0].mesh
            seconds = _seconds(config, attempts[longest], steps[longest], mesh)
    share = float(np.mean(steps)) / steps[longest] if steps[longest] else math.nan
    each = len(indices) / min(len(places), len(indices))
    return Duration(steps[longest], seconds, seconds * share * each)


def check_duration(duration: Duration, any_length: bool = False) -> None:
    """Refuse a trajectory that would take longer than anyone expects.

    **Raises:** `ValueError` that says what would take less.
    """
    long = duration.steps > MOST_STEPS or duration.seconds > MOST_SECONDS
    if long and not any_length:
        raise ValueError(
            f"`final_time` is {duration.steps:.3g} time steps away"
            f"{_lasting(duration)}: a trajectory may have {MOST_STEPS:.0e} steps and "
            f"take {in_time(MOST_SECONDS)}. Lower `final_time`, the viscosities or the "
            "number of cells, raise `mach`, or say `any_length=True` (--any-length)."
        )
    if duration.seconds_in_all > MOST_SECONDS_IN_ALL and not any_length:
        raise ValueError(
            f"`trajectories` take {in_time(duration.seconds_in_all)} in all, more than "
            f"{in_time(MOST_SECONDS_IN_ALL)}: lower them, make parts with `shard`, or "
            "say `any_length=True` (--any-length)."
        )


def summary(config: GenerateConfig, places: Sequence[Place] = SOMEWHERE) -> str:
    """What is going to be simulated and how large it is, in one line."""
    number, shape = len(config.indices), " x ".join(map(str, config.grid))
    finer = "" if config.refinement == 1 else f" ({config.refinement} x finer inside)"
    line = "" if len(config.grid) > 1 else ", a line"
    size = sizes(config, places)
    return (
        f"{config.family}: {number} {'trajectory' if number == 1 else 'trajectories'} "
        f"in {len(config.grid)}D on {shape} cells{line}{finer}, {config.snapshots} "
        f"snapshots to time {config.final_time:g}; file {in_words(size.file)}, memory "
        f"about {in_words(size.memory)}."
    )


def duration_summary(duration: Duration) -> str:
    """How long a trajectory takes, in one line."""
    text = f"A trajectory has about {duration.steps:.3g} steps{_lasting(duration)}"
    if duration.seconds_in_all > duration.seconds:
        text += f"; all of them take {in_time(duration.seconds_in_all)}"
    return f"{text}."


def _lasting(duration: Duration) -> str:
    if math.isnan(duration.seconds):
        return ""
    return f", {in_time(duration.seconds)}"


def memory_there() -> int:
    """The memory in which trajectories are simulated, in bytes."""
    device = jax.devices()[0]
    if device.platform != "cpu":
        limit = (device.memory_stats() or {}).get("bytes_limit")
        if limit:
            return int(limit)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def in_words(size: int | float) -> str:
    """A number of bytes."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} TiB"


def in_time(seconds: float) -> str:
    """A number of seconds."""
    for limit, length, unit in ((100, 1, "s"), (6000, 60, "min"), (3e5, 3600, "h")):
        if seconds < limit:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds / 86400:.3g} days"


def _num_steps(config: GenerateConfig, attempt: Attempt) -> float:
    """The number of steps at the rate of the start; 0 if it is no physical state."""
    rate = float(first_rate(attempt.solver, attempt.start))
    if not 0 < rate < math.inf:
        return 0.0
    steps = config.final_time * rate / float(attempt.solver.courant_number)
    return max(float(config.snapshots - 1), steps)


def _seconds(
    config: GenerateConfig, attempt: Attempt, steps: float, mesh: Mesh | None
) -> float:
    """The time of a run, from one of few and one of more steps; NaN if they fail."""
    length = program_length(config.snapshots)
    rate = float(first_rate(attempt.solver, attempt.start))
    step = 0.9 * float(attempt.solver.courant_number) / rate

    def run(steps_each: int) -> tuple[float, Trajectory]:
        times = np.arange(_INTERVALS + 1) * (steps_each * step)
        begun = time.perf_counter()
        found = simulate_in_program(
            attempt.solver, attempt.start, times, length, 1000, mesh
        )
        jax.block_until_ready(found.failed)
        return time.perf_counter() - begun, found

    run(1)
    (few_seconds, few), (more_seconds, more) = run(1), run(4)
    if bool(few.failed) or bool(more.failed):
        return math.nan
    few_steps, more_steps = (int(np.sum(np.asarray(r.num_steps))) for r in (few, more))
    each = max(0.0, more_seconds - few_seconds) / max(1, more_steps - few_steps)
    return few_seconds + max(0.0, steps - few_steps) * each
