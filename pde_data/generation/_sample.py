"""One trajectory of a configuration: simulated, certified, stored, or refused."""

import dataclasses
import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import numpy as np

from ..certificates._certificate import certify
from ..certificates._continuity import snapshot_continuity
from ..certificates._drift import worst_share
from ..solver._simulation import SimulationError, Trajectory, simulate_in_program
from ._attempt import Attempt, precision_of, prepare_attempt
from ._box import boundary_names, check_family, kept_totals
from ._coarsening import coarsened
from ._config import GenerateConfig
from ._cost import together
from ._places import SOMEWHERE, Place
from ._probe import probe_start, program_length
from ._slots import run_in_slots

MAX_DRAWS = 8
# Threads that certify; each runs NumPy, which waits for memory more than for Python.
_WORKERS = min(8, os.cpu_count() or 1)
SAFE_SCHEME = "safe"


@dataclasses.dataclass(frozen=True)
class Sample:
    """A simulated trajectory as it is stored, and what is recorded about it.

    **Arguments:**

    - `density`, `pressure`: NumPy arrays `(time, *grid)`; `velocity`:
      `(time, *grid, d)`.
    - `parameters`: Mach number and viscosities, by name.
    - `certificate`: what was proved of it, by name.
    - `num_steps`: how many time steps it took.
    - `draw`: how often it was drawn anew.
    - `safe_scheme`: 1 where the configured scheme broke down, 0 elsewhere.
    """

    density: np.ndarray
    velocity: np.ndarray
    pressure: np.ndarray
    parameters: dict[str, float]
    certificate: dict[str, float]
    num_steps: int
    draw: int
    safe_scheme: int


def simulate_trajectory(config: GenerateConfig, index: int) -> Sample:
    """Trajectory `index` of `config`, the same bits alone or among others.

    **Raises:** `IndexError` where there is no such trajectory; `SimulationError` if
    neither scheme survives any of eight draws.
    """
    if not 0 <= index < config.trajectories:
        raise IndexError(
            f"`index` must be from 0 to {config.trajectories - 1}, got {index}."
        )
    check_family(config)
    return _survivor(config, index)


def simulate_trajectories(
    config: GenerateConfig,
    indices: Iterable[int],
    places: Sequence[Place] = SOMEWHERE,
) -> Iterator[tuple[int, Sample]]:
    """Trajectories with their numbers, each as soon as it is ready.

    On a CPU one after the other, as a vectorised loop is no faster there. On an
    accelerator several at a time (`_cost.together`), in the order they are done in.
    Places take the next one from a common queue whenever they are free.
    """
    num_slots = together(config, places)
    if num_slots > 1:
        indices = _longest_first(config, indices)
    waiting = deque(indices)
    streams = [_samples(config, waiting, num_slots, place) for place in places]
    yield from streams[0] if len(streams) == 1 else _side_by_side(streams)


def _samples(
    config: GenerateConfig, waiting: deque[int], num_slots: int, place: Place
) -> Generator[tuple[int, Sample], None, None]:
    """What one place makes of those that are waiting."""
    if num_slots > 1:
        yield from _certified_meanwhile(config, _taken(waiting), num_slots, place)
        return
    for index in _taken(waiting):
        yield index, _survivor(config, index, place=place)


def _taken(waiting: deque[int]) -> Iterator[int]:
    """All that nobody else takes: unlike most, a deque may be shared by threads."""
    while True:
        try:
            yield waiting.popleft()
        except IndexError:
            return


def _side_by_side(
    streams: Sequence[Generator[tuple[int, Sample], None, None]],
) -> Iterator[tuple[int, Sample]]:
    """What streams yield, each in a thread of its own and one item ahead at most."""
    workers = ThreadPoolExecutor(len(streams))
    running = {workers.submit(next, stream, None): stream for stream in streams}
    try:
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            # What is finished is kept, whatever has become of the others.
            for future in sorted(done, key=lambda one: one.exception() is not None):
                stream, item = running.pop(future), future.result()
                if item is not None:
                    running[workers.submit(next, stream, None)] = stream
                    yield item
    finally:
        workers.shutdown(cancel_futures=True)
        for stream in streams:
            stream.close()


def _certified_meanwhile(
    config: GenerateConfig, indices: Iterable[int], num_slots: int, place: Place
) -> Iterator[tuple[int, Sample]]:
    """Samples in the order of their runs, certified by threads while others run.

    A certificate takes the host longer than its run takes a large accelerator.
    """
    ahead: deque[tuple[int, Future[Sample]]] = deque()
    workers = ThreadPoolExecutor(_WORKERS)
    try:
        for attempt, run in _runs(config, indices, num_slots, place):
            first = (attempt, run)
            sample = workers.submit(_survivor, config, attempt.index, first, place)
            ahead.append((attempt.index, sample))
            # So many runs are kept in memory, and no more.
            while ahead and (ahead[0][1].done() or len(ahead) > 2 * _WORKERS):
                index, sample = ahead.popleft()
                yield index, sample.result()
        for index, sample in ahead:
            yield index, sample.result()
    finally:
        workers.shutdown(cancel_futures=True)


def simulate_together(
    config: GenerateConfig, indices: Sequence[int], num_slots: int
) -> Iterator[tuple[Attempt, Trajectory]]:
    """The first attempts at trajectories, `num_slots` at a time in one loop.

    Those that need most steps come first. Their bits, and whether they failed, are
    those of single calls.
    """
    order = _longest_first(config, indices)
    yield from _runs(config, order, min(num_slots, len(indices)), SOMEWHERE[0])


def _longest_first(config: GenerateConfig, indices: Iterable[int]) -> list[int]:
    # An attempt is prepared again when its turn comes: the starts of a whole file may
    # not fit into memory.
    steps = {index: prepare_attempt(config, index).max_steps for index in indices}
    return sorted(steps, key=lambda index: -steps[index])


def _runs(
    config: GenerateConfig, indices: Iterable[int], num_slots: int, place: Place
) -> Iterator[tuple[Attempt, Trajectory]]:
    attempts = (prepare_attempt(config, index) for index in indices)
    runs = run_in_slots(attempts, config.times, num_slots)
    while True:
        # Not around the `yield`: precision and place are the caller's there.
        with precision_of(config), place.here():
            item = next(runs, None)
        if item is None:
            return
        yield item


def _survivor(
    config: GenerateConfig,
    index: int,
    first: tuple[Attempt, Trajectory] | None = None,
    place: Place = SOMEWHERE[0],
) -> Sample:
    """The trajectory of the first attempt that does not break down.

    `first` is the first attempt and its run, where it has been simulated already.
    """
    with precision_of(config), place.here():
        for draw in range(MAX_DRAWS):
            for scheme in dict.fromkeys((config.scheme, SAFE_SCHEME)):
                attempt, run = first or _simulated(config, index, draw, scheme, place)
                first = None
                sample = _certified(config, attempt, run, place)
                if sample is not None:
                    return sample
    raise SimulationError(
        f"Trajectory {index} broke down with {MAX_DRAWS} draws, also with the scheme "
        f"{SAFE_SCHEME!r}: lower `mach`, raise the viscosities or refine `grid`."
    )


def _simulated(
    config: GenerateConfig, index: int, draw: int, scheme: str, place: Place
) -> tuple[Attempt, Trajectory]:
    attempt = prepare_attempt(config, index, draw, scheme)
    length = program_length(config.snapshots)
    run = simulate_in_program(
        attempt.solver,
        attempt.start,
        config.times,
        length,
        attempt.max_steps,
        place.mesh,
    )
    return attempt, run


def _certified(
    config: GenerateConfig, attempt: Attempt, run: Trajectory, place: Place
) -> Sample | None:
    """A trajectory as it is stored, or `None` if it broke down."""
    if bool(run.failed):
        return None
    density, velocity, pressure = _stored_fields(run, config)
    certificate = certify(density, velocity, pressure, config.gamma)
    num_steps = int(np.sum(np.asarray(run.num_steps)))
    if not certificate.physical:
        return None
    kept = kept_totals(config)
    if worst_share(certificate, num_steps, config.coarser_precision, kept) > 1:
        return None
    figures = certificate.figures
    figures["continuity_residual"] = snapshot_continuity(
        np.asarray(config.times),
        config.box.extent,
        density,
        velocity,
        pressure,
        gamma=config.gamma,
        periodic=[name == "periodic" for name in boundary_names(config)],
    )
    figures |= probe_start(
        attempt.solver, attempt.start, attempt.index, config.snapshots, place.mesh
    )
    figures["courant_number"] = attempt.solver.courant_number
    return Sample(
        density,
        velocity,
        pressure,
        attempt.parameters,
        figures,
        num_steps=num_steps,
        draw=attempt.draw,
        safe_scheme=int(attempt.scheme != config.scheme),
    )


def _stored_fields(
    run: Trajectory, config: GenerateConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Density, velocity and pressure on the stored grid, in the stored precision."""
    density, velocity, pressure = map(
        np.asarray, (run.density, run.velocity, run.pressure)
    )
    if config.refinement > 1:
        density, velocity, pressure = coarsened(
            density, velocity, pressure, config.gamma, config.refinement
        )
    kind = config.dtype
    return density.astype(kind), velocity.astype(kind), pressure.astype(kind)
