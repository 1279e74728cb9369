"""The layout of The Well's files, as its format checker wants it.

Scalars `density` and `pressure` in `t0_fields`, `velocity` with its components last in
`t1_fields`; coordinates in `dimensions`; parameters, one per trajectory, in `scalars`;
masks of what stands at the ends of each axis in `boundary_conditions`.
"""

from typing import Any

import numpy as np

from ._coordinates import AXES
from ._file_format import FileFormat, FilePlan
from ._row_writer import create_rows
from ._well_faults import well_faults
from ._well_reading import PARAMETERS, read_well


def _recognises(file: Any) -> bool:
    return "t0_fields" in file or "t1_fields" in file


def _create(file: Any, plan: FilePlan) -> None:
    d = plan.box.num_spatial_dims
    names = list(AXES[:d])
    text = _text()
    file.attrs["dataset_name"] = f"compressible_navier_stokes_{plan.family}"
    file.attrs["grid_type"] = "cartesian"
    file.attrs["n_spatial_dims"] = d
    file.attrs["n_trajectories"] = plan.num_trajectories
    file.attrs.create("simulation_parameters", [*plan.parameters, "gamma"], dtype=text)
    for name, value in plan.parameters.items():
        file.attrs[name] = value
    file.attrs["gamma"] = plan.gamma

    dimensions = file.create_group("dimensions")
    dimensions.attrs.create("spatial_dims", names, dtype=text)
    times = np.asarray(plan.times, np.float32)
    _constant(dimensions, "time", times, time_varying=True)
    for axis, name in enumerate(names):
        centers = plan.box.coordinates(axis)
        _constant(dimensions, name, centers.astype(np.float32), time_varying=False)
    for axis, name in enumerate(names):
        _boundary(file, name, plan.box.shape[axis], plan.boundaries[axis])

    scalars = file.create_group("scalars")
    scalars.attrs.create("field_names", [*plan.parameters, "gamma"], dtype=text)
    for name in plan.parameters:
        row = create_rows(file, f"scalars/{name}", (plan.num_trajectories,), np.float64)
        _flags(row, sample_varying=True, time_varying=False)
    _constant(scalars, "gamma", np.float64(plan.gamma), time_varying=False)

    for order, fields in enumerate((("density", "pressure"), ("velocity",), ())):
        group = file.create_group(f"t{order}_fields")
        group.attrs.create("field_names", list(fields), dtype=text)
        for field in fields:
            name = f"t{order}_fields/{field}"
            row = create_rows(
                file, name, (*plan.field_shape, *(d,) * order), plan.dtype
            )
            _flags(row, sample_varying=True, time_varying=True)
            row.attrs["dim_varying"] = np.ones(d, bool)


def _rows(
    density: np.ndarray, velocity: np.ndarray, pressure: np.ndarray
) -> dict[str, np.ndarray]:
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


WELL = FileFormat(
    name="well",
    signs="The Well (t0_fields, dimensions, ...)",
    recognises=_recognises,
    read=read_well,
    create=_create,
    rows=_rows,
    parameters=PARAMETERS,
    faults=well_faults,
)
