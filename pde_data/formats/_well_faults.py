"""Where a file departs from The Well's layout, each breach in words."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ._coordinates import coordinate_faults
from ._stored import (
    attribute,
    attributes,
    children,
    dataset_fault,
    flag,
    numbers,
    stored,
    whole_number,
    words,
)

_KINDS = ("periodic", "wall", "open")
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


def well_faults(file: Any) -> Iterator[str]:
    """Each breach of the layout by an open `h5py.File`."""
    root = attributes(file)
    for name in _ROOT:
        if name not in root:
            yield f"no root attribute {name}"
    for name in _GROUPS:
        if stored(file, name) is None:
            yield f"no group {name}"
    for name in words(file, "simulation_parameters"):
        if name not in root:
            yield f"simulation parameter {name} is no root attribute"
    dimensions = stored(file, "dimensions")
    if dimensions is None or attribute(dimensions, "spatial_dims") is None:
        yield "no attribute spatial_dims of dimensions"
        return
    axes = words(dimensions, "spatial_dims")
    if whole_number(file, "n_spatial_dims") not in (None, len(axes)):
        yield "n_spatial_dims is not the number of spatial_dims"
    sizes = {}
    for name in ("time", *axes):
        where = f"dimensions/{name}"
        node = stored(file, where)
        if node is None:
            yield f"no {where}"
            return
        if dataset_fault(node) or not node.shape:
            yield f"{where} {dataset_fault(node) or 'has no axis'}"
            return
        sizes[name] = node.shape[-1]
        yield from _flag_faults(node, where)
        yield from coordinate_faults(file, where, (sizes[name],), even=name != "time")
    sizes["sample"] = whole_number(file, "n_trajectories") or 0
    for order in range(3):
        if stored(file, f"t{order}_fields") is not None:
            yield from _field_faults(file, order, axes, sizes)
    if stored(file, "scalars") is not None:
        yield from _scalar_faults(file, sizes)
    yield from _boundary_faults(file, axes, sizes)


def _field_faults(
    file: Any, order: int, axes: list[str], sizes: dict[str, int]
) -> Iterator[str]:
    group = stored(file, f"t{order}_fields")
    named, held = words(group, "field_names"), children(group)
    for name in named:
        where = f"t{order}_fields/{name}"
        if name not in held:
            yield f"{where} is named in field_names but missing"
            continue
        node, faults = held[name], list(_flag_faults(held[name], where))
        if dataset_fault(node):
            yield f"{where} {dataset_fault(node)}"
            continue
        varying = np.asarray(attribute(node, "dim_varying", ()))
        if varying.shape != (len(axes),) or varying.dtype.kind not in "biu":
            faults.append(f"{where}: dim_varying must have {len(axes)} entries")
        yield from faults
        if not faults:
            leading = _leading(node, sizes)
            grid = [sizes[a] for a, used in zip(axes, varying, strict=True) if used]
            wanted = (*leading, *grid, *(len(axes),) * order)
            if node.shape != wanted:
                yield f"{where} has shape {node.shape}, not {wanted}"
    for name in sorted(set(held) - set(named)):
        yield f"t{order}_fields/{name} is not named in field_names"
    if attribute(group, "field_names") is None:
        yield f"no attribute field_names of t{order}_fields"


def _scalar_faults(file: Any, sizes: dict[str, int]) -> Iterator[str]:
    group = stored(file, "scalars")
    if attribute(group, "field_names") is None:
        yield "no attribute field_names of scalars"
    held = children(group)
    for name in words(group, "field_names"):
        where = f"scalars/{name}"
        if name not in held:
            yield f"{where} is named in field_names but missing"
            continue
        if dataset_fault(held[name]):
            yield f"{where} {dataset_fault(held[name])}"
            continue
        faults = list(_flag_faults(held[name], where))
        yield from faults
        wanted = None if faults else _leading(held[name], sizes)
        if wanted is not None and held[name].shape != wanted:
            yield f"{where} has shape {held[name].shape}, not {wanted}"


def _boundary_faults(
    file: Any, axes: list[str], sizes: dict[str, int]
) -> Iterator[str]:
    described = set()
    for name, node in children(stored(file, "boundary_conditions")).items():
        where = f"boundary_conditions/{name}"
        if str(attribute(node, "bc_type", "")).lower() not in _KINDS:
            yield f"{where}: bc_type is none of {', '.join(_KINDS)}"
        yield from _flag_faults(node, where)
        if attribute(node, "associated_fields") is None:
            yield f"{where}: no attribute associated_fields"
        dims = words(node, "associated_dims")
        if not dims or not set(dims) <= set(axes):
            yield f"{where}: associated_dims {dims} are no spatial_dims"
            continue
        described |= set(dims)
        mask = children(node).get("mask")
        if mask is None:
            yield f"{where}: no mask"
        elif dataset_fault(mask):
            yield f"{where}: mask {dataset_fault(mask)}"
        elif mask.shape[-len(dims) :] != tuple(sizes[dim] for dim in dims):
            yield f"{where}: mask has shape {mask.shape}"
        elif not np.any(numbers(file, f"{where}/mask")):
            yield f"{where}: mask is nowhere true"
    for axis in axes:
        if axis not in described:
            yield f"no boundary condition along {axis}"


def _flag_faults(node: Any, where: str) -> Iterator[str]:
    for name in ("sample_varying", "time_varying"):
        try:
            value = flag(node, name)
        except ValueError as error:
            yield f"{where}: {error}"
            continue
        # Their own files lack it there, and their reader does not ask for it.
        if value is None and (where, name) != ("dimensions/time", "time_varying"):
            yield f"{where}: no attribute {name}"


def _leading(node: Any, sizes: dict[str, int]) -> tuple[int, ...]:
    names = (("sample_varying", "sample"), ("time_varying", "time"))
    return tuple(sizes[name] for key, name in names if flag(node, key))
