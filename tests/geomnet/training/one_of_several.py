"""One process of a run of several, for `test_processes.py`.

Arguments: its number, how many there are, the port of the first, devices of each, the
checkpoint, the number of steps, and what else it does. Prints a line of JSON.
"""

import json
import os
import sys

NUMBER, COUNT, PORT, DEVICES = map(int, sys.argv[1:5])
PATH, STEPS, WHAT = sys.argv[5], int(sys.argv[6]), sys.argv[7]
os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES}"

import jax  # noqa: E402
import numpy as np  # noqa: E402

if COUNT > 1:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(
        f"127.0.0.1:{PORT}", COUNT, NUMBER, heartbeat_timeout_seconds=10
    )

from small_run import Windows, fit, linear, training  # noqa: E402

import geomnet.training._processes as processes  # noqa: E402


class Told(Windows):
    """Windows that remember which were taken, and do what the test wants."""

    def __init__(self):
        super().__init__()
        self.taken = []

    def take(self, numbers):
        self.taken.append(list(map(int, numbers)))
        if WHAT == "die" and NUMBER == 1 and len(self.taken) == 14:
            os._exit(7)
        if WHAT == "raise" and NUMBER == 1 and len(self.taken) == 14:
            raise OSError("the disk is gone")
        if WHAT == "stop" and NUMBER == 1 and len(self.taken) == 14:
            os.kill(os.getpid(), 15)
        return super().take(numbers)


if WHAT == "version" and NUMBER == 1:
    own = processes._versions()
    processes._versions = lambda: own | {"jax": "0.0.1"}
reports = []
data = Told()
mesh = jax.make_mesh((len(jax.devices()),), ("batch",))
try:
    model, history = fit(
        PATH,
        model=linear(NUMBER if WHAT == "weights" else 0),
        windows=data,
        mesh=mesh,
        num_steps=STEPS,
        batch_size=4,
        validation=Windows(),
        callbacks=[lambda report: reports.append(report.step)],
        loading=training.Loading(on_device=False),
    )
    means = training.evaluate(
        model, Windows(), {"smse": training.smse}, batch_size=4, mesh=mesh
    )
    found = {
        "weights": [np.asarray(x).tolist() for x in jax.tree.leaves(model)],
        "training": history["training"],
        "validation": history["validation"],
        "smse": means["smse"],
        "written": training.load_checkpoint(PATH, linear())[1]["history"]["training"],
    }
except (Exception, SystemExit) as error:
    found = {"error": f"{type(error).__name__}: {error}"}
print(f"\n{json.dumps({**found, 'taken': data.taken, 'reports': reports})}", flush=True)
sys.exit(0 if "error" not in found else 1)
