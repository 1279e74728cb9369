"""The layout of PDEBench's compressible-flow files, and what we add to it.

`density`, `pressure`, `Vx`, `Vy`, `Vz`: `(trajectory, time, *grid)`; coordinates of
cell centres in `x-coordinate`, ...; `t-coordinate`; attributes `eta`, `zeta` and `M`.
The coordinates say of how many axes a grid is; fields without the first axis are one
trajectory.
Ours: `parameters/` with one value per trajectory, and the attribute `boundaries`.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ._coordinates import AXES, check_lengths, coordinate_faults
from ._file_format import FIELDS, FileContents, FileFormat, FilePlan
from ._own_records import CONFIG
from ._row_writer import create_rows
from ._spread import Spread
from ._stored import (
    attribute,
    attributes,
    dataset,
    dataset_fault,
    group_of_numbers,
    numbers,
    stored,
)

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


def _num_axes(file: Any) -> int:
    """The dimension, by the names of coordinates and velocities alone.

    **Raises:** `ValueError` if they contradict each other, naming what does not fit.
    """
    axes = [a for a in AXES if stored(file, f"{a}-coordinate") is not None]
    named = [a for a in AXES if stored(file, f"V{a}") is not None]
    d = len(axes)
    if d == 0 or axes != list(AXES[:d]):
        known = max([*axes, *named], default="x")
        wanted = AXES[: AXES.index(known) + 1]
        absent = [f"{a}-coordinate" for a in wanted if a not in axes]
        raise ValueError(f"{file.filename} lacks {', '.join(absent)}.")
    for axis in named:
        if axis not in axes:
            raise ValueError(
                f"{file.filename} holds V{axis}, but no {axis}-coordinate: a velocity "
                f"along an axis that the grid has not is not supported. Add the "
                f"coordinate, or take V{axis} out of the file."
            )
    return d


def _field_shape(file: Any, d: int) -> tuple[int, ...]:
    """`(trajectory, time, *grid)`, or without the first axis for one trajectory.

    **Raises:** `ValueError` for another number of axes, or an axis of no length.
    """
    shape = dataset(file, "density").shape
    if len(shape) not in (d + 1, d + 2):
        axes = ", ".join(AXES[:d])
        raise ValueError(
            f"{file.filename}: density must have axes (trajectory, time, {axes}), as "
            f"the coordinates are those of {axes}, or (time, {axes}) for one "
            f"trajectory; got shape {shape}."
        )
    if 0 in shape:
        raise ValueError(
            f"{file.filename}: density has shape {shape}: there is no trajectory, no "
            "time or no cell in it."
        )
    return shape


def _read(file: Any) -> FileContents:
    d = _num_axes(file)
    shape = _field_shape(file, d)
    coordinates = [f"{a}-coordinate" for a in AXES[:d]]
    needed = [*_field_names(d), *coordinates, "t-coordinate"]
    missing = [name for name in needed if stored(file, name) is None]
    if missing:
        raise ValueError(f"{file.filename} lacks {', '.join(missing)}.")
    nodes = {name: dataset(file, name) for name in _field_names(d)}
    for name, node in nodes.items():
        if node.shape != shape:
            raise ValueError(
                f"{file.filename}: {name} has shape {node.shape}, but density {shape}."
            )
    if len(shape) == d + 1:  # One trajectory, without an axis of its own.
        lengths = (1, *(None,) * (d + 1))
        nodes = {name: Spread(node, lengths) for name, node in nodes.items()}
    arrays = {
        "density": nodes["density"],
        "pressure": nodes["pressure"],
        "velocity": [nodes[f"V{a}"] for a in AXES[:d]],
    }
    num_times = shape[-1 - d]
    times = numbers(file, "t-coordinate").astype(np.float64)
    # PDEBench's own files have one time more than snapshots.
    if times.shape == (num_times + 1,):
        times = times[:-1]
    centers = tuple(numbers(file, name).astype(np.float64) for name in coordinates)
    check_lengths(file, shape[-1 - d :], (times, *centers))
    parameters = {k: v for k, v in attributes(file).items() if k != CONFIG}
    varying = group_of_numbers(file, _PARAMETERS)
    return FileContents(
        PDEBENCH.name,
        FIELDS,
        arrays,
        times,
        centers,
        parameters | varying,
        _boundaries(file, d),
        read=(*needed, *(f"{_PARAMETERS}/{name}" for name in varying)),
    )


def _boundaries(file: Any, d: int) -> tuple[str, ...]:
    """As the file says; by the names of PDEBench's own files where it does not.

    **Raises:** `ValueError` if a file of ours says something else than a kind per axis.
    """
    value = attribute(file, "boundaries")
    kinds = tuple(value.split(",")) if isinstance(value, str) else ()
    if len(kinds) == d and set(kinds) <= {"periodic", "wall", "open"}:
        return kinds
    if CONFIG in attributes(file):
        raise ValueError(
            f"{file.filename}: attribute boundaries must name periodic, wall or open "
            f"for each of {d} axes, got {value!r}."
        )
    return ("periodic",) * d if "_periodic_" in file.filename else ()


def _faults(file: Any) -> Iterator[str]:
    density = dataset(file, "density")
    axes = [a for a in AXES if stored(file, f"{a}-coordinate") is not None]
    d = len(axes) if axes == list(AXES[: len(axes)]) else density.ndim - 2
    if len(density.shape) not in (d + 1, d + 2) or not 1 <= d <= 3:
        yield f"density has shape {density.shape}, not (trajectory, time, x[, y[, z]])"
        return
    shape = density.shape[-1 - d :]
    for name in _field_names(d):
        node = stored(file, name)
        if node is None:
            yield f"no {name}"
        elif dataset_fault(node):
            yield f"{name} {dataset_fault(node)}"
        elif node.shape != density.shape:
            yield f"{name} has shape {node.shape}, density {density.shape}"
        elif node.dtype.kind != "f":
            yield f"{name} holds {node.dtype}, no floating-point numbers"
    for axis in AXES[d:]:
        if stored(file, f"V{axis}") is not None:
            yield f"V{axis} in a file of {d} axes"
    for axis, n in zip(AXES, shape[1:], strict=False):
        yield from coordinate_faults(file, f"{axis}-coordinate", (n,), even=True)
    # PDEBench's generator writes one time more than snapshots.
    yield from coordinate_faults(file, "t-coordinate", (shape[0], shape[0] + 1))


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
