"""What `gpu.py` measures of flows: steps of a propagator, feeding, making data."""

import contextlib
import functools
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import jax
import jax.numpy as jnp
import numpy as np
from _gpu_rows import Case, Figures
from _gpu_sizes import Sizes
from _measure import Program, compared, interleaved, once

import geomnet as gn
import pde_data
from geomnet.training import Loading
from geomnet.training._loading import Data
from pde_data.generation._attempt import prepare_attempt
from pde_data.generation._cost import MOST_TOGETHER
from pde_data.generation._slots import run_in_slots

Rows = Iterator[tuple[str, Figures]]
FLOW = gn.Signature("density:0+ velocity:1+ pressure:0+")
PAST, UNROLLED = 4, 4
GAS: dict[str, Any] = {"mach": 0.1, "shear_viscosity": 0.01, "bulk_viscosity": 0.01}
# Two stages, each of which reads and writes four fields of float32 once.
LEAST_BYTES = 2 * 2 * 4 * 4
MOST_SECONDS = 15.0  # that further runs of the generator begin in


def cases(sizes: Sizes) -> Iterator[Case]:
    """All of them, the most important first."""
    cells = sizes.flow_cells
    yield Case("propagator", f"{cells}²", 45, lambda: propagator_steps(sizes))
    yield Case("feeding", f"propagator, {cells}²", 30, lambda: feeding(sizes))
    yield Case("memory", "copy", 5, lambda: copying(sizes))
    # As many at once as `generate` takes: while others wait for slots, and with fewer
    # steps.
    most = min(sizes.slots[-1], MOST_TOGETHER)
    ways = [
        (most, sizes.trajectories_in_slots, "explicit"),
        *((slots, slots, "explicit") for slots in sizes.slots),
        (most, most, "rkl2"),
    ]
    for slots, total, way in ways:
        of = f" of {total}" if total > slots else ""
        name = f"{slots} at once{of}, {sizes.cells}², {way}"
        making = functools.partial(generator, sizes, slots, total, way)
        yield Case("generator", name, 15 + total / 16, making)
    yield Case("training", f"propagator, {cells}²", 70, lambda: training(sizes))


class Stepping:
    """A training run of the propagator: each call is a step, as `fit` takes it."""

    def __init__(self, model: Any, steps: int):
        loss = gn.training.unrolled(gn.metrics.nmse, num_steps=steps)
        optimiser = _optimiser(1000)
        key = jax.random.key(0)
        self._step = gn.training.make_train_step(loss, optimiser)
        self._state = gn.training.start_training(model, optimiser, key=key)

    def __call__(self, batch: Any) -> Any:
        self._state, loss = self._step(self._state, batch)
        return loss


def propagator_steps(sizes: Sizes) -> Rows:
    """A train step of one and of several of the model's own steps."""
    frames = _frames(sizes)
    model = _model(FLOW, frames, sizes)
    windows = gn.Windows(FLOW, frames, PAST, num_targets=UNROLLED)
    batch = jax.device_put(windows.take(np.arange(sizes.flow_batch)))

    def made(steps: int) -> Program:
        stepping = Stepping(model, steps)
        first = once(lambda: stepping(batch))
        return Program(lambda: stepping(batch), {"compile_seconds": first.wall})

    making: dict[str, Callable[[], Program]] = {
        "one step": lambda: made(1),
        f"{UNROLLED} unrolled": lambda: made(UNROLLED),
    }
    yield from compared(making, "one step", fill=sizes.fill)


def feeding(sizes: Sizes) -> Rows:
    """What share of a step waits for its batch, by where the windows lie."""
    frames = _frames(sizes)
    held = gn.Windows(FLOW, frames, PAST)
    stepping = Stepping(_model(FLOW, frames, sizes), 1)
    batch = jax.device_put(held.take(np.arange(sizes.flow_batch)))

    def fed(following: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            loss = None
            for _ in range(sizes.loaded_steps):
                loss = stepping(following())
            return loss

        return run

    with contextlib.ExitStack() as open_ones:
        filed = gn.Windows(FLOW, open_ones.enter_context(_in_a_file(frames)), PAST)
        ways = {
            "on the host": (held, Loading(on_device=False, prefetch=0)),
            "on the host, taken ahead": (held, Loading(on_device=False, prefetch=2)),
            "in a file, taken ahead": (filed, Loading(on_device=False, prefetch=2)),
            "on the device": (held, Loading(on_device=True, prefetch=0)),
        }
        runs = {"a batch at hand": fed(lambda: batch)}
        for name, (windows, loading) in ways.items():
            data = Data(windows, sizes.flow_batch, jax.random.key(0), loading)
            open_ones.enter_context(data.from_step(0))
            runs[name] = fed(data.next)
        # Short turns: a machine that slows down does so for all.
        taken = interleaved(runs, repeats=sizes.loaded_turns)
    seconds = {name: t.wall / sizes.loaded_steps for name, t in taken.items()}
    for name, value in seconds.items():
        waits = max(0.0, 1 - seconds["a batch at hand"] / value)
        yield name, {"seconds": value, "share_that_waits": waits}


@contextlib.contextmanager
def _in_a_file(frames: np.ndarray) -> Iterator[gn.LazyFrames]:
    """The same frames, read from an HDF5 file when they are asked for."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.h5"
        with h5py.File(path, "w") as file:
            for entry, where in zip(FLOW, FLOW.slices(2), strict=True):
                field = frames[..., where]
                file[entry.name] = field if entry.type.order else field[..., 0]
        with gn.FieldData(str(path), FLOW, axes="trajectory time x y") as data:
            yield gn.LazyFrames(data)


def copying(sizes: Sizes) -> Rows:
    """The memory's bandwidth."""
    yield "", {"bytes_per_second": bandwidth(sizes.copied_bytes)}


@functools.lru_cache(maxsize=1)
def bandwidth(size: int) -> float:
    """Bytes read and written in a second by a copy of a large array."""
    array = jnp.zeros(size // 4, jnp.float32)
    # With another sign: a plain copy may be left out.
    copy = jax.jit(jnp.negative)
    return 2 * size / interleaved({"copy": lambda: copy(array)}, fill=0.02)["copy"].wall


def generator(sizes: Sizes, slots: int, total: int, viscous_steps: str) -> Rows:
    """So many trajectories in all, in a loop of so many at once, the longest first as
    `generate` does; compiled before, with hardly any steps.
    """
    config = pde_data.GenerateConfig(
        grid=(sizes.cells,) * 2,
        trajectories=total,
        snapshots=6,
        final_time=sizes.final_time,
        viscous_steps=viscous_steps,
        **GAS,
    )
    prepare_attempt(config, 0)
    attempts: list[Any] = []
    prepared = once(
        lambda: attempts.extend(prepare_attempt(config, i) for i in config.indices)
    )

    attempts.sort(key=lambda attempt: -attempt.max_steps)

    def run(times: tuple[float, ...]) -> list[Any]:
        return [made.num_steps for _, made in run_in_slots(attempts, times, slots)]

    compiling = once(lambda: run(tuple(t / 100 for t in config.times)))
    counts: list[Any] = []
    taken: list[float] = []
    while len(taken) < 5 and sum(taken) < MOST_SECONDS:
        taken.append(once(lambda: counts.append(run(config.times))).wall)
    each = [int(np.sum(np.asarray(count))) for count in counts[-1]]
    steps, seconds = sum(each), statistics.median(taken)
    rate = steps * sizes.cells**2 / seconds
    figures = {
        "seconds": seconds,
        "runs": len(taken),
        "updates_per_second": rate,
        "share_of_floor": rate * LEAST_BYTES / bandwidth(sizes.copied_bytes),
        "steps_per_trajectory": steps / total,
        "prepare_seconds_each": prepared.wall / total,
        "compile_seconds": compiling.wall,
    }
    if total == slots:
        # No trajectory follows one that is done, so its slot idles on.
        figures["with_slots_full"] = max(each) * slots * sizes.cells**2 / seconds
    yield "", figures


def training(sizes: Sizes) -> Rows:
    """Data made here, as `generate` makes them, and a short training on them."""
    count = sizes.trajectories
    config = pde_data.GenerateConfig(
        grid=(sizes.flow_cells,) * 2, trajectories=count, **GAS
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flow.hdf5"
        taken = once(lambda: pde_data.generate(config, path, any_size=True))
        with pde_data.load(path) as data:
            flow = gn.flow_signature(data)
            frames = gn.read_frames(data, dtype=np.float32)
    yield f"file of {count} trajectories", {"seconds": taken.wall}
    model = _model(flow, frames, sizes)
    loss = gn.training.unrolled(gn.metrics.nmse, num_steps=1)
    steps = sizes.training_steps
    _, history = gn.training.fit(
        model,
        loss,
        gn.Windows(flow, frames, PAST),
        _optimiser(steps),
        num_steps=steps,
        batch_size=sizes.flow_batch,
        key=jax.random.key(1),
    )
    each, losses = history["seconds_per_step"], history["training"]
    yield (
        f"{steps} steps",
        {
            "seconds": each,
            "steps_per_second": 1 / each,
            "first_loss": losses[0][1],
            "last_loss": losses[-1][1],
        },
    )


def _optimiser(steps: int) -> Any:
    return gn.training.make_optimiser(
        learning_rate=7e-3, total_steps=steps, warmup_steps=steps // 20
    )


def _frames(sizes: Sizes) -> np.ndarray:
    """Numbers that may be a flow's, where only how many they are counts."""
    cells = (sizes.flow_cells,) * 2
    shape = (sizes.trajectories, 21, *cells, FLOW.features(2))
    noise = np.random.default_rng(0).normal(size=shape)
    # Density and pressure, in the order of `FLOW`, are positive.
    return (0.1 * noise + np.array([1, 0, 0, 1])).astype(np.float32)


def _model(flow: gn.Signature, frames: np.ndarray, sizes: Sizes) -> Any:
    """The propagator of `examples/compressible_navier_stokes.py`, in its settings."""
    parameters = {
        "cell": 1 / sizes.flow_cells,
        "time_step": 0.05,
        "shear_viscosity": GAS["shear_viscosity"],
    }
    units = gn.flow_units()
    network = gn.Propagator(
        gn.hyperoctahedral(2),
        PAST * flow,
        flow,
        hidden="6x0+ 6x1+ 2x0-",
        modes=sizes.modes,
        num_parameters=len(units.numbers),
        norm="none",
        output_scale=0.05,
        key=jax.random.key(0),
    )
    normal = gn.fit_unit_normaliser(units, flow, frames, parameters)
    return gn.Nondimensional(gn.Residual(network), normal, units.given(parameters))
