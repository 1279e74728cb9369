"""Runs on four devices, for `test_mesh.py`. Prints one line of JSON."""

import json
import sys
import tempfile
from pathlib import Path

import jax
import numpy as np
from jax.sharding import AxisType
from small_run import FLOW, SQUARE, Windows, fit, linear, loss, refusal, training

import geomnet as gn
from geomnet.training._layout import Layout

TOLERANCE = 1e-5  # of float32: sums of other order, six steps
CONV = gn.nn.Conv(SQUARE, FLOW, FLOW, key=jax.random.key(1))
FRAMES = np.random.default_rng(1).standard_normal((3, 5, 4, 8, 3)).astype(np.float32)
DATA = gn.Windows(FLOW, FRAMES, past=1)
MESHES = {
    "batch": ((4,), ("batch",)),
    "batch and x": ((2, 2), ("batch", "x")),
    "x and y": ((2, 2), ("x", "y")),
}
GIVEN = {
    "model": CONV,
    "windows": DATA,
    "validation": gn.Windows(FLOW, FRAMES[:1], past=1),
    "validation_metrics": {
        "smse": training.smse,
        "roll": training.RolloutMetric(training.smse, 3),
    },
    "validate_every": 3,
    "average": 0.5,
}


def mesh_of(name: str, kind: AxisType = AxisType.Auto):
    shape, names = MESHES[name]
    return jax.make_mesh(shape, names, axis_types=(kind,) * len(shape))


def apart(found, expected) -> float:
    """The largest difference of two trees, in units of the expected size."""
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
    pairs = [(np.asarray(a), np.asarray(b)) for a, b in pairs]
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)


def numbers_of(history):
    return {key: value for key, value in history.items() if "seconds" not in key}


def equal(folder: Path) -> dict[str, bool]:
    """Whether runs on meshes are the run on one device."""
    model, history = fit(**GIVEN)
    expected = model, numbers_of(history)
    runs = {f"{name}, auto": {"mesh": mesh_of(name)} for name in MESHES}
    explicit = mesh_of("batch and x", AxisType.Explicit)
    runs["explicit"] = {"mesh": explicit}
    ahead = training.Loading(on_device=True, prefetch=2)
    runs["held"] = {"mesh": mesh_of("batch and x"), "loading": ahead}
    found = {}
    for name, changes in runs.items():
        trained, history = fit(**GIVEN | changes)
        far = apart((trained, numbers_of(history)), expected)
        found[name] = far <= TOLERANCE
        places = {leaf.sharding for leaf in jax.tree.leaves(trained)}
        found[f"{name} returned"] = places == {CONV.kernel.weights.sharding}
    with jax.set_mesh(explicit):
        found["set"] = apart(fit(**GIVEN, mesh=explicit)[0], model) <= TOLERANCE
    for before, after in (("batch", None), (None, "x and y")):
        path = folder / f"{before} {after}"
        meshes = [None if name is None else mesh_of(name) for name in (before, after)]
        fit(path, **GIVEN, mesh=meshes[0], num_steps=3)
        gone_on, history = fit(path, **GIVEN, mesh=meshes[1])
        far = apart((gone_on, numbers_of(history)), expected)
        found[f"{before}, then {after}"] = far <= TOLERANCE
    return found


def measured() -> dict[str, bool]:
    """Whether what is measured and predicted on meshes is that of one device."""
    found = {}
    metrics = GIVEN["validation_metrics"]
    windows = gn.Windows(FLOW, FRAMES[:, :4], past=1)  # 9: the last batch is filled
    histories, _ = windows.take(np.arange(4))
    means = training.evaluate(CONV, windows, metrics, batch_size=4)
    frames = training.predict(CONV, histories, 2)
    for name in ("batch", "batch and x"):
        mesh = mesh_of(name)
        many = training.evaluate(CONV, windows, metrics, batch_size=4, mesh=mesh)
        rolled = training.predict(CONV, histories, 2, mesh=mesh)
        found[f"evaluate {name}"] = apart(many, means) <= TOLERANCE
        found[f"predict {name}"] = apart(rolled, frames) <= TOLERANCE
    return found


def layouts() -> dict[str, list]:
    """The shape of what each device has of a batch of four, and of weights."""
    found = {}
    for name in MESHES:
        layout = Layout.of(mesh_of(name))
        image = layout.batch(DATA, np.arange(4))[0].array
        shards = {shard.data.shape for shard in image.addressable_shards}
        weights = layout.whole(CONV).kernel.weights.addressable_shards
        whole = all(w.data.shape == CONV.kernel.weights.shape for w in weights)
        found[name] = [sorted(shards), len(weights), whole]
    return found


def forbidden(model, batch):
    """A loss of which the first trace, and so any compilation of a step, is seen."""
    raise AssertionError("traced")


def refusals() -> dict[str, str]:
    """What is said of meshes that do not fit, before the loss is even traced."""
    plane = jax.make_mesh((4,), ("x",))
    space = jax.make_mesh((2, 2), ("batch", "z"))
    four = mesh_of("batch")
    histories = Windows().take(np.arange(3))[0]
    narrow = Windows(np.zeros((8, 6, 4, 3), np.float32))
    calls = {
        "kind": lambda: fit(loss=forbidden, mesh=4),
        "names": lambda: fit(loss=forbidden, mesh=jax.make_mesh((4,), ("data",))),
        "batch": lambda: fit(loss=forbidden, mesh=four, batch_size=6),
        "small": lambda: fit(loss=forbidden, mesh=four, batch_size=2),
        "grid": lambda: fit(loss=forbidden, mesh=plane, windows=narrow),
        "axis": lambda: fit(loss=forbidden, mesh=space),
        "validation": lambda: fit(loss=forbidden, mesh=plane, validation=narrow),
        "evaluate": lambda: training.evaluate(
            linear(), Windows(), {"smse": training.smse}, batch_size=3, mesh=four
        ),
        "predict": lambda: training.predict(linear(), histories, 2, mesh=four),
    }
    return {name: refusal(call) for name, call in calls.items()}


def losses() -> dict[str, bool]:
    """Losses from losses on a mesh."""
    found = {}
    mesh = mesh_of("batch")
    for name, wrapped in {
        "accumulate": training.accumulate(loss, 2),
        "augmented": training.augmented(loss, SQUARE),
    }.items():
        one, many = (fit(loss=wrapped, mesh=m, num_steps=2)[0] for m in (None, mesh))
        found[name] = apart(many, one) <= TOLERANCE
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        parts = equal(Path(folder)), measured(), layouts(), refusals()
        print(f"\n{json.dumps([*parts, losses()])}")
    sys.exit()
