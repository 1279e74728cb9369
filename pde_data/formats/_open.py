"""One typed data set from files of either layout, ours or foreign."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._config import GenerateConfig
from ._lazy import LazyArray
from ._pdebench import AXES, field_names
from ._rows import in_use

CONFIG = "pde_data_config"


@dataclasses.dataclass(frozen=True)
class Field:
    """A named tensor field: its `order` (number of indices) and `parity` (±1)."""

    name: str
    order: int
    parity: int


FIELDS = (Field("density", 0, +1), Field("pressure", 0, +1), Field("velocity", 1, +1))


class FlowData:
    """Trajectories in one or more files, read only where they are sliced.

    - `fields`: a tuple of `Field`; `data["velocity"]`: a `LazyArray` of shape
      `(trajectory, time, *grid[, d])`, components of tensors last;
    - `times` `(time,)`, `coordinates` one `(n,)` per axis, `grid` the numbers of cells;
    - `parameters`: what the file says of the flow, by name; one value, or one per
      trajectory;
    - `config`: the `GenerateConfig` of our own files, else `None`;
    - `certificates`: what was proved of each trajectory, by name, one array each;
      `redrawn`: how many broke down and were drawn anew.

    Use it in a `with` block, or call `close`.
    """

    def __init__(self, files: Sequence[Any]):
        self._files = list(files)
        sources = [_read_layout(file) for file in files]
        first = sources[0]
        for source, file in zip(sources[1:], self._files[1:], strict=True):
            if source.fields != first.fields or not np.array_equal(
                source.times, first.times
            ):
                raise ValueError(
                    f"`paths` must hold the same fields and times, but "
                    f"{file.filename} differs from {self._files[0].filename}."
                )
        self.layout: str = first.layout
        self.fields: tuple[Field, ...] = first.fields
        self.times: np.ndarray = first.times
        self.coordinates: tuple[np.ndarray, ...] = first.coordinates
        self.parameters: dict[str, Any] = _join([s.parameters for s in sources])
        self.config: GenerateConfig | None = first.config
        self.certificates: dict[str, np.ndarray] = _join(
            [_read_group(file, "certificate") for file in files]
        )
        draws = [_read_group(file, "generation").get("draw", 0) for file in files]
        self.redrawn: int = int(sum(np.count_nonzero(draw) for draw in draws))
        self._arrays = {
            field.name: LazyArray([source.arrays[field.name] for source in sources])
            for field in first.fields
        }

    @property
    def grid(self) -> tuple[int, ...]:
        """The number of cells along each axis."""
        return self._arrays[self.fields[0].name].shape[2 : 2 + self.num_spatial_dims]

    @property
    def num_spatial_dims(self) -> int:
        """The number of axes, d."""
        return len(self.coordinates)

    @property
    def num_trajectories(self) -> int:
        """The number of trajectories in all files."""
        return len(self._arrays[self.fields[0].name])

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files."""
        return tuple(Path(file.filename) for file in self._files)

    def __getitem__(self, name: str) -> LazyArray:
        if name not in self._arrays:
            raise KeyError(f"no field {name!r}; there are {', '.join(self._arrays)}")
        return self._arrays[name]

    def __repr__(self) -> str:
        names = ", ".join(field.name for field in self.fields)
        return (
            f"FlowData({self.num_trajectories} trajectories, {len(self.times)} times, "
            f"grid {self.grid}, {names}, {self.layout} layout)"
        )

    def close(self) -> None:
        """Close the files; the lazy arrays are of no use afterwards."""
        for file in self._files:
            file.close()

    def __enter__(self) -> "FlowData":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def load(paths: str | Path | Sequence[str | Path]) -> FlowData:
    """Open one file, or several as one data set joined along the trajectories.

    Reads our own files and those of PDEBench (2D and 3D compressible flow) and The
    Well.

    **Raises:** `FileNotFoundError`; `ValueError` for a file that is incomplete,
    truncated, or of another kind, saying which.
    """
    listed = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not listed:
        raise ValueError("`paths` must name at least one file, got none.")
    files: list[Any] = []
    try:
        for path in listed:
            files.append(open_hdf5(Path(path)))
        return FlowData(files)
    except BaseException:
        for file in files:
            file.close()
        raise


def open_hdf5(path: Path) -> Any:
    """An `h5py.File` open for reading, or an error that says what to do."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            "Reading and writing files needs h5py: pip install 'geomnet[data]'."
        ) from error
    if not path.exists():
        partial = path.with_name(path.name + ".partial")
        hint = (
            f" There is {partial.name}, an unfinished one: run `generate` again to "
            "finish it."
            if partial.exists()
            else ""
        )
        raise FileNotFoundError(f"There is no file {path}.{hint}")
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name the HDF5 files in it.")
    try:
        return h5py.File(path, "r")
    except BlockingIOError:
        raise in_use(path) from None
    except OSError as error:
        raise ValueError(
            f"{path} is not a readable HDF5 file; it may be truncated or of another "
            f"kind ({error})."
        ) from error


@dataclasses.dataclass
class _Layout:
    layout: str
    fields: tuple[Field, ...]
    arrays: dict[str, Any]
    times: np.ndarray
    coordinates: tuple[np.ndarray, ...]
    parameters: dict[str, Any]
    config: GenerateConfig | None


def _read_layout(file: Any) -> _Layout:
    if "density" in file and "Vx" in file and "pressure" in file:
        return _read_pdebench(file)
    if "t0_fields" in file and "dimensions" in file:
        return _read_well(file)
    found = ", ".join(sorted(file)[:8]) or "nothing"
    raise ValueError(
        f"{file.filename} has neither the layout of PDEBench's compressible flow "
        f"(density, pressure, Vx, ...) nor The Well's (t0_fields, dimensions, ...); "
        f"it holds {found}."
    )


def _read_pdebench(file: Any) -> _Layout:
    density = file["density"]
    d = density.ndim - 2
    missing = [name for name in field_names(d) if name not in file]
    coordinates = [f"{a}-coordinate" for a in AXES[:d]]
    missing += [name for name in [*coordinates, "t-coordinate"] if name not in file]
    if missing:
        raise ValueError(f"{file.filename} lacks {', '.join(missing)}.")
    for name in field_names(d):
        if file[name].shape != density.shape:
            raise ValueError(
                f"{file.filename}: {name} has shape {file[name].shape}, but density "
                f"{density.shape}."
            )
    arrays = {
        "density": density,
        "pressure": file["pressure"],
        "velocity": [file[f"V{a}"] for a in AXES[:d]],
    }
    # PDEBench's own files have one time more than snapshots.
    times = np.asarray(file["t-coordinate"][: density.shape[1]], np.float64)
    parameters = {name: file.attrs[name] for name in file.attrs if name != CONFIG}
    if "parameters" in file:
        parameters |= {k: np.asarray(v[()]) for k, v in file["parameters"].items()}
    return _Layout(
        "pdebench",
        FIELDS,
        arrays,
        times,
        tuple(np.asarray(file[name][()], np.float64) for name in coordinates),
        parameters,
        _stored_config(file),
    )


def _read_well(file: Any) -> _Layout:
    names = [str(name) for name in file["dimensions"].attrs["spatial_dims"]]
    fields, arrays = [], {}
    for order in range(3):
        group = file.get(f"t{order}_fields", {})
        for name in group:
            # A field that does not vary in time or between trajectories is a parameter.
            if group[name].ndim == 2 + len(names) + order:
                fields.append(Field(name, order, +1))
                arrays[name] = group[name]
    if not fields:
        raise ValueError(f"{file.filename} holds no field that varies in time.")
    parameters = {
        k: v
        for k, v in file.attrs.items()
        if k not in (CONFIG, "simulation_parameters")
    }
    if "scalars" in file:
        parameters |= {k: np.asarray(v[()]) for k, v in file["scalars"].items()}
    return _Layout(
        "well",
        tuple(fields),
        arrays,
        np.asarray(file["dimensions/time"][()], np.float64).reshape(-1),
        tuple(np.asarray(file[f"dimensions/{n}"][()], np.float64) for n in names),
        parameters,
        _stored_config(file),
    )


def _read_group(file: Any, name: str) -> dict[str, np.ndarray]:
    return {k: np.asarray(v[()]) for k, v in file.get(name, {}).items()}


def _stored_config(file: Any) -> GenerateConfig | None:
    text = file.attrs.get(CONFIG)
    return None if text is None else GenerateConfig.from_json(str(text))


def _join(parameters: list[dict[str, Any]]) -> dict[str, Any]:
    """Equal values once; values per trajectory joined; others as a list per file."""
    joined: dict[str, Any] = {}
    for name in parameters[0]:
        values: list[Any] = [p.get(name) for p in parameters]
        if all(isinstance(v, np.ndarray) and v.ndim == 1 for v in values):
            joined[name] = np.concatenate(values)
        elif all(np.array_equal(v, values[0]) for v in values):
            joined[name] = values[0]
        else:
            joined[name] = values
    return joined
