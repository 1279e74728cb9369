"""Kill a writer at every point where it touches the disk, and at random moments.

Run by `test_resume.py` as a process of its own: it forks, which JAX's threads forbid in
the process of the tests. Trajectories are stand-ins, so that only writing takes time.

python crash_points.py FOLDER FORMAT COMPRESSION RANDOM_KILLS
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import h5py
import numpy as np

import pde_data
from pde_data.generation import _generate

TOUCHES = ("pwrite", "fsync", "replace", "open", "posix_fallocate", "unlink")


def sample(config, index):
    random = np.random.default_rng(index)
    shape = (config.snapshots, *config.grid)
    d = len(config.grid)
    return pde_data.Sample(
        random.uniform(1, 2, shape).astype(np.float32),
        random.uniform(1, 2, (*shape, d)).astype(np.float32),
        random.uniform(1, 2, shape).astype(np.float32),
        dict.fromkeys(("mach", "shear_viscosity", "bulk_viscosity"), 0.1),
        dict.fromkeys(_generate.FIGURES, float(index)),
        num_steps=index,
        draw=0,
        safe_scheme=0,
    )


def crash_at(number):
    """End the process, as SIGKILL would, at its `number`-th touch of the disk.

    A write is cut in half there.
    """
    count = 0

    def patched(name, real):
        def touch(*arguments, **options):
            nonlocal count
            count += 1
            if count == number:
                if name == "pwrite":
                    descriptor, data, position = arguments
                    real(descriptor, data[: len(data) // 2], position)
                os._exit(9)
            return real(*arguments, **options)

        return touch

    for name in TOUCHES:
        setattr(os, name, patched(name, getattr(os, name)))
    # HDF5 writes through C: crash as it begins to make each data set and to close.
    for owner, name in ((h5py.File, "close"), (h5py.Group, "create_dataset")):
        setattr(owner, name, patched(name, getattr(owner, name)))


def in_child(work):
    """Do `work` in a forked process and return it."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def main(folder, layout, compression, random_kills):
    config = pde_data.GenerateConfig(
        grid=(8, 6),
        trajectories=4,
        snapshots=3,
        format=layout,
        compression=compression,
    )
    slow = 0.0

    def samples(config, indices, _places):
        for index in indices:
            time.sleep(slow)
            yield index, sample(config, index)

    _generate.simulate_trajectories = samples
    whole = folder / "whole.hdf5"
    assert os.waitpid(in_child(lambda: pde_data.generate(config, whole)), 0)[1] == 0
    expected = whole.read_bytes()
    path = folder / "flow.hdf5"

    def finish():
        """Resume until it is done; then the bytes are those of an unbroken run."""
        pid = in_child(lambda: pde_data.generate(config, path))
        assert os.waitpid(pid, 0)[1] == 0
        assert path.read_bytes() == expected
        assert sorted(os.listdir(folder)) == ["flow.hdf5", "whole.hdf5"]
        path.unlink()

    points = 0
    while True:

        def work(number=points + 1):
            crash_at(number)
            pde_data.generate(config, path)

        code = os.waitstatus_to_exitcode(os.waitpid(in_child(work), 0)[1])
        if code == 0:
            path.unlink()
            break
        assert code == 9, code
        points += 1
        if path.exists():
            assert path.read_bytes() == expected
        finish()
    print(f"{points} crash points")

    slow, kills = 0.02, 0
    chance = random.Random(0)
    while kills < random_kills:
        pid = in_child(lambda: pde_data.generate(config, path))
        time.sleep(chance.uniform(0, 0.4))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        kills += 1
        if path.exists():
            finish()
    finish()
    print(f"{kills} random kills")


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        sys.argv[2],
        None if sys.argv[3] == "none" else sys.argv[3],
        int(sys.argv[4]),
    )
