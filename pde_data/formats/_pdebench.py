"""The layout of PDEBench's compressible-flow files, and what we add to it.

`density`, `pressure`, `Vx`, `Vy`, `Vz`: `(trajectory, time, *grid)`; coordinates of
cell centres in `x-coordinate`, ...; `t-coordinate`; attributes `eta`, `zeta` and `M`.
Ours: `parameters/` with one value per trajectory, and the attribute `boundaries`.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ._coordinates import AXES, check_lengths, coordinate_faults
from ._file_format import FIELDS, FileContents, FileFormat, FilePlan
from ._own_records import CONFIG
from ._row_writer import create_rows

_PARAMETERS = "parameters"
# Their names of what varies between trajectories.
_ATTRIBUTES = {"eta": "shear_viscosity", "zeta": "bulk_viscosity", "M": "mach"}


def _recognises(file: Any) -> bool:
    return "density" in file and "pressure" in file


def _field_names(num_spatial_dims: int) -> list[str]:
    """The names of the data sets with a trajectory axis."""
    return ["density", "pressure", *(f"V{a}" for a in AXES[:num_spatial_dims])]


def _create(file: Any, plan: FilePlan) -> None:
    d = plan.box.num_spatial_dims
    for name in _field_names(d):
        create_rows(file, name, plan.field_shape, plan.dtype)
    for axis in range(d):
        centers = plan.box.coordinates(axis)
        file[f"{AXES[axis]}-coordinate"] = centers.astype(np.float32)
    file["t-coordinate"] = np.asarray(plan.times, np.float32)
    for name in plan.parameters:
        shape = (plan.num_trajectories,)
        create_rows(file, f"{_PARAMETERS}/{name}", shape, np.float64)
    file.attrs["boundaries"] = ",".join(plan.boundaries)
    for name, parameter in _ATTRIBUTES.items():
        file.attrs[name] = plan.parameters[parameter]


def _rows(
    density: np.ndarray, velocity: np.ndarray, pressure: np.ndarray
) -> dict[str, np.ndarray]:
    components = {
        f"V{AXES[axis]}": velocity[..., axis] for axis in range(velocity.shape[-1])
    }
    return {"density": density, "pressure": pressure, **components}


def _read(file: Any) -> FileContents:
    density = file["density"]
    d = density.ndim - 2
    if not 1 <= d <= 3:
        raise ValueError(
            f"{file.filename}: density must have axes (trajectory, time, x[, y[, z]]), "
            f"got shape {density.shape}."
        )
    coordinates = [f"{a}-coordinate" for a in AXES[:d]]
    needed = [*_field_names(d), *coordinates, "t-coordinate"]
    missing = [name for name in needed if name not in file]
    if missing:
        raise ValueError(f"{file.filename} lacks {', '.join(missing)}.")
    for name in _field_names(d):
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
    centers = tuple(np.asarray(file[name][()], np.float64) for name in coordinates)
    check_lengths(file, density.shape[1:], (times, *centers))
    parameters = {name: file.attrs[name] for name in file.attrs if name != CONFIG}
    if _PARAMETERS in file:
        parameters |= {k: np.asarray(v[()]) for k, v in file[_PARAMETERS].items()}
    boundaries = tuple(str(parameters.get("boundaries", "")).split(","))
    if boundaries == ("",):
        # The names of PDEBench's own files say it.
        boundaries = ("periodic",) * d if "_periodic_" in file.filename else ()
    return FileContents(
        PDEBENCH.name, FIELDS, arrays, times, centers, parameters, boundaries
    )


def _faults(file: Any) -> Iterator[str]:
    shape = file["density"].shape
    d = len(shape) - 2
    if not 1 <= d <= 3:
        yield f"density has shape {shape}, not (trajectory, time, x[, y[, z]])"
        return
    for name in _field_names(d):
        if name not in file:
            yield f"no {name}"
        elif file[name].shape != shape:
            yield f"{name} has shape {file[name].shape}, density {shape}"
        elif file[name].dtype.kind != "f":
            yield f"{name} holds {file[name].dtype}, no floating-point numbers"
    for axis in AXES[d:]:
        if f"V{axis}" in file:
            yield f"V{axis} in a file of {d} axes"
    for axis, n in zip(AXES, shape[2:], strict=False):
        yield from coordinate_faults(file, f"{axis}-coordinate", (n,), even=True)
    # PDEBench's generator writes one time more than snapshots.
    yield from coordinate_faults(file, "t-coordinate", (shape[1], shape[1] + 1))


PDEBENCH = FileFormat(
    name="pdebench",
    signs="PDEBench's compressible flow (density, pressure, Vx, ...)",
    recognises=_recognises,
    read=_read,
    create=_create,
    rows=_rows,
    parameters=_PARAMETERS,
    faults=_faults,
)
