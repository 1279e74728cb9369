"""Does symmetry buy better rollouts? Networks, twins, amounts of data, seeds.

    python examples/study.py --budget 60        # an hour's worth; again to go on
    python examples/study.py --paper            # 128 x 128 as published: for a GPU
    python examples/study.py --budget 0         # the tables of what is there so far

One cell at a time is trained and measured, the most telling first. What it gave is a
line of `rows.jsonl` in the output folder at once, and no cell with a line is run again:
Ctrl-C or a crash lose the cell that was running and nothing else. The tables and
figures that `study_report.py` makes of the lines are written after every cell.
"""

import dataclasses
import functools
import json
import sys
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import study_report
import tyro
from study_cells import ARMS, FLOWS, Arm, Cell, cells_of

import geomnet as gn
import pde_data

GROUP = gn.hyperoctahedral(2)
OTHER_UNITS = {"M": 20.0, "L": 1.0, "T": 0.1}
"""Density 20 times and temperature 100 times as large: far outside of the data."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides the rows."""

    out: Path = Path("outputs/study")
    """Folder for data, rows, tables and figures."""
    budget: float = 60.0
    """Minutes after which no further cell begins."""
    paper: bool = False
    """The published setting alone: 128 x 128, 128 trajectories, both Mach numbers."""
    grid: int = 32
    """Cells along each side of the periodic box."""
    modes: int = 15
    """Largest wave number of the propagators along each side."""
    trajectories: tuple[int, ...] = (8, 32, 128)
    """Trajectories to train on."""
    test_trajectories: int = 32
    """Trajectories to test on."""
    seeds: int = 3
    """Seeds of each cell."""
    past: int = 4
    """Frames that a model sees."""
    rollout_steps: int = 15
    """Steps of the autoregressive rollouts."""
    steps: int = 600
    """Training steps of a propagator; an arm may have a share of them."""
    unrolled_share: float = 0.15
    """Share of the training steps in which the loss looks at four steps."""
    batch_size: int = 8
    """Windows per step."""
    learning_rate: float = 7e-3
    """Peak of the learning rate."""
    arms: tuple[str, ...] = ()
    """Only these arms, of `study_cells.py`; all by default."""


PAPER = Settings(
    out=Path("outputs/paper"),
    budget=600.0,
    paper=True,
    grid=128,
    modes=24,
    trajectories=(128,),
    test_trajectories=128,
    steps=4000,
    batch_size=16,
)


@dataclasses.dataclass(frozen=True, eq=False)
class Data:
    """The flows of one Mach number, and what is given with them."""

    signature: gn.Signature
    train: np.ndarray
    test: np.ndarray
    other: np.ndarray
    """Of another family of initial states."""
    parameters: dict[str, float]
    normaliser: gn.Normaliser
    """Of all training flows: the units of the SMSE, the same for all cells."""


def main(settings: Settings) -> list[dict[str, Any]]:
    """Runs cells until the budget is spent; returns all rows."""
    settings.out.mkdir(parents=True, exist_ok=True)
    rows, end = read_rows(settings), time.monotonic() + 60 * settings.budget
    done = {row["cell"] for row in rows}
    wanted = cells_of(settings.trajectories, settings.seeds, paper=settings.paper)
    wanted = [c for c in wanted if not settings.arms or c.arm in settings.arms]
    left = [cell for cell in wanted if str(cell) not in done]
    before = None
    for number, cell in enumerate(left):
        if time.monotonic() > end:
            print(f"The budget is spent; {len(left) - number} cells are left.")
            break
        # Seeds share what is compiled, other cells hardly anything: a process that kept
        # all of it would run out of memory maps.
        if before and dataclasses.replace(before, seed=cell.seed) != cell:
            jax.clear_caches()
        before = cell
        row = {"cell": str(cell), "settings": decisive(settings, cell.arm)}
        row |= run(cell, settings)
        rows.append(row)
        with (settings.out / "rows.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(
            f"[{number + 1}/{len(left)}] {cell}: {study_report.line(row)}", flush=True
        )
        study_report.write(rows, settings.out)
    study_report.write(rows, settings.out)
    return rows


def decisive(settings: Settings, arm: str) -> dict[str, Any]:
    """What made a row: the settings that rows of one folder have in common, and how the
    model of its arm is built and trained.
    """
    free = ("out", "budget", "trajectories", "seeds", "arms")
    common = {k: v for k, v in dataclasses.asdict(settings).items() if k not in free}
    return common | {"arm": dataclasses.asdict(ARMS[arm])}


def read_rows(settings: Settings) -> list[dict[str, Any]]:
    """The lines that are there, the last one left out if a crash cut it off."""
    path, rows = settings.out / "rows.jsonl", []
    if not path.exists():
        return rows
    lines = path.read_text().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) < len(lines):
        path.write_text("".join(whole))
    for number, text in enumerate(whole, start=1):
        row = json.loads(text)
        if row["arm"] not in ARMS:
            sys.exit(
                f"{path}, line {number} is of an arm '{row['arm']}' that is not there. "
                "Use another folder with `--out`."
            )
        differing = {
            name: (row["settings"].get(name), value)
            for name, value in decisive(settings, row["arm"]).items()
            if row["settings"].get(name) != value
        }
        if differing:
            sys.exit(
                f"{path}, line {number} has other settings (there, here): {differing}. "
                "Use the same ones, or another folder with `--out`."
            )
        rows.append(row)
    return rows


@functools.cache
def load(flow: str, settings: Settings) -> Data:
    """Generates or reuses the trajectories of one Mach number."""
    mach, viscosity = FLOWS[flow]
    most = max(settings.trajectories)

    def frames_of(family: str, count: int) -> tuple[gn.Signature, np.ndarray, float]:
        path = settings.out / f"{flow}_{family}_{settings.grid}_{count}.hdf5"
        config = pde_data.GenerateConfig(
            family=family,
            grid=(settings.grid,) * 2,
            mach=mach,
            shear_viscosity=viscosity,
            bulk_viscosity=viscosity,
            final_time=1.0,
            trajectories=count,
        )
        pde_data.generate(config, path, progress=True)
        with pde_data.load(path) as data:
            signature = gn.flow_signature(data)
            frames = gn.read_frames(data, dtype=np.float32)
            return signature, frames, float(data.times[1] - data.times[0])

    tests = settings.test_trajectories
    flow_signature, frames, time_step = frames_of("random_fourier", most + tests)
    _, other, _ = frames_of("turbulent", min(tests, 16))
    given = {"cell": 1 / settings.grid, "time_step": time_step}
    return Data(
        flow_signature,
        frames[:most],
        frames[most:],
        other,
        given | {"shear_viscosity": viscosity},
        gn.fit_normaliser(flow_signature, frames[:most]),
    )


def run(cell: Cell, settings: Settings) -> dict[str, Any]:
    """Trains the model of one cell and measures it."""
    arm, data = ARMS[cell.arm], load(cell.flow, settings)
    start = time.monotonic()
    model = build(arm, cell, data, settings)
    seconds = 0.0
    if arm.network != "persistence":
        model, seconds = train(model, arm, cell, data, settings)
    row = dataclasses.asdict(cell) | {
        "parameters": gn.models.count_parameters(model),
        "training_steps": steps_of(arm, cell, settings),
        "seconds_per_step": seconds,
    }
    row["tests"] = measure(model, data, settings)
    if arm.averaged:
        row["averaged"] = measure(gn.GroupAverage(model, GROUP), data, settings)
    return row | {"seconds": time.monotonic() - start}


def build(arm: Arm, cell: Cell, data: Data, settings: Settings) -> Any:
    """The model of an arm, in the units of the data."""
    flow, seen = data.signature, data.train[: cell.trajectories]
    if arm.network == "persistence":
        return gn.Persistence(settings.past * flow, flow)
    key, units = jax.random.key(cell.seed), gn.flow_units()
    waves = {"num_waves": arm.num_waves, "factor_limit": arm.factor_limit}
    shapes: dict[str, tuple[Any, dict[str, Any]]] = {
        "propagator": (gn.Propagator, {"modes": settings.modes, **waves}),
        "unet": (gn.UNet, {"depth": 2}),
        "resunet": (gn.ResUNet, {"depth": 2}),
        "dilated": (gn.DilatedResNet, {"num_blocks": 2}),
    }
    kind, shape = shapes[arm.network]
    past, number = settings.past * flow, len(units.numbers) if arm.units else 0
    if kind is not gn.DilatedResNet:
        shape |= {"num_parameters": number}
    elif number:
        # It can't be conditioned: the numbers are fields.
        past = past + f"numbers:{number}x0+"
    # In its units: a network that predicts the change begins with little of it.
    shape |= {"output_scale": 0.05 if arm.residual else 1.0, "norm": arm.norm}
    hidden = arm.hidden(cell.width)
    network = kind(GROUP, past, flow, hidden=hidden, key=key, **shape)
    model = gn.Residual(network) if arm.residual else network
    if arm.units:
        normal = gn.fit_unit_normaliser(units, flow, seen, data.parameters)
        model = gn.Nondimensional(model, normal, units.given(data.parameters))
    if arm.match == "one component":
        return model.like(group=gn.trivial(2), hidden="1x0+", key=key)
    return model if arm.match is None else gn.twin(model, key=key)


def steps_of(arm: Arm, cell: Cell, settings: Settings) -> int:
    """How many training steps a cell has."""
    return round(arm.share_of_steps * cell.length * settings.steps)


def train(
    model: Any, arm: Arm, cell: Cell, data: Data, settings: Settings
) -> tuple[Any, float]:
    """First one step ahead, then on its own predictions. Also returns s per step."""
    steps = steps_of(arm, cell, settings)
    seen = data.train[: cell.trajectories]
    if not arm.units:
        seen = data.normaliser.normalise(seen)
    later = max(1, round((1 - settings.unrolled_share) * steps))
    one, many = losses_of(arm)
    trained, history = gn.training.fit(
        model,
        gn.training.Curriculum({0: one, later: many} if arm.unrolled else {0: one}),
        gn.Windows(
            data.signature, seen.astype(np.float32), settings.past, num_targets=4
        ),
        gn.training.make_optimiser(
            learning_rate=settings.learning_rate * arm.rate,
            total_steps=steps,
            warmup_steps=min(max(1, steps // 20), steps - 1),
        ),
        num_steps=steps,
        batch_size=settings.batch_size,
        key=jax.random.key(cell.seed + 1),
        average=arm.average,
        name=str(cell),
        progress=sys.stderr.isatty(),
    )
    return trained, history["seconds_per_step"]


@functools.cache
def losses_of(arm: Arm) -> tuple[Any, Any]:
    """The loss of one step and of four: made once, as each one made is compiled."""

    def made(num_steps: int) -> Any:
        loss = gn.training.unrolled(
            gn.metrics.nmse, num_steps=num_steps, random_shifts=arm.random_shifts
        )
        return gn.training.augmented(loss, GROUP) if arm.augmented else loss

    return made(1), made(4)


def measure(model: Any, data: Data, settings: Settings) -> dict[str, Any]:
    """Errors on flows as drawn, turned, in other units, and of another family."""
    inner = model.model if isinstance(model, gn.GroupAverage) else model
    has_units = isinstance(inner, gn.Nondimensional | gn.Persistence)
    normaliser = None if has_units else data.normaliser
    signature, past = data.signature, settings.past

    def errors(
        frames: np.ndarray, model: Any = model, factors: dict[str, float] | None = None
    ) -> dict[str, Any]:
        units, shown = gn.flow_units(), frames
        if factors:
            image = gn.GeometricImage(signature, jnp.asarray(frames), 2)
            shown = np.asarray(units.converted(image, factors).array)
        if normaliser:
            shown = normaliser.normalise(shown).astype(np.float32)
        histories, rest = gn.Windows(signature, shown, past).rollouts()
        steps = min(settings.rollout_steps, rest.array.shape[1])
        predicted = gn.training.predict(model, histories, steps)
        if normaliser:
            predicted = predicted.with_array(normaliser.restore(predicted.array))
        if factors:
            back = {base: 1 / factor for base, factor in factors.items()}
            predicted = units.converted(predicted, back)
        true = gn.GeometricImage(signature, frames[:, past : past + steps], 2)
        return scores(predicted, true, data.normaliser)

    turned = gn.act(GROUP.elements[3], gn.GeometricImage(signature, data.test, 2))
    return {
        "as drawn": errors(data.test),
        "turned": errors(np.asarray(turned.array)),
        "other units": errors(
            data.test, told(model, data.parameters, OTHER_UNITS), OTHER_UNITS
        ),
        "other family": errors(data.other),
    }


def told(model: Any, parameters: dict[str, float], factors: dict[str, float]) -> Any:
    """The model with its parameters in other units, where it has any."""
    if isinstance(model, gn.GroupAverage):
        return gn.GroupAverage(told(model.model, parameters, factors), model.group)
    if not isinstance(model, gn.Nondimensional):
        return model
    units = model.normaliser.units
    given = units.converted_parameters(units.given(parameters), factors)
    return gn.Nondimensional(model.model, model.normaliser, given)


def scores(
    predicted: gn.GeometricImage, true: gn.GeometricImage, normaliser: gn.Normaliser
) -> dict[str, Any]:
    """SMSE of one step and of rollouts, VRMSE at the first and the last step.

    A mean over flows is `None` where one of them is not finite. A flow is lost where
    its last VRMSE is above 2, on the mean of fields.
    """
    normal = (x.with_array(normaliser.normalise(x.array)) for x in (predicted, true))
    smse = np.asarray(gn.metrics.smse(*normal), np.float64)
    vrmse = {
        name: np.nan_to_num(np.asarray(values), nan=np.inf)
        for name, values in gn.metrics.vrmse(predicted, true).items()
    }
    last = np.mean([values[:, -1] for values in vrmse.values()], axis=0)
    rollouts = np.nan_to_num(smse.sum(axis=1), nan=np.inf)

    def finite(value: Any) -> float | None:
        return float(value) if np.isfinite(value) else None

    return {
        "smse_one_step": finite(smse[:, 0].mean()),
        "smse_rollout": finite(rollouts.mean()),
        "smse_rollout_median": finite(np.median(rollouts)),
        "lost": int(np.count_nonzero(~(last <= 2))),
        "vrmse": {
            name: [finite(np.median(values[:, step])) for step in (0, -1)]
            for name, values in vrmse.items()
        },
    }


if __name__ == "__main__":
    matplotlib.use("Agg")
    default = PAPER if "--paper" in sys.argv else Settings()
    try:
        main(tyro.cli(Settings, default=default, description=__doc__))
    except KeyboardInterrupt:
        sys.exit("\nStopped. Finished cells are kept: run the same command to go on.")
