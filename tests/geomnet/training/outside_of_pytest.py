"""What needs a process of its own: two devices, and arguments that no type check sees.

Prints one line of JSON.
"""

import json
import sys
import tempfile
from pathlib import Path

import equinox as eqx
import jax
from jax.sharding import NamedSharding, PartitionSpec
from small_run import ADAM, ARRAYS, Windows, fit, linear, loss, refusal, training

import geomnet as gn

MODEL = linear()
MESH = jax.make_mesh((2,), ("batch",), (jax.sharding.AxisType.Auto,))


def laid_out(folder: Path) -> dict[str, bool]:
    """Windows, and then the model too, over two devices; stopped and gone on with."""
    found = {}
    rows = NamedSharding(MESH, PartitionSpec("batch"))
    whole = NamedSharding(MESH, PartitionSpec())
    spread = jax.device_put(eqx.filter(MODEL, eqx.is_array), whole)
    for name, model in {
        "windows": MODEL,
        "model": eqx.combine(spread, MODEL),
    }.items():
        given = {"windows": Windows(layout=rows), "model": model}
        expected, _ = fit(**given)
        path = folder / name
        fit(**given, num_steps=3, checkpoint=path)
        resumed, _ = fit(**given, checkpoint=path)
        found[name] = bool(eqx.tree_equal(expected, resumed))
        fit(**given)  # Nothing that the caller has was given up.
    return found


def messages(folder: Path) -> dict[str, str]:
    """What wrong arguments get, as the kind of the error and its text."""
    foreign = folder / "foreign"
    foreign.write_bytes(bytes(range(256)))
    make = training.make_optimiser
    calls = {
        "optimiser": lambda: fit(optimiser=1e-3),
        "step": lambda: training.make_train_step(loss, 1e-3),
        "loss": lambda: fit(loss="smse"),
        "stages": lambda: training.Curriculum([loss]),
        "stage": lambda: training.Curriculum({0: "loss"}),
        "stage step": lambda: training.Curriculum({0: loss, 1.5: loss}),
        "callbacks": lambda: fit(callbacks=print),
        "callback": lambda: fit(callbacks=["log"]),
        "metrics": lambda: fit(validation=Windows(), validation_metrics=["smse"]),
        "parts": lambda: training.accumulate("loss", 2),
        "save": lambda: gn.save(3, folder / "a"),
        "load": lambda: gn.load(foreign),
        "log": lambda: training.JSONLog(3),
        "average": lambda: fit(average="0.9"),
        "key": lambda: fit(key=0),
        "start": lambda: training.start_training(MODEL, ADAM, key=0),
        "order": lambda: next(training.batches(8, 4, key=3)),
        "windows": lambda: fit(windows=ARRAYS),
        "validation": lambda: fit(validation=3),
        "no steps": lambda: fit(num_steps=0),
        "some steps": lambda: fit(num_steps=2.5),
        "no batch": lambda: fit(batch_size=0),
        "large batch": lambda: fit(batch_size=9),
        "never": lambda: fit(validate_every=0),
        "path": lambda: fit(checkpoint=3),
        "metadata": lambda: fit(metadata={"a": {"b": {1, 2}}}),
        "words": lambda: fit(metadata=["a"]),
        "reserved": lambda: fit(metadata={"history": 1}),
        "rate": lambda: make(learning_rate="1e-3", total_steps=10),
        "decay": lambda: make(learning_rate=1e-3, total_steps=10, weight_decay="0"),
        "total": lambda: make(learning_rate=1e-3, total_steps=10.5),
        "warm": lambda: make(learning_rate=1e-3, total_steps=10, warmup_steps="1"),
        "foreign": lambda: training.load_checkpoint(foreign, MODEL),
        "smse": lambda: training.smse(ARRAYS, ARRAYS),
        "nrmse": lambda: training.nrmse(ARRAYS, ARRAYS),
        "rollout": lambda: training.rollout(lambda h: h, Windows().take([0])[0], "3"),
        "predict": lambda: training.predict(MODEL, Windows().take([0, 1])[0], 2.5),
        "evaluate": lambda: training.evaluate(MODEL, Windows(), {}, batch_size=0),
    }
    return {name: refusal(call) for name, call in calls.items()}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(f"\n{json.dumps([laid_out(Path(folder)), messages(Path(folder))])}")
    sys.exit()
