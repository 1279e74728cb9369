"""Generate under many limits on the size of a file, each in a process of its own.

Run by `test_full_disk.py` as a process, as it forks. Prints for each limit in bytes the
exit code (negative where a signal ended it), and the lines on the standard error.

python full_disk.py FOLDER COMPRESSION GRID TRAJECTORIES SNAPSHOTS
"""

import os
import resource
import sys
from pathlib import Path

from pde_data import _cli
from pde_data.formats._hdf5 import open_hdf5
from pde_data.generation import _generate

sys.path.insert(0, str(Path(__file__).parent))
from crash_points import in_child, sample


def main(folder, compression, grid, trajectories, snapshots):
    path = folder / "flow.hdf5"

    def samples(config, indices, _places):
        return ((index, sample(config, index)) for index in indices)

    _generate.simulate_trajectories = samples
    arguments = ["--grid", grid, "--trajectories", trajectories, "--quiet"]
    arguments += ["--snapshots", snapshots, "--out", str(path)]
    if compression != "none":
        arguments += ["--compression", compression]

    def generate(limit):
        with (folder / "stderr").open("w") as errors:
            os.dup2(errors.fileno(), 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        os._exit(_cli.main(["generate", *arguments]))

    whole = in_child(lambda: generate(resource.RLIM_INFINITY))
    assert os.waitpid(whole, 0)[1] == 0, (folder / "stderr").read_text()
    size = path.stat().st_size
    raw = 3 * 4 * int(grid) * int(trajectories) * int(snapshots)
    for limit in range(raw // 2, 3 * max(raw, size), max(raw, size) // 6):
        path.unlink(missing_ok=True)
        pid = in_child(lambda limit=limit: generate(limit))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        lines = (folder / "stderr").read_text().splitlines()
        partial = path.with_name("flow.hdf5.partial")
        for name in (path, partial):
            if name.exists():
                # What is there is whole, and goes on.
                with open_hdf5(name) as file:
                    assert len(file["density"]) == int(trajectories)
        print(limit, code, path.exists(), lines)
        assert not partial.with_name(partial.name + ".new").exists()
        if code == 0:
            break
    print("done")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
