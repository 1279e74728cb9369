"""What a file format is: the one type that every layout of files is a value of."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..solver._grid import Grid


@dataclasses.dataclass(frozen=True)
class Field:
    """A tensor field: its `name`, `order` (number of indices) and `parity` (±1)."""

    name: str
    order: int
    parity: int


FIELDS = (Field("density", 0, +1), Field("pressure", 0, +1), Field("velocity", 1, +1))
"""What the generator writes, whatever the format."""


@dataclasses.dataclass(frozen=True)
class FilePlan:
    """What a new file is to hold, before any trajectory is there.

    **Arguments:**

    - `family`: the name of the initial states.
    - `num_trajectories`, `times`, `box`: how many trajectories, the times of their
      snapshots, and the grid.
    - `dtype`: of the stored fields.
    - `gamma`: the ratio of specific heats.
    - `parameters`: what each trajectory has a value of, by name; here the value of all
      of them, or NaN where they differ.
    - `boundaries`: "periodic", "wall" or "open" for each axis.
    """

    family: str
    num_trajectories: int
    times: tuple[float, ...]
    box: Grid
    dtype: str
    gamma: float
    parameters: dict[str, float]
    boundaries: tuple[str, ...]

    @property
    def field_shape(self) -> tuple[int, ...]:
        """The shape of a scalar field, `(trajectory, time, *grid)`."""
        return (self.num_trajectories, len(self.times), *self.box.shape)


@dataclasses.dataclass(frozen=True)
class FileContents:
    """One open file, read but for its fields, which stay where they are.

    **Arguments:**

    - `format`: the name of its format.
    - `fields`, `arrays`: what it holds, and by name the HDF5 data set of each field
      with axes `(trajectory, time, *grid[, components])`, or a list of data sets, one
      for each component.
    - `times`, `coordinates`: `(time,)` and, for each axis, the cell centres.
    - `parameters`: what the file says of the flow, one value or one per trajectory.
    - `boundaries`: "periodic", "wall" or "open" for each axis; empty if not known.
    - `constants`: the names of the fields that do not vary in time; their arrays have
      the time axis all the same (see `Spread`).
    - `read`: the names of all data sets that the reader has understood: whatever else
      stands in the file is listed as unread.
    """

    format: str
    fields: tuple[Field, ...]
    arrays: dict[str, Any]
    times: np.ndarray
    coordinates: tuple[np.ndarray, ...]
    parameters: dict[str, Any]
    boundaries: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    read: tuple[str, ...] | None = None

    @property
    def num_trajectories(self) -> int:
        """The length of the first axis."""
        array = self.arrays[self.fields[0].name]
        return (array[0] if isinstance(array, list) else array).shape[0]


@dataclasses.dataclass(frozen=True)
class FileFormat:
    """A layout of HDF5 files: all that is asked of it, for any file of that layout.

    A new format is one file that ends with such a value, and its entry in `FORMATS`.
    A `file` is an open `h5py.File`.

    **Arguments:**

    - `name`: what `GenerateConfig(format=...)` calls it.
    - `signs`: in words, by what a file of it is known.
    - `recognises`: `(file) -> bool`, by those signs alone.
    - `read`: `(file) -> FileContents`; a `ValueError` says what the file lacks.
    - `create`: `(file, plan)` makes all data sets, attributes and coordinates of an
      empty file. Data sets with one row for each trajectory are made by `create_rows`.
    - `rows`: `(density, velocity, pressure) -> {name: row}`, the data sets of one
      trajectory from arrays `(time, *grid)`, the velocity `(time, *grid, d)`.
    - `parameters`: the group in which `create` has made, for each parameter of the
      plan, a float64 data set with one value per trajectory.
    - `faults`: `(file)` yields each breach of the layout in words.
    """

    name: str
    signs: str
    recognises: Callable[[Any], bool]
    read: Callable[[Any], FileContents]
    create: Callable[[Any, FilePlan], None]
    rows: Callable[[np.ndarray, np.ndarray, np.ndarray], dict[str, np.ndarray]]
    parameters: str
    faults: Callable[[Any], Iterator[str]]
