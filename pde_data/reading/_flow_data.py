"""One typed data set from files of any known format, ours or foreign."""

import dataclasses
import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._arguments import checked, shown
from ..formats._digests import refuse_altered
from ..formats._file_format import Field, FileContents
from ..formats._hdf5 import open_hdf5
from ..formats._own_records import CERTIFICATE, CONFIG, GENERATION, read_records
from ..formats._registry import read_contents, unread_datasets
from ..formats._stored import attribute
from ..generation._config import GenerateConfig
from ..solver._energy import pressure_of
from ._lazy_array import LazyArray
from ._reopening import OpenFile


class FlowData:
    """Trajectories in one or more files, read only where they are sliced.

    - `fields`: a tuple of `Field`; `data["velocity"]`: a `LazyArray` of shape
      `(trajectory, time, *grid[, d])`, components of tensors last;
    - `constants`: the names of the fields that do not vary in time; their arrays have
      the time axis all the same;
    - `times` `(time,)`, `coordinates` one `(n,)` per axis, `grid` the numbers of cells;
    - `boundaries`: "periodic", "wall" or "open" for each axis; empty if not known;
    - `parameters`: what the files say of the flow, by name; one value, or one per
      trajectory;
    - `config`: the `GenerateConfig` of our own files, as one whole file would have it;
      `None` for foreign files and for files of several configurations;
    - `certificates`: what was proved of each trajectory, by name, one array each;
      `records`: how it was made: `index` in the whole, `num_steps`, `draw`,
      `safe_scheme`; `redrawn`: how many broke down and were drawn anew;
    - `unread`: the names of all data sets in the files that were not understood.

    `pde_data.load` makes it, of open `files` (`allow_external` as there). Use it in a
    `with` block, or call `close`. It can be pickled, and its lazy arrays too: in
    another process the files are opened again when something is read, which a file that
    has changed or gone meanwhile refuses.

    **Raises:** `ValueError` if the files are of no known format or do not fit each
    other; `TypeError` if they are no files of h5py.
    """

    @checked
    def __init__(self, files: Sequence[Any], *, allow_external: bool = False):
        if not len(files) or not all(hasattr(file, "filename") for file in files):
            raise TypeError(
                f"`files` must hold open files of h5py, got {shown(files)}: "
                "`pde_data.load(paths)` opens them."
            )
        self._files = [OpenFile(file, allow_external=allow_external) for file in files]
        sources = [read_contents(file) for file in files]
        first = sources[0]
        for source, file in zip(sources[1:], self._files[1:], strict=True):
            self._refuse_other(file, _differing(first, source))
        self.layout: str = first.format
        self.fields: tuple[Field, ...] = first.fields
        self.constants: tuple[str, ...] = first.constants
        self.unread: tuple[str, ...] = tuple(
            dict.fromkeys(
                name
                for source, file in zip(sources, files, strict=True)
                for name in unread_datasets(file, source)
            )
        )
        self.times: np.ndarray = first.times
        self.coordinates: tuple[np.ndarray, ...] = first.coordinates
        self.boundaries: tuple[str, ...] = first.boundaries
        lengths = [source.num_trajectories for source in sources]
        self.parameters: dict[str, Any] = _join(
            [source.parameters for source in sources], lengths
        )
        self.config: GenerateConfig | None = _common([_config(file) for file in files])
        self.certificates: dict[str, np.ndarray] = _joined_records(
            files, CERTIFICATE, lengths
        )
        self.records: dict[str, np.ndarray] = _joined_records(
            files, GENERATION, lengths
        )
        self.redrawn: int = int(np.count_nonzero(self.records.get("draw", 0)))
        self._arrays = {
            field.name: LazyArray(
                [
                    file.kept(source.arrays[field.name])
                    for source, file in zip(sources, self._files, strict=True)
                ]
            )
            for field in first.fields
        }

    def _refuse_other(self, file: Any, differing: list[str]) -> None:
        if differing:
            raise ValueError(
                f"`paths` must hold the same fields, times and coordinates, but in "
                f"{file.filename} the {' and '.join(differing)} differ from those of "
                f"{self._files[0].filename}; load them apart."
            )

    def primitive(
        self, index: int, times: int | slice = slice(None)
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Density, velocity and pressure of trajectory `index`, all `times` or some.

        **Returns:** arrays `(time, *grid)`, `(time, *grid, d)` and `(time, *grid)`.
        Momentum and total energy are converted, with the parameter `gamma` of the file
        or, where it names none, 5/3.

        **Raises:** `ValueError` if the file does not determine them.
        """
        if not 0 <= index < self.num_trajectories:
            raise ValueError(
                f"`trajectory` must be from 0 to {self.num_trajectories - 1}, "
                f"got {index}."
            )
        held = set(self._arrays)
        if "density" not in held or not all(
            held & either
            for either in ({"velocity", "momentum"}, {"pressure", "energy"})
        ):
            raise ValueError(
                f"{self.paths[0]} does not hold density, velocity (or momentum) and "
                f"pressure (or energy), but {', '.join(self._arrays)}."
            )
        density = self["density"][index, times]
        if "velocity" in held:
            velocity = self["velocity"][index, times]
        else:
            velocity = self["momentum"][index, times] / density[..., None]
        if "pressure" in held:
            return density, velocity, self["pressure"][index, times]
        energy = self["energy"][index, times]
        pressure = pressure_of(density, velocity, energy, self.gamma(index))
        return density, velocity, pressure

    def gamma(self, index: int) -> float:
        """The ratio of specific heats of trajectory `index`; 5/3 where none is named.

        **Raises:** `ValueError` if the file has neither one number nor one for each.
        """
        stated = self.parameters.get("gamma", 5 / 3)
        values = np.ravel(stated)
        if len(values) in (1, self.num_trajectories) and values.dtype.kind in "fiu":
            return float(values[index] if len(values) > 1 else values[0])
        raise ValueError(
            f"{self.paths[0]}: gamma must be one number, or one for each of "
            f"{self.num_trajectories} trajectories, got {stated!r:.60}."
        )

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


@checked
def load(paths: Any, *, allow_external: bool = False, verify: bool = False) -> FlowData:
    """Open one file, or several as one data set joined along the trajectories.

    Reads our own files and those of PDEBench (1D to 3D compressible flow) and The Well.

    **Arguments:**

    - `paths`: a file, a pattern such as `"flow-*-of-4.hdf5"`, or a list of them. Files
      found by a pattern are in the order of their names. They may differ in their
      parameters, which then have one value per trajectory.
    - `allow_external`: whether a file may take numbers from other files: by links, raw
      storage or virtual data sets that name them. Only for files that you trust.
    - `verify`: read every number first, and refuse a file that is not as it was
      written, to the last bit, or carries no digests that would tell.

    A file of PDEBench's without trajectory axis is one trajectory. What a file holds
    and is not understood is listed in `unread`.

    **Raises:** `FileNotFoundError`, also for a part that is missing of those that a
    pattern `-*-of-` asks for; `TypeError` for anything but paths; `ValueError` for a
    file that is incomplete, truncated, of another kind, named twice, of other
    fields, times or coordinates than the first, or, with `verify`, altered, saying
    which.
    """
    listed = _listed(paths)
    files: list[Any] = []
    try:
        for path in listed:
            files.append(open_hdf5(path, allow_external=allow_external))
            if verify:
                refuse_altered(files[-1])
        return FlowData(files, allow_external=allow_external)
    except BaseException:
        for file in files:
            file.close()
        raise


def _listed(paths: Any) -> list[Path]:
    found: list[Path] = []
    single = isinstance(paths, (str, os.PathLike))
    if not single and not isinstance(paths, (list, tuple)):
        raise _no_path(paths)
    for path in [paths] if single else paths:
        if not isinstance(path, (str, os.PathLike)):
            raise _no_path(path)
        text = str(path)
        if glob.has_magic(text) and not Path(path).exists():
            matches = sorted(glob.glob(text))
            if not matches:
                raise FileNotFoundError(f"There is no file that matches {text}.")
            _check_parts(text, matches)
            found += map(Path, matches)
        else:
            found.append(Path(path))
    if not found:
        raise ValueError("`paths` must name at least one file, got none.")
    same = [path.resolve() for path in found]
    twice = [
        str(path)
        for path, real in zip(found, same, strict=True)
        if same.count(real) > 1
    ]
    if twice:
        raise ValueError(f"`paths` must name each file once, got {twice[0]} twice.")
    return found


def _check_parts(pattern: str, matches: list[str]) -> None:
    """**Raises:** `FileNotFoundError` if a part is missing that a pattern asks for."""
    if "-*-of-" not in Path(pattern).name:
        return
    parts: dict[tuple[str, str, str], set[int]] = {}
    for match in matches:
        if named := re.fullmatch(r"(.*)-(\d+)-of-(\d+)(\.[^.]*)", match):
            stem, number, count, suffix = named.groups()
            parts.setdefault((stem, count, suffix), set()).add(int(number))
    for (stem, count, suffix), there in parts.items():
        missing = [n for n in range(1, int(count) + 1) if n not in there]
        if missing:
            raise FileNotFoundError(
                f"{pattern} asks for {count} parts, of which {missing} are missing: "
                f"`python -m pde_data generate --out {stem}{suffix} --shard "
                f"{missing[0]}/{count} ...` makes or finishes one. To read some "
                "parts alone, give a list of their names."
            )


def _no_path(given: Any) -> TypeError:
    kind = f"{type(given).__module__}.{type(given).__qualname__}"
    hint = ""
    if kind.startswith("h5py.") and hasattr(given, "filename"):
        hint = ": pass its name, load(file.filename)"
    return TypeError(
        f"`paths` must be a path, a pattern such as 'flow-*.hdf5' or a list of them, "
        f"got {kind}{hint}."
    )


def _differing(first: FileContents, other: FileContents) -> list[str]:
    """What two files would need to have in common to be one data set."""
    same = first.fields == other.fields and first.constants == other.constants
    found = [] if same else ["fields"]
    if not np.array_equal(first.times, other.times):
        found.append("times")
    pairs = zip(first.coordinates, other.coordinates, strict=False)
    if len(first.coordinates) != len(other.coordinates) or not all(
        np.array_equal(a, b) for a, b in pairs
    ):
        found.append("coordinates")
    return found


def _config(file: Any) -> GenerateConfig | None:
    text = attribute(file, CONFIG)
    if text is None:
        return None
    try:
        return GenerateConfig.from_json(str(text))
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(
            f"{file.filename}: attribute {CONFIG} holds no configuration ({error})."
        ) from error


def _joined_records(
    files: Sequence[Any], group: str, lengths: list[int]
) -> dict[str, np.ndarray]:
    records = [read_records(file, group) for file in files]
    for file, found, n in zip(files, records, lengths, strict=True):
        for name, values in found.items():
            if values.shape != (n,):
                raise ValueError(
                    f"{file.filename}: {group}/{name} must have one value for each of "
                    f"{n} trajectories, but has shape {values.shape}."
                )
    return _join(records, lengths)


def _common(configs: Sequence[GenerateConfig | None]) -> GenerateConfig | None:
    wholes = [
        None if config is None else dataclasses.replace(config, shard=(1, 1))
        for config in configs
    ]
    return wholes[0] if all(config == wholes[0] for config in wholes) else None


def _join(parameters: list[dict[str, Any]], lengths: list[int]) -> dict[str, Any]:
    """Equal values once; values per trajectory joined; other numbers repeated for each
    trajectory of their file (NaN where one has none); else a list, one per file.
    """
    joined: dict[str, Any] = {}
    for name in dict.fromkeys(name for p in parameters for name in p):
        values: list[Any] = [p.get(name) for p in parameters]
        per_trajectory = [
            isinstance(value, np.ndarray) and value.shape == (n,)
            for value, n in zip(values, lengths, strict=True)
        ]
        if not all(per_trajectory) and all(_equal(v, values[0]) for v in values):
            joined[name] = values[0]
        elif all(
            per or value is None or (np.ndim(value) == 0 and _is_number(value))
            for per, value in zip(per_trajectory, values, strict=True)
        ):
            rows = [
                np.broadcast_to(np.nan if value is None else value, (n,))
                for value, n in zip(values, lengths, strict=True)
            ]
            joined[name] = np.concatenate(rows)
        else:
            joined[name] = values
    return joined


def _equal(a: Any, b: Any) -> bool:
    return a is b or (
        a is not None
        and b is not None
        and np.shape(a) == np.shape(b)
        and np.asarray(a).dtype.kind == np.asarray(b).dtype.kind
        and bool(np.all(np.asarray(a) == np.asarray(b)))
    )


def _is_number(value: Any) -> bool:
    return np.issubdtype(np.asarray(value).dtype, np.number)
