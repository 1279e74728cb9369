"""A trained network in seconds: load it, predict flows it has not seen, look.

    python examples/predict_flow.py [--seed 7] [--out flow.png]

`trained/flow.geomnet` holds the network and all it needs, in one file that executes
nothing: it is `equivariant.geomnet` of `python examples/compressible_navier_stokes.py`.
`trained/flow.json` is what that run's `metrics.json` says of it, and its settings.
"""

import dataclasses
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
import tyro

import geomnet as gn
import pde_data

TRAINED = Path(__file__).parent / "trained" / "flow.geomnet"


@dataclasses.dataclass(frozen=True)
class Settings:
    """Which flows, and where the picture goes."""

    seed: int = 7
    """Of the flows; the network was trained on flows of seed 0."""
    flows: int = 4
    """How many to predict; the first is drawn."""
    out: Path = Path("flow.png")
    """The picture."""
    steps: int = 15
    """Steps of the rollout, at most 17."""


def predict(settings: Settings) -> tuple[gn.GeometricImage, gn.GeometricImage]:
    """Flows as the solver makes them and as the network says: (flows, steps, *grid)."""
    net, _ = gn.load(TRAINED)
    flow = net.out_signature
    past = net.in_signature.features(2) // flow.features(2)
    with tempfile.TemporaryDirectory() as folder:
        # The family, Mach number and viscosities that it was trained on.
        config = pde_data.GenerateConfig(
            grid=(64, 64),
            mach=0.1,
            shear_viscosity=0.01,
            bulk_viscosity=0.01,
            trajectories=settings.flows,
            seed=settings.seed,
        )
        with pde_data.load(pde_data.generate(config, Path(folder, "f.hdf5"))) as data:
            frames = gn.read_frames(data, dtype=np.float32)
    histories, rest = gn.Windows(flow, frames, past).rollouts()
    true = rest.with_array(rest.array[:, : settings.steps])
    return true, gn.training.predict(net, histories, settings.steps)


def main(settings: Settings) -> dict[str, list[float]]:
    """Draws a rollout; returns the VRMSE of each field, median over flows, by step."""
    true, predicted = predict(settings)
    errors = {
        name: np.median(np.asarray(values), axis=0).tolist()
        for name, values in gn.metrics.vrmse(predicted, true).items()
    }
    for name, steps in errors.items():
        print(f"{name}: VRMSE {steps[0]:.3f} at step 1, {steps[-1]:.3f} at the last")
    shown = sorted({0, settings.steps // 2, settings.steps - 1})
    figure = gn.plot.rollouts(
        true.with_array(true.array[0]),
        {"network": predicted.with_array(predicted.array[0])},
        shown,
        labels=[f"step {step + 1}" for step in shown],
    )
    figure.savefig(settings.out, dpi=130)
    print(f"Wrote {settings.out}")
    return errors


if __name__ == "__main__":
    matplotlib.use("Agg")
    main(tyro.cli(Settings, description=__doc__))
