"""What a layout demands of a file, each breach of it in words."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ._layouts import CONFIG, layout_name
from ._pdebench import AXES, field_names
from ._row_writer import STATUS

_WELL_ROOT = (
    "dataset_name",
    "grid_type",
    "n_spatial_dims",
    "n_trajectories",
    "simulation_parameters",
)
_WELL_GROUPS = (
    "dimensions",
    "boundary_conditions",
    "scalars",
    "t0_fields",
    "t1_fields",
    "t2_fields",
)
_KINDS = ("periodic", "wall", "open")
# Coordinates are stored in float32.
_EVEN = 1e-3


def structural_faults(file: Any) -> list[str]:
    """Where an open file departs from its layout; empty if nowhere."""
    name = layout_name(file)
    if name is None:
        return ["neither PDEBench's layout nor The Well's"]
    faults = list((_pdebench if name == "pdebench" else _well)(file))
    return [*faults, *_ours(file)]


def _pdebench(file: Any) -> Iterator[str]:
    shape = file["density"].shape
    d = len(shape) - 2
    if not 1 <= d <= 3:
        yield f"density has shape {shape}, not (trajectory, time, x[, y[, z]])"
        return
    for name in field_names(d):
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
        yield from _line(file, f"{axis}-coordinate", (n,), even=True)
    # PDEBench's generator writes one time more than snapshots.
    yield from _line(file, "t-coordinate", (shape[1], shape[1] + 1))


def _well(file: Any) -> Iterator[str]:
    for name in _WELL_ROOT:
        if name not in file.attrs:
            yield f"no root attribute {name}"
    for name in _WELL_GROUPS:
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
        yield from _flags(dimensions[name], f"dimensions/{name}")
        lengths = (dimensions[name].shape[-1],)
        yield from _line(file, f"dimensions/{name}", lengths, even=name != "time")
    sizes = {name: dimensions[name].shape[-1] for name in ("time", *axes)}
    sizes["sample"] = int(file.attrs.get("n_trajectories", 0))
    for order in range(3):
        if f"t{order}_fields" in file:
            yield from _well_fields(file, order, axes, sizes)
    if "scalars" in file:
        yield from _well_scalars(file["scalars"], sizes)
    yield from _well_boundaries(file.get("boundary_conditions", {}), axes, sizes)


def _well_fields(
    file: Any, order: int, axes: list[str], sizes: dict[str, int]
) -> Iterator[str]:
    group = file[f"t{order}_fields"]
    for name in _named(group):
        where = f"t{order}_fields/{name}"
        if name not in group:
            yield f"{where} is named in field_names but missing"
            continue
        node, faults = group[name], list(_flags(group[name], where))
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


def _well_scalars(group: Any, sizes: dict[str, int]) -> Iterator[str]:
    if "field_names" not in group.attrs:
        yield "no attribute field_names of scalars"
    for name in _named(group):
        if name not in group:
            yield f"scalars/{name} is named in field_names but missing"
            continue
        faults = list(_flags(group[name], f"scalars/{name}"))
        yield from faults
        wanted = None if faults else _leading(group[name], sizes)
        if wanted is not None and group[name].shape != wanted:
            yield f"scalars/{name} has shape {group[name].shape}, not {wanted}"


def _well_boundaries(
    group: Any, axes: list[str], sizes: dict[str, int]
) -> Iterator[str]:
    described = set()
    for name, node in group.items():
        where = f"boundary_conditions/{name}"
        if str(node.attrs.get("bc_type", "")).lower() not in _KINDS:
            yield f"{where}: bc_type is none of {', '.join(_KINDS)}"
        yield from _flags(node, where)
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


def _ours(file: Any) -> Iterator[str]:
    """What our own files must hold besides."""
    if CONFIG not in file.attrs:
        return
    stored = file.get(STATUS)
    if stored is None:
        yield f"no {STATUS}"
        return
    absent = np.flatnonzero(np.asarray(stored[()]) != 1)
    if len(absent):
        yield f"rows {_some(absent)} were never stored"
    nodes = itertools.chain(
        file.get("certificate", {}).items(), file.get("generation", {}).items()
    )
    for name, node in nodes:
        if node.shape != stored.shape:
            yield f"{name} has shape {node.shape}, not {stored.shape}"


def _line(
    file: Any, name: str, lengths: tuple[int, ...], even: bool = False
) -> Iterator[str]:
    """Faults of a coordinate: its length, its order, its spacing."""
    if name not in file:
        yield f"no {name}"
        return
    shape, values = file[name].shape, np.asarray(file[name][()], np.float64)
    if shape[-1:] == () or shape[-1] not in lengths:
        yield f"{name} has shape {shape}, not ({lengths[0]},)"
        return
    steps = np.diff(values, axis=-1)
    if not np.all(np.isfinite(values)) or not np.all(steps > 0):
        yield f"{name} does not increase"
    elif even and steps.size and np.ptp(steps) > _EVEN * np.mean(steps):
        yield f"{name} is not evenly spaced"


def _flags(node: Any, where: str) -> Iterator[str]:
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


def _some(indices: np.ndarray) -> str:
    listed = ", ".join(map(str, indices[:8]))
    return f"{listed}, ..." if len(indices) > 8 else listed
