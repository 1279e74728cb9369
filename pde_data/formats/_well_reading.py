"""Files in The Well's layout, read by their names and attributes.

`sample_varying`, `time_varying` and `dim_varying` say which axes a field has. One that
lacks some of them is constant along those, and is read as if it repeated itself.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from ._file_format import Field, FileContents
from ._inventory import inventory
from ._own_records import CONFIG
from ._spread import Spread
from ._stored import (
    attribute,
    attributes,
    children,
    dataset,
    flag,
    group_of_numbers,
    numbers,
    refuse_unexplained,
    stored,
    whole_number,
    words,
)

PARAMETERS = "scalars"
# Fields that change sign, beyond what their order says, under a reflection.
_PSEUDO = ("vorticity", "magnetic_field")
_ORDERS = range(3)


@dataclasses.dataclass(frozen=True)
class _StoredField:
    """A field, its data set, and which of the axes (sample, time, *grid) it has."""

    field: Field
    where: str
    node: Any
    varies: tuple[bool, ...]


def read_well(file: Any) -> FileContents:
    """What an open `h5py.File` holds.

    **Raises:** `ValueError` for what is missing, of another kind, or of other axes than
    its attributes say, by name.
    """
    names = spatial_axes(file)
    missing = [n for n in ("time", *names) if stored(file, f"dimensions/{n}") is None]
    if missing:
        raise ValueError(f"{file.filename}: dimensions lacks {', '.join(missing)}.")
    times, *centers = (_one_line(file, name) for name in ("time", *names))
    found = _stored_fields(file, len(names))
    if not any(each.varies[1] for each in found):
        raise ValueError(f"{file.filename} holds no field that varies in time.")
    lengths = (_num_samples(file, found), len(times), *map(len, centers))
    arrays = {each.field.name: _whole(file, each, lengths) for each in found}
    parameters = {
        k: v
        for k, v in attributes(file).items()
        if k not in (CONFIG, "simulation_parameters")
    }
    scalars = group_of_numbers(file, PARAMETERS)
    return FileContents(
        "well",
        tuple(each.field for each in found),
        arrays,
        times,
        tuple(centers),
        parameters | scalars,
        _kinds_of_boundaries(file, names),
        constants=tuple(each.field.name for each in found if not each.varies[1]),
        read=_read_names(file, names, found),
    )


def spatial_axes(file: Any) -> list[str]:
    """The names of the axes of the grid.

    **Raises:** `ValueError` unless they are one to three.
    """
    dimensions = stored(file, "dimensions")
    if dimensions is None or attribute(dimensions, "spatial_dims") is None:
        raise ValueError(
            f"{file.filename} lacks the group dimensions with its spatial_dims."
        )
    names = words(dimensions, "spatial_dims")
    if not 1 <= len(names) <= 3 or len(set(names)) < len(names):
        raise ValueError(
            f"{file.filename}: spatial_dims of dimensions must be one to three names, "
            f"got {names}."
        )
    return names


def _stored_fields(file: Any, d: int) -> list[_StoredField]:
    found: dict[str, _StoredField] = {}
    for order in _ORDERS:
        for name in children(stored(file, f"t{order}_fields")):
            where = f"t{order}_fields/{name}"
            if name in found:
                raise ValueError(
                    f"{file.filename} holds {where} and {found[name].where}: rename "
                    "one of them."
                )
            node = dataset(file, where)
            field = Field(name, order, -1 if name in _PSEUDO else +1)
            varies = _axes_that_vary(file, node, where, d, order)
            found[name] = _StoredField(field, where, node, varies)
    if not found:
        raise ValueError(f"{file.filename} holds no field in t0_fields to t2_fields.")
    return list(found.values())


def _axes_that_vary(
    file: Any, node: Any, where: str, d: int, order: int
) -> tuple[bool, ...]:
    """As the attributes say; a field that has every axis need not say it."""
    whole = len(node.shape) == 2 + d + order
    said = []
    for name in ("sample_varying", "time_varying"):
        value = flag(node, name)
        if value is None and not whole:
            raise ValueError(
                f"{file.filename}: {where} has shape {node.shape} and no attribute "
                f"{name} that would say which axes it lacks; a run of one trajectory "
                "has sample_varying false."
            )
        said.append(value is not False)
    along = attribute(node, "dim_varying")
    if along is None:
        return (*said, *(True,) * d)
    along = np.asarray(along)
    if along.shape != (d,) or along.dtype.kind not in "biu":
        raise ValueError(
            f"{file.filename}: dim_varying of {where} must have {d} entries, true or "
            f"false, got {along.tolist()!r:.60}."
        )
    return (*said, *(bool(x) for x in along))


def _num_samples(file: Any, found: list[_StoredField]) -> int:
    """The number of trajectories: one where no field varies between them.

    **Raises:** `ValueError` where the file says otherwise.
    """
    lengths = {
        each.where: each.node.shape[0]
        for each in found
        if each.varies[0] and each.node.shape
    }
    if lengths:
        where, length = next(iter(lengths.items()))
        if length == 0:
            raise ValueError(f"{file.filename}: {where} holds no trajectory.")
        return length
    said = whole_number(file, "n_trajectories")
    if said not in (None, 1):
        raise ValueError(
            f"{file.filename}: n_trajectories is {said}, but no field varies between "
            "trajectories; one run has n_trajectories 1."
        )
    return 1


def _whole(file: Any, each: _StoredField, lengths: tuple[int, ...]) -> Any:
    """The data set of a field, with all axes.

    **Raises:** `ValueError` if its shape is not what the attributes say, or a
    trajectory of it, repeated along the axes that it lacks, is out of proportion.
    """
    d = len(lengths) - 2
    held = [n for n, varies in zip(lengths, each.varies, strict=True) if varies]
    wanted = (*held, *(d,) * each.field.order)
    if each.node.shape != wanted:
        names = ("sample", "time", *(f"axis {i}" for i in range(d)))
        said = [n for n, varies in zip(names, each.varies, strict=True) if varies]
        raise ValueError(
            f"{file.filename}: {each.where} has shape {each.node.shape}, but varies "
            f"with {', '.join(said) or 'nothing'} by its attributes, which with the "
            f"lengths of dimensions makes {wanted}."
        )
    if all(each.varies):
        return each.node
    missing = [
        None if varies else n for n, varies in zip(lengths, each.varies, strict=True)
    ]
    whole = math.prod((*lengths[1:], *(d,) * each.field.order))
    refuse_unexplained(file, each.where, whole * each.node.dtype.itemsize)
    return Spread(each.node, (*missing, *(None,) * each.field.order))


def _read_names(
    file: Any, names: list[str], found: list[_StoredField]
) -> tuple[str, ...]:
    """The names of all data sets that have been understood."""
    masks = [
        name
        for name in inventory(file).datasets
        if name.startswith("boundary_conditions/") and name.endswith("/mask")
    ]
    return (
        *(f"dimensions/{name}" for name in ("time", *names)),
        *(f"{PARAMETERS}/{name}" for name in children(stored(file, PARAMETERS))),
        *(each.where for each in found),
        *masks,
    )


def _one_line(file: Any, name: str) -> np.ndarray:
    """A coordinate, which may be given for each trajectory but must be one for all."""
    where = f"dimensions/{name}"
    if dataset(file, where).shape[-1:] in ((), (0,)):
        raise ValueError(f"{file.filename}: {where} holds no line of numbers.")
    values = numbers(file, where).astype(np.float64)
    lines = values.reshape(-1, values.shape[-1])
    if not len(lines) or not np.all(lines == lines[0]):
        raise ValueError(
            f"{file.filename}: the {name} of its trajectories differ, which is not "
            "supported: split the file."
        )
    return lines[0]


def _kinds_of_boundaries(file: Any, names: list[str]) -> tuple[str, ...]:
    kinds: dict[str, set[str]] = {name: set() for name in names}
    for group in children(stored(file, "boundary_conditions")).values():
        for name in words(group, "associated_dims"):
            kind = str(attribute(group, "bc_type", "")).lower()
            kinds.get(name, set()).add(kind)
    if not all(len(kind) == 1 for kind in kinds.values()):
        return ()
    return tuple(kind.pop() for kind in kinds.values())
