"""The layout of The Well's files, as its format checker wants it.

Scalars `density` and `pressure` in `t0_fields`, `velocity` with its components last in
`t1_fields`; coordinates in `dimensions`; parameters, one per trajectory, in `scalars`;
masks of what stands at the ends of each axis in `boundary_conditions`.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ._coordinates import AXES, check_lengths, coordinate_faults
from ._file_format import Field, FileContents, FileFormat, FilePlan
from ._own_records import CONFIG
from ._row_writer import create_rows

_PARAMETERS = "scalars"
_KINDS = ("periodic", "wall", "open")
# Fields that change sign, beyond what their order says, under a reflection.
_PSEUDO = ("vorticity", "magnetic_field")
_ROOT = (
    "dataset_name",
    "grid_type",
    "n_spatial_dims",
    "n_trajectories",
    "simulation_parameters",
)
_GROUPS = (
    "dimensions",
    "boundary_conditions",
    "scalars",
    "t0_fields",
    "t1_fields",
    "t2_fields",
)


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


def _read(file: Any) -> FileContents:
    if "dimensions" not in file or "spatial_dims" not in file["dimensions"].attrs:
        raise ValueError(
            f"{file.filename} lacks the group dimensions with its spatial_dims."
        )
    names = [str(name) for name in file["dimensions"].attrs["spatial_dims"]]
    missing = [n for n in ("time", *names) if n not in file["dimensions"]]
    if missing:
        raise ValueError(f"{file.filename}: dimensions lacks {', '.join(missing)}.")
    fields, arrays = [], {}
    for order in range(3):
        group = file.get(f"t{order}_fields", {})
        for name in group:
            # A field that does not vary in time or between trajectories is a parameter.
            if group[name].ndim == 2 + len(names) + order:
                parity = -1 if name in _PSEUDO else +1
                fields.append(Field(name, order, parity))
                arrays[name] = group[name]
    if not fields:
        raise ValueError(f"{file.filename} holds no field that varies in time.")
    times, *centers = (_one_line(file, name) for name in ("time", *names))
    check_lengths(file, arrays[fields[0].name].shape[1:], (times, *centers))
    parameters = {
        k: v
        for k, v in file.attrs.items()
        if k not in (CONFIG, "simulation_parameters")
    }
    if _PARAMETERS in file:
        parameters |= {k: np.asarray(v[()]) for k, v in file[_PARAMETERS].items()}
    return FileContents(
        WELL.name,
        tuple(fields),
        arrays,
        times,
        tuple(centers),
        parameters,
        _kinds_of_boundaries(file, names),
    )


def _one_line(file: Any, name: str) -> np.ndarray:
    """A coordinate, which may be given for each trajectory but must be one for all."""
    values = np.asarray(file[f"dimensions/{name}"][()], np.float64)
    lines = values.reshape(-1, values.shape[-1])
    if not np.all(lines == lines[0]):
        raise ValueError(
            f"{file.filename}: the {name} of its trajectories differ, which is not "
            "supported: split the file."
        )
    return lines[0]


def _kinds_of_boundaries(file: Any, names: list[str]) -> tuple[str, ...]:
    kinds: dict[str, set[str]] = {name: set() for name in names}
    for group in file.get("boundary_conditions", {}).values():
        for name in group.attrs.get("associated_dims", []):
            kinds.get(str(name), set()).add(str(group.attrs.get("bc_type", "")).lower())
    if not all(len(kind) == 1 for kind in kinds.values()):
        return ()
    return tuple(kind.pop() for kind in kinds.values())


def _faults(file: Any) -> Iterator[str]:
    for name in _ROOT:
        if name not in file.attrs:
            yield f"no root attribute {name}"
    for name in _GROUPS:
        if name not in file:
            yield f"no group {name}"
    for name in file.attrs.get("simulation_parameters", []):
        if name not in file.attrs:
            yield f"simulation parameter {name} is no root attribute"
    dimensions = file.get("dimensions")
    if dimensions is None or "spatial_dims" not in dimensions.attrs:
        yield "no attribute spatial_dims of dimensions"
        return
    axes = [str(name) for name in dimensions.attrs["spatial_dims"]]
    if len(axes) != file.attrs.get("n_spatial_dims", len(axes)):
        yield "n_spatial_dims is not the number of spatial_dims"
    for name in ("time", *axes):
        if name not in dimensions:
            yield f"no dimensions/{name}"
            return
        yield from _flag_faults(dimensions[name], f"dimensions/{name}")
        lengths = (dimensions[name].shape[-1],)
        yield from coordinate_faults(
            file, f"dimensions/{name}", lengths, even=name != "time"
        )
    sizes = {name: dimensions[name].shape[-1] for name in ("time", *axes)}
    sizes["sample"] = int(file.attrs.get("n_trajectories", 0))
    for order in range(3):
        if f"t{order}_fields" in file:
            yield from _field_faults(file, order, axes, sizes)
    if "scalars" in file:
        yield from _scalar_faults(file["scalars"], sizes)
    yield from _boundary_faults(file.get("boundary_conditions", {}), axes, sizes)


def _field_faults(
    file: Any, order: int, axes: list[str], sizes: dict[str, int]
) -> Iterator[str]:
    group = file[f"t{order}_fields"]
    for name in _named(group):
        where = f"t{order}_fields/{name}"
        if name not in group:
            yield f"{where} is named in field_names but missing"
            continue
        node, faults = group[name], list(_flag_faults(group[name], where))
        varying = node.attrs.get("dim_varying")
        if varying is None or len(varying) != len(axes):
            faults.append(f"{where}: dim_varying must have {len(axes)} entries")
        yield from faults
        if not faults and varying is not None:
            leading = _leading(node, sizes)
            grid = [sizes[a] for a, used in zip(axes, varying, strict=True) if used]
            wanted = (*leading, *grid, *(len(axes),) * order)
            if node.shape != wanted:
                yield f"{where} has shape {node.shape}, not {wanted}"
    for name in set(group) - set(_named(group)):
        yield f"t{order}_fields/{name} is not named in field_names"
    if "field_names" not in group.attrs:
        yield f"no attribute field_names of t{order}_fields"


def _scalar_faults(group: Any, sizes: dict[str, int]) -> Iterator[str]:
    if "field_names" not in group.attrs:
        yield "no attribute field_names of scalars"
    for name in _named(group):
        if name not in group:
            yield f"scalars/{name} is named in field_names but missing"
            continue
        faults = list(_flag_faults(group[name], f"scalars/{name}"))
        yield from faults
        wanted = None if faults else _leading(group[name], sizes)
        if wanted is not None and group[name].shape != wanted:
            yield f"scalars/{name} has shape {group[name].shape}, not {wanted}"


def _boundary_faults(
    group: Any, axes: list[str], sizes: dict[str, int]
) -> Iterator[str]:
    described = set()
    for name, node in group.items():
        where = f"boundary_conditions/{name}"
        if str(node.attrs.get("bc_type", "")).lower() not in _KINDS:
            yield f"{where}: bc_type is none of {', '.join(_KINDS)}"
        yield from _flag_faults(node, where)
        if "associated_fields" not in node.attrs:
            yield f"{where}: no attribute associated_fields"
        dims = [str(dim) for dim in node.attrs.get("associated_dims", [])]
        if not dims or not set(dims) <= set(axes):
            yield f"{where}: associated_dims {dims} are no spatial_dims"
            continue
        described |= set(dims)
        if "mask" not in node:
            yield f"{where}: no mask"
        elif node["mask"].shape[-len(dims) :] != tuple(sizes[dim] for dim in dims):
            yield f"{where}: mask has shape {node['mask'].shape}"
        elif not np.any(node["mask"][()]):
            yield f"{where}: mask is nowhere true"
    for axis in axes:
        if axis not in described:
            yield f"no boundary condition along {axis}"


def _flag_faults(node: Any, where: str) -> Iterator[str]:
    for flag in ("sample_varying", "time_varying"):
        # Their own files lack it there, and their reader does not ask for it.
        if flag not in node.attrs and (where, flag) != (
            "dimensions/time",
            "time_varying",
        ):
            yield f"{where}: no attribute {flag}"


def _leading(node: Any, sizes: dict[str, int]) -> tuple[int, ...]:
    names = (("sample_varying", "sample"), ("time_varying", "time"))
    return tuple(sizes[name] for flag, name in names if node.attrs[flag])


def _named(group: Any) -> list[str]:
    return [str(name) for name in group.attrs.get("field_names", [])]


WELL = FileFormat(
    name="well",
    signs="The Well (t0_fields, dimensions, ...)",
    recognises=_recognises,
    read=_read,
    create=_create,
    rows=_rows,
    parameters=_PARAMETERS,
    faults=_faults,
)
