"""Small files and ways to damage them, run apart, as HDF5 may take the process along.

    python damage.py KIND FOLDER FIRST LAST

KIND is "alter" (another kind of attribute or data set) or "flip" (of one bit). Prints
each case that ends in anything but an exit code and at most one line of error.
"""

import contextlib
import io
import sys
import traceback
import tracemalloc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pde_data import _cli

# No case needs more memory than this; the files have some ten kilobytes.
MOST_BYTES = 2**24
VALUES: list[Any] = [
    "text",
    "",
    b"\xff\xfe",
    3,
    -1,
    0,
    2**62,
    1.5,
    np.nan,
    np.inf,
    1j,
    True,
    [1, 2, 3],
    ["a", "b"],
    np.zeros((0,)),
    np.zeros((2, 2)),
    np.zeros((3, 4), "S3"),
    np.zeros(2, [("a", "f8"), ("b", "i4")]),
    h5py.Empty("f8"),
]


def write_pdebench(path: Path) -> Path:
    """An exact flow at rest, as ours and PDEBench's files have it."""
    shape = (2, 3, 6, 5)
    with h5py.File(path, "w") as file:
        for name in ("density", "pressure", "Vx", "Vy"):
            file[name] = np.ones(shape) + 0.1 * np.arange(5) * (name == "density")
        for name, n in (("x", 6), ("y", 5), ("t", 3)):
            file[f"{name}-coordinate"] = np.arange(float(n))
        file["parameters/gamma"] = np.full(2, 1.4)
        file["parameters/mach"] = np.full(2, 0.1)
        file.attrs["eta"], file.attrs["M"] = 0.1, 0.1
        file.attrs["boundaries"] = "periodic,periodic"
    return path


def write_well(path: Path) -> Path:
    """The same in The Well's layout, with a constant field."""
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        root = {"dataset_name": "flow", "grid_type": "cartesian", "gamma": 1.4}
        for name, value in (root | {"n_spatial_dims": 2, "n_trajectories": 2}).items():
            file.attrs[name] = value
        file.attrs.create("simulation_parameters", ["gamma"], dtype=text)
        dimensions = file.create_group("dimensions")
        dimensions.attrs.create("spatial_dims", ["x", "y"], dtype=text)
        file["scalars/gamma"] = 1.4
        for name, n in (("time", 3), ("x", 6), ("y", 5)):
            dimensions[name] = np.arange(float(n))
        fields = {"t0_fields/density": (2, 3, 6, 5), "t0_fields/pressure": (2, 3, 6, 5)}
        fields |= {"t0_fields/depth": (6, 5), "t1_fields/velocity": (2, 3, 6, 5, 2)}
        for name, shape in fields.items():
            file[name] = np.ones(shape)
            file[name].attrs["dim_varying"] = np.ones(2, bool)
            for flag in ("sample_varying", "time_varying"):
                file[name].attrs[flag] = len(shape) > 2
        for name in ("scalars/gamma", "dimensions/x", "dimensions/time"):
            file[name].attrs["sample_varying"] = False
            file[name].attrs["time_varying"] = name.endswith("time")
        for order, names in enumerate((["density", "pressure", "depth"], ["velocity"])):
            group = file[f"t{order}_fields"]
            group.attrs.create("field_names", names, dtype=text)
        for axis, n in (("x", 6), ("y", 5)):
            edge = file.create_group(f"boundary_conditions/{axis}_periodic")
            edge.attrs.create("associated_dims", [axis], dtype=text)
            edge.attrs["bc_type"] = "PERIODIC"
            edge["mask"] = np.isin(np.arange(n), (0, n - 1))
    return path


WRITERS = {"pdebench": write_pdebench, "well": write_well}


def alterations(path: Path) -> list[tuple[str, str | None, Any]]:
    """`(node, attribute or None for the node itself, value)`, in an order of chance."""
    places: list[tuple[str, str | None]] = []

    def visit(name: str, node: Any) -> None:
        places.extend((name, attribute) for attribute in node.attrs)
        if isinstance(node, h5py.Dataset):
            places.append((name, None))

    with h5py.File(path, "r") as file:
        places += [("/", attribute) for attribute in file.attrs]
        file.visititems(visit)
    cases = [(*place, value) for place in places for value in VALUES]
    order = np.random.default_rng(0).permutation(len(cases))
    return [cases[i] for i in order]


def alter(path: Path, case: tuple[str, str | None, Any]) -> None:
    where, attribute, value = case
    with h5py.File(path, "r+") as file:
        if attribute is not None:
            del file[where].attrs[attribute]
            file[where].attrs[attribute] = value
            return
        kept = dict(file[where].attrs)
        del file[where]
        file[where] = value
        file[where].attrs.update(kept)


def flip(path: Path, case: int) -> None:
    """One bit, by chance; a third of them in the superblock and the first headers."""
    random = np.random.default_rng(case)
    content = bytearray(path.read_bytes())
    place = random.integers(len(content) if case % 3 else 800)
    content[place] ^= 1 << random.integers(8)
    path.write_bytes(content)


def misbehaviour(path: Path, *, pictures: bool) -> str:
    """What a command does with a file that it must not; "" if nothing."""
    commands = [["check"], ["info"]]
    if pictures:
        commands.append(["plot", "--out", str(path.with_suffix(".png"))])
    for command in commands:
        out, err = io.StringIO(), io.StringIO()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = _cli.main([*command, str(path)])
        except BaseException:
            return f"{command[0]}: {traceback.format_exc()}"
        if code not in (0, 1, 2) or err.getvalue().count("\n") != (code == 2):
            return f"{command[0]}: code {code}, {err.getvalue()!r}"
        taken = tracemalloc.get_traced_memory()[1] - before
        if command[0] != "plot" and taken > MOST_BYTES:
            return f"{command[0]}: {taken} bytes"
    return ""


def cases(kind: str, folder: Path, first: int, last: int) -> Iterator[tuple[Any, Path]]:
    """Each damaged file in turn."""
    for layout, write in WRITERS.items():
        whole = write(folder / f"{layout}.hdf5")
        altered = alterations(whole)
        content = whole.read_bytes()
        for number in range(
            first, min(last, len(altered)) if kind == "alter" else last
        ):
            path = folder / "damaged.hdf5"
            path.write_bytes(content)
            if kind == "alter":
                alter(path, altered[number])
                yield (layout, number, altered[number]), path
            else:
                flip(path, number)
                yield (layout, number), path


def main() -> None:
    kind, folder, first, last = sys.argv[1:]
    warnings.simplefilter("ignore")
    tracemalloc.start()
    for count, (case, path) in enumerate(
        cases(kind, Path(folder), int(first), int(last))
    ):
        print(f"case {case}", file=sys.stderr, flush=True)
        found = misbehaviour(path, pictures=count % 8 == 0)
        if found:
            print(f"{case}: {found}", flush=True)


if __name__ == "__main__":
    main()
