"""The layout of The Well's files, as its format checker wants it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..generation._config import GenerateConfig, single_value
from ._pdebench import AXES
from ._row_writer import create_rows

PARAMETERS = "scalars"
_VARYING = ("mach", "shear_viscosity", "bulk_viscosity")


def create(file: Any, config: GenerateConfig, boundaries: Sequence[str]) -> None:
    """All data sets and attributes of an empty file, in The Well's layout.

    Scalars `density` and `pressure` in `t0_fields`, `velocity` with its components last
    in `t1_fields`; parameters, one per trajectory, in `scalars`. `boundaries` has
    one of "periodic", "wall" and "open" per axis.
    """
    d = len(config.grid)
    names = list(AXES[:d])
    text = _text()
    file.attrs["dataset_name"] = f"compressible_navier_stokes_{config.family}"
    file.attrs["grid_type"] = "cartesian"
    file.attrs["n_spatial_dims"] = d
    file.attrs["n_trajectories"] = len(config.indices)
    file.attrs.create("simulation_parameters", [*_VARYING, "gamma"], dtype=text)
    for name in _VARYING:
        file.attrs[name] = single_value(getattr(config, name))
    file.attrs["gamma"] = config.gamma

    dimensions = file.create_group("dimensions")
    dimensions.attrs.create("spatial_dims", names, dtype=text)
    times = np.asarray(config.times, np.float32)
    _constant(dimensions, "time", times, time_varying=True)
    for axis, name in enumerate(names):
        centers = config.box.coordinates(axis)
        _constant(dimensions, name, centers.astype(np.float32), time_varying=False)
    for axis, name in enumerate(names):
        _boundary(file, name, config.grid[axis], boundaries[axis])

    scalars = file.create_group("scalars")
    scalars.attrs.create("field_names", [*_VARYING, "gamma"], dtype=text)
    for name in _VARYING:
        row = create_rows(file, f"scalars/{name}", (len(config.indices),), np.float64)
        _flags(row, sample_varying=True, time_varying=False)
    _constant(scalars, "gamma", np.float64(config.gamma), time_varying=False)

    shape = (len(config.indices), config.snapshots, *config.grid)
    for order, fields in enumerate((("density", "pressure"), ("velocity",), ())):
        group = file.create_group(f"t{order}_fields")
        group.attrs.create("field_names", list(fields), dtype=text)
        for field in fields:
            name = f"t{order}_fields/{field}"
            row = create_rows(file, name, (*shape, *(d,) * order), config.dtype)
            _flags(row, sample_varying=True, time_varying=True)
            row.attrs["dim_varying"] = np.ones(d, bool)


def rows(
    density: np.ndarray, velocity: np.ndarray, pressure: np.ndarray
) -> dict[str, np.ndarray]:
    """The data sets of one trajectory, from arrays `(time, *grid[, d])`."""
    return {
        "t0_fields/density": density,
        "t0_fields/pressure": pressure,
        "t1_fields/velocity": velocity,
    }


def _boundary(file: Any, name: str, n: int, kind: str) -> None:
    group = file.create_group(f"boundary_conditions/{name}_{kind}")
    text = _text()
    group.attrs.create("associated_dims", [name], dtype=text)
    group.attrs.create("associated_fields", [], shape=(0,), dtype=text)
    group.attrs["bc_type"] = kind.upper()
    _flags(group, sample_varying=False, time_varying=False)
    mask = np.zeros(n, bool)
    mask[[0, -1]] = True
    group["mask"] = mask


def _constant(group: Any, name: str, value: Any, *, time_varying: bool) -> None:
    group[name] = value
    _flags(group[name], sample_varying=False, time_varying=time_varying)


def _flags(node: Any, *, sample_varying: bool, time_varying: bool) -> None:
    node.attrs["sample_varying"] = sample_varying
    node.attrs["time_varying"] = time_varying


def _text() -> Any:
    import h5py

    return h5py.string_dtype()
