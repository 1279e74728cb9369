"""Files made on meshes of four devices beside that of one, printed as JSON.

Run by `test_places.py` in an empty folder.
"""

import dataclasses
import json
import os
import threading
from pathlib import Path

import jax

import pde_data
from pde_data import _cli
from pde_data.formats._row_writer import RowWriter
from pde_data.generation import _sample
from pde_data.generation._cost import sizes, together
from pde_data.generation._places import SOMEWHERE, places_on

CONFIG = pde_data.GenerateConfig(
    grid=(24,), trajectories=5, snapshots=3, final_time=0.05, mach=(0.2, 0.5), seed=7
)
WALLED = pde_data.GenerateConfig(
    family="rayleigh_taylor",
    grid=(8, 16),
    trajectories=2,
    snapshots=3,
    final_time=0.05,
    refinement=2,
)


def mesh_of(**axes):
    number = 1
    for parts in axes.values():
        number *= parts
    devices = jax.devices()[:number]
    return jax.make_mesh(tuple(axes.values()), tuple(axes), devices=devices)


def made(name, mesh, config=CONFIG):
    return pde_data.generate(config, Path(f"{name}.hdf5"), mesh=mesh).read_bytes()


def watched():
    """Where trajectories are simulated from now on: the devices of each run."""
    simulate, seen = _sample.simulate_in_program, []

    def simulated(solver, start, times, length, max_steps, mesh):
        run = simulate(solver, start, times, length, max_steps, mesh)
        seen.append(sorted(device.id for device in run.density.devices()))
        return run

    _sample.simulate_in_program = simulated
    return seen


def interrupted(mesh, other):
    """A run stopped by Ctrl-C after two trajectories goes on with another mesh."""
    write, count = RowWriter.write, []

    def write_two(self, index, rows):
        if len(count) == 2:
            raise KeyboardInterrupt
        count.append(index)
        write(self, index, rows)

    RowWriter.write = write_two
    threads = threading.active_count()
    try:
        made("stopped", mesh)
    except KeyboardInterrupt:
        assert os.path.exists("stopped.hdf5.partial")
    finally:
        RowWriter.write = write
    assert threading.active_count() == threads
    return made("stopped", other)


def broken(mesh):
    """What is said of a trajectory that breaks down on one of the devices."""
    survivor = _sample._survivor

    def fragile(config, index, first=None, place=SOMEWHERE[0]):
        if index == 3:
            raise pde_data.SimulationError("Trajectory 3 broke down")
        return survivor(config, index, first, place)

    _sample._survivor = fragile
    try:
        made("broken", mesh)
    except pde_data.SimulationError as error:
        return str(error), os.path.exists("broken.hdf5.partial")
    finally:
        _sample._survivor = survivor


def in_slots(mesh):
    """As on accelerators, where each device has several trajectories in one loop."""
    number = _sample.together
    _sample.together = lambda *_: 2
    try:
        return made("slots", mesh)
    finally:
        _sample.together = number


def refusals():
    def refusal(mesh, config=CONFIG):
        try:
            pde_data.generate(config, "refused.hdf5", mesh=mesh)
        except (TypeError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
        return None

    named = ["generate", "--out", "refused.hdf5", "--grid", "16", "--devices", "5"]
    found = {
        "kind": refusal("all"),
        "names": refusal(mesh_of(samples=4)),
        "division": refusal(mesh_of(batch=1, y=3), WALLED),
        "axis": refusal(mesh_of(batch=2, y=2)),
        "halo": refusal(mesh_of(x=4), dataclasses.replace(CONFIG, grid=(4,))),
        "command": _cli.main(named),
    }
    there = jax.process_index
    jax.process_index = lambda: 1
    found["processes"] = refusal(mesh_of(batch=2))
    jax.process_index = there
    assert not any(name.startswith("refused") for name in os.listdir())
    return found


def needed():
    """Memory of one place and of four; trajectories in one loop of an accelerator."""
    four, shared = mesh_of(batch=4), mesh_of(batch=2, x=2)
    memory = [sizes(CONFIG, places_on(m, CONFIG)).memory for m in (None, four)]
    backend, jax.default_backend = jax.default_backend, lambda: "gpu"
    counts = [together(CONFIG, places_on(m, CONFIG)) for m in (None, four, shared)]
    each = [sizes(CONFIG, places_on(m, CONFIG)).memory for m in (four, shared)]
    jax.default_backend = backend
    return memory[1] / memory[0], counts, each[0] / each[1]


def main():
    one, batch, both = made("one", None), mesh_of(batch=2), mesh_of(batch=2, x=2)
    walled = made("walled", None, WALLED)
    seen = watched()
    equal = {"batch": made("batch", batch) == one}
    used = {"batch": sorted(set(map(tuple, seen)))}
    seen.clear()
    equal["batch and x"] = made("both", both) == one
    used["batch and x"] = sorted(set(map(tuple, seen)))
    equal["walls"] = made("shared", mesh_of(x=2, y=2), WALLED) == walled
    equal["interrupted"] = interrupted(batch, both) == one
    equal["slots"] = in_slots(batch) == one
    command = "generate --quiet --out devices.hdf5 --devices 2 --grid 24"
    command += " --trajectories 5 --snapshots 3 --final-time 0.05 --mach 0.2 0.5"
    assert _cli.main([*command.split(), "--seed", "7"]) == 0
    equal["command"] = Path("devices.hdf5").read_bytes() == one
    found = [equal, used, broken(batch), refusals(), needed()]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
