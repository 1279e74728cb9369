"""Learn compressible Navier-Stokes flow: generate, train, roll out, compare, draw.

    python examples/compressible_navier_stokes.py [--quick]

Generates trajectories (or reuses the file of the same parameters), trains an
equivariant network and its plain twin under the same budget, and leaves in the output
folder `metrics.json`, learning curves, rollouts, pictures of the filters, checkpoints
and models for `geomnet.load`. Both see each flow in units of its own and learn to step
on their own predictions. Ctrl-C and SIGTERM keep what was reached; the same command
goes on from there. Other settings in the folder are refused without `--restart`.
"""

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import tyro

import geomnet as gn
import pde_data


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that decides the run."""

    out: Path = Path("outputs/compressible_navier_stokes")
    """Folder for data, checkpoints, metrics and figures."""
    quick: bool = False
    """Smaller grid, fewer trajectories and steps: under 3 minutes on 2 cores."""
    grid: int = 64
    """Cells along each side of the periodic box."""
    mach: float = 0.1
    """Mach number of the random initial velocity."""
    shear_viscosity: float = 0.01
    """Dynamic shear viscosity."""
    bulk_viscosity: float = 0.01
    """Bulk viscosity."""
    train_trajectories: int = 256
    """Trajectories to train on."""
    valid_trajectories: int = 16
    """Trajectories to validate on."""
    test_trajectories: int = 16
    """Trajectories to test on, also rotated and reflected."""
    past: int = 4
    """Frames that the model sees."""
    rollout_steps: int = 15
    """Steps of the autoregressive rollouts."""
    network: Literal["propagator", "unet"] = "propagator"
    """Waves and products of them, for smooth flows; or a UNet, for any."""
    hidden: str = "6x0+ 6x1+ 2x0-"
    """Fields inside the equivariant network; of a UNet on its finest level."""
    modes: int = 16
    """Largest wave number of the propagator along each side."""
    depth: int = 3
    """How often a UNet halves the grid."""
    steps: int = 3500
    """Training steps of each model."""
    unrolled: int = 4
    """Steps of a model's own predictions that the loss looks at in the end."""
    unrolled_share: float = 0.05
    """Share of the training steps that do; each costs as much as six others."""
    batch_size: int = 8
    """Windows per step."""
    learning_rate: float = 7e-3
    """Peak of the learning rate."""
    match: Literal["components", "parameters", "flops"] = "components"
    """What the plain twin has in common: components per cell, parameters or flops."""
    validate_every: int = 500
    """Steps between two validations."""
    seed: int = 0
    """Decides data, parameters and the order of batches."""
    restart: bool = False
    """Train anew, and overwrite checkpoints of other settings."""


QUICK = Settings(
    quick=True,
    grid=32,
    train_trajectories=144,
    valid_trajectories=8,
    test_trajectories=8,
    modes=15,
    depth=2,
    steps=250,
    validate_every=200,
)


@dataclasses.dataclass(frozen=True)
class Data:
    """Flows by split in the units of their file, what is given, what is normal."""

    flow: gn.Signature
    frames: dict[str, np.ndarray]
    parameters: dict[str, float]
    normaliser: gn.Normaliser

    def windows(self, split: str, past: int, num_targets: int = 1) -> gn.Windows:
        """Histories and what follows."""
        frames = self.frames[split]
        return gn.Windows(self.flow, frames, past, num_targets=num_targets)


def main(settings: Settings) -> dict[str, Any]:
    """Runs everything; returns what `metrics.json` holds."""
    settings.out.mkdir(parents=True, exist_ok=True)
    data = load_flow(settings)
    windows = {name: data.windows(name, settings.past) for name in data.frames}
    # Measuring on as many training flows as test flows says enough.
    seen = data.frames["train"][: settings.test_trajectories]
    measured = windows | {"train": gn.Windows(data.flow, seen, settings.past)}
    net, twin = build_models(data, settings)
    still = gn.Persistence(settings.past * data.flow, data.flow)
    report: dict[str, Any] = {
        "settings": describe(settings),
        "metrics": "SMSE: sum over components of the mean squared error in units of "
        "all training flows; VRMSE: as in geomnet.metrics, medians over flows; energy "
        "ratio: predicted over true kinetic energy by wave number, last step",
        "persistence": measure(still, measured, data.normaliser, settings),
        "models": {},
    }
    curves: dict[str, Any] = {}
    predictions: dict[str, gn.GeometricImage] = {}
    for name, model in (("equivariant", net), ("plain", twin)):
        model, history = train(name, model, data, settings)
        curves[name] = {kind: history[kind] for kind in ("training", "validation")}
        said = {"settings": describe(settings)}
        gn.save(model, settings.out / f"{name}.geomnet", said, overwrite=True)
        print(f"{name}: measuring on train, validation and test flows")
        result = {
            "parameters": gn.models.count_parameters(model),
            "components": model.hidden.features(2),
            "seconds_per_step": history["seconds_per_step"],
            "training_steps": settings.steps,
            **measure(model, measured, data.normaliser, settings),
            "moved_test": measure_moved(model, windows["test"], net.group, settings),
            "equivariance_error": equivariance(model, windows["test"], net.group),
        }
        predictions[name] = roll(model, windows["test"], settings)[0]
        report["models"][name] = result
        write_json(settings.out / "metrics.json", report)
        print(summary(name, result))
    draw(curves, predictions, windows["test"], report, settings)
    print(f"Wrote metrics.json, figures and checkpoints to {settings.out}/")
    return report


def load_flow(settings: Settings) -> Data:
    """Generates or reuses the trajectories."""
    counts = (
        settings.train_trajectories,
        settings.valid_trajectories,
        settings.test_trajectories,
    )
    config = pde_data.GenerateConfig(
        grid=(settings.grid,) * 2,
        mach=settings.mach,
        shear_viscosity=settings.shear_viscosity,
        bulk_viscosity=settings.bulk_viscosity,
        trajectories=sum(counts),
        seed=settings.seed,
    )
    path = settings.out / f"flow_{settings.grid}.hdf5"
    try:
        pde_data.generate(config, path, progress=True)
    except FileExistsError:
        print(f"{path} holds other parameters: generating it anew.")
        path.unlink(missing_ok=True)
        path.with_name(path.name + ".partial").unlink(missing_ok=True)
        pde_data.generate(config, path, progress=True)
    with pde_data.load(path) as data:
        flow = gn.flow_signature(data)
        frames = gn.read_frames(data, dtype=np.float32)
        time_step = float(data.times[1] - data.times[0])
    train, valid, test = np.split(frames, np.cumsum(counts)[:-1])
    parameters = {
        "cell": 1 / settings.grid,
        "time_step": time_step,
        "shear_viscosity": settings.shear_viscosity,
    }
    frames = {"train": train, "valid": valid, "test": test}
    return Data(flow, frames, parameters, gn.fit_normaliser(flow, train))


def build_models(data: Data, settings: Settings) -> tuple[Any, Any]:
    """The equivariant network and its twin, both predicting the change of the flow."""
    units = gn.flow_units()
    flow, seen = data.flow, data.frames["train"]
    normal = gn.fit_unit_normaliser(units, flow, seen, data.parameters)
    is_unet = settings.network == "unet"
    kind: Any = gn.UNet if is_unet else gn.Propagator
    shape = {"depth": settings.depth} if is_unet else {"modes": settings.modes}
    network = kind(
        gn.hyperoctahedral(2),
        settings.past * flow,
        flow,
        hidden=settings.hidden,
        num_parameters=len(units.numbers),
        norm="none",  # In units of its own a flow has one size already.
        output_scale=0.05,
        key=jax.random.key(settings.seed),
        **shape,
    )
    # All flows have one time step and one viscosity, so the model may know them.
    net = gn.Nondimensional(gn.Residual(network), normal, units.given(data.parameters))
    return net, gn.twin(net, settings.match, key=jax.random.key(settings.seed))


def train(
    name: str, model: Any, data: Data, settings: Settings
) -> tuple[Any, dict[str, Any]]:
    """Trains one model, going on from its checkpoint if the settings are the same.

    First one step ahead, then on its own predictions, so that it learns to mend them.
    """
    optimiser = gn.training.make_optimiser(
        learning_rate=settings.learning_rate,
        total_steps=settings.steps,
        warmup_steps=settings.steps // 20,
    )
    # Every field of every flow counts by its own fluctuation.
    nmse, unrolled = gn.metrics.nmse, gn.training.unrolled
    later = max(1, round((1 - settings.unrolled_share) * settings.steps))
    said = gn.models.describe_model(model)
    stages = {0: unrolled(nmse, num_steps=1), later: unrolled(nmse)}
    try:
        return gn.training.fit(
            model,
            gn.training.Curriculum(stages),
            data.windows("train", settings.past, settings.unrolled),
            optimiser,
            num_steps=settings.steps,
            batch_size=settings.batch_size,
            key=jax.random.key(settings.seed + 1),
            validation=data.windows("valid", settings.past),
            validation_metrics={"smse": smse_of_all(data.normaliser)},
            validate_every=settings.validate_every,
            checkpoint=settings.out / f"{name}.checkpoint",
            metadata={"settings": describe(settings), "model": said},
            restart=settings.restart,
            name=name,
            progress=True,
        )
    except gn.training.OtherRun as error:
        sys.exit(f"\n{error} Here that is `--restart`, or another `--out`.")


def smse_of_all(normaliser: gn.Normaliser) -> Any:
    """The SMSE of images in the units of the data, in those of all training flows."""
    return lambda *images: gn.metrics.smse(
        *(x.with_array(normaliser.normalise(x.array)) for x in images)
    )


def measure(
    model: Any,
    windows: dict[str, gn.Windows],
    normaliser: gn.Normaliser,
    settings: Settings,
) -> dict[str, Any]:
    """One-step errors on every split, and the errors of rollouts on the test flows."""
    smse, size = smse_of_all(normaliser), settings.batch_size
    metrics = {"smse": smse, "nrmse": gn.metrics.nrmse}
    one_step: dict[str, Any] = {
        split: gn.training.evaluate(model, part, metrics, batch_size=size)
        for split, part in windows.items()
    }
    predicted, true = roll(model, windows["test"], settings)
    vrmse = gn.metrics.over_trajectories(gn.metrics.vrmse, predicted, true)
    medians = {name: spread.median.tolist() for name, spread in vrmse.items()}
    one_step["test"]["vrmse"] = {name: steps[0] for name, steps in medians.items()}
    last = [x.with_array(x.array[:, -1]) for x in (predicted, true)]
    ratio = gn.metrics.energy_ratio(last[0], last[1], density="density")
    octaves = gn.metrics.wave_numbers(true.grid, bins="octaves")
    per_step = np.asarray(smse(predicted, true)).mean(axis=0)
    return {
        "one_step": one_step,
        "rollout_smse_per_step": per_step.tolist(),
        "rollout_smse_sum": float(per_step.sum()),
        "rollout_vrmse": medians,
        "energy_ratio": {
            str(int(octave)): float(np.median(np.asarray(ratio)[:, number]))
            for number, octave in enumerate(octaves)
        },
    }


def roll(
    model: Any, windows: gn.Windows, settings: Settings
) -> tuple[gn.GeometricImage, gn.GeometricImage]:
    """Predicted and true frames of the test flows, `(trajectory, time, *grid, ...)`."""
    histories, rest = windows.rollouts()
    steps = min(settings.rollout_steps, rest.array.shape[1])
    predicted = gn.training.predict(model, histories, steps)
    return predicted, rest.with_array(rest.array[:, :steps])


def measure_moved(
    model: Any, windows: gn.Windows, group: gn.Group, settings: Settings
) -> dict[str, Any]:
    """The one-step error on the test flows moved by every element of the group."""
    errors = []
    for g in group.elements:
        frames = gn.act(g, gn.GeometricImage(windows.signature, windows.frames, 2))
        moved = gn.Windows(windows.signature, np.asarray(frames.array), windows.past)
        value = gn.training.evaluate(
            model, moved, {"smse": gn.metrics.smse}, batch_size=settings.batch_size
        )
        errors.append(value["smse"])
    change = max(abs(error / errors[0] - 1) for error in errors)
    return {"smse_per_element": errors, "largest_relative_change": change}


def equivariance(model: Any, windows: gn.Windows, group: gn.Group) -> dict[str, float]:
    """The trained model's largest equivariance error over the group."""
    histories, _ = windows.take(np.array([0]))
    history = histories.with_array(histories.array[0])
    error = {"float32": gn.testing.equivariance_error(model, history, group)}
    with jax.enable_x64(True):
        wide, wide_history = gn.testing.cast((model, history), jnp.float64)
        error["float64"] = gn.testing.equivariance_error(wide, wide_history, group)
    return error


def draw(
    curves: dict[str, Any],
    predictions: dict[str, gn.GeometricImage],
    windows: gn.Windows,
    report: dict[str, Any],
    settings: Settings,
) -> None:
    """Learning curves, growth of the error, rollouts, and the filters."""
    measured = report["models"] | {"persistence": report["persistence"]}
    _, rest = windows.rollouts()
    errors = {name: m["rollout_smse_per_step"] for name, m in measured.items()}
    figures = {
        "learning_curves": gn.plot.learning_curves(curves),
        "rollout_error": gn.plot.error_growth(errors),
    }
    first = {name: x.with_array(x.array[0]) for name, x in predictions.items()}
    last = first["plain"].array.shape[0] - 1
    truth = rest.with_array(rest.array[0, : last + 1])
    times = sorted({0, last // 4, last // 2, last})
    labels = [f"step {t + 1}" for t in times]
    figures["rollout"] = gn.plot.rollouts(truth, first, times, labels=labels)
    for name, kind in (("scalar", "0+"), ("vector", "1+"), ("pseudovector", "1-")):
        bank = gn.filter_basis(gn.hyperoctahedral(2), kind, 3)
        figures[f"filters_{name}"] = gn.plot.filters(bank)
    for name, figure in figures.items():
        figure.savefig(settings.out / f"{name}.png", dpi=130)


def summary(name: str, result: dict[str, Any]) -> str:
    """One line on a trained model."""
    test, moved = result["one_step"]["test"], result["moved_test"]
    fields = ", ".join(
        f"{field} {steps[0]:.2f} to {steps[-1]:.2f}"
        for field, steps in result["rollout_vrmse"].items()
    )
    return (
        f"{name}: {result['parameters']} parameters, test SMSE {test['smse']:.2e} "
        f"(VRMSE, first to last step: {fields}), "
        f"rollout SMSE {result['rollout_smse_sum']:.2e}, "
        f"equivariance error {result['equivariance_error']['float32']:.1e} (float32) "
        f"{result['equivariance_error']['float64']:.1e} (float64), moved flows change "
        f"the error by {moved['largest_relative_change']:.1e}"
    )


def describe(settings: Settings) -> dict[str, Any]:
    """The settings that decide the numbers: not where they lie."""
    described = dataclasses.asdict(settings)
    return {k: v for k, v in described.items() if k not in ("out", "restart")}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """All or nothing: a run that is killed leaves the file before."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(temporary, path)


if __name__ == "__main__":
    matplotlib.use("Agg")
    default = QUICK if "--quick" in sys.argv else Settings()
    try:
        main(tyro.cli(Settings, default=default, description=__doc__))
    except gn.training.Interrupted as stop:
        sys.exit(f"\n{stop} Run the same command to go on.")
    except KeyboardInterrupt:
        sys.exit("\nStopped. Finished parts are kept: run the same command to go on.")
