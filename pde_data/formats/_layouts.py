"""What one open file holds, in either layout: fields, times, coordinates, ..."""

import dataclasses
from typing import Any

import numpy as np

from ..generation._config import GenerateConfig
from ._pdebench import AXES, field_names

CONFIG = "pde_data_config"
# Fields that change sign, beyond what their order says, under a reflection.
_PSEUDO = ("vorticity", "magnetic_field")


@dataclasses.dataclass(frozen=True)
class Field:
    """A named tensor field: its `order` (number of indices) and `parity` (±1)."""

    name: str
    order: int
    parity: int


FIELDS = (Field("density", 0, +1), Field("pressure", 0, +1), Field("velocity", 1, +1))


@dataclasses.dataclass
class Layout:
    """One file, read but for its fields, which stay where they are.

    `boundaries` names each axis "periodic", "wall" or "open"; empty if not known.
    """

    name: str
    fields: tuple[Field, ...]
    arrays: dict[str, Any]
    times: np.ndarray
    coordinates: tuple[np.ndarray, ...]
    parameters: dict[str, Any]
    config: GenerateConfig | None
    boundaries: tuple[str, ...] = ()

    @property
    def num_trajectories(self) -> int:
        """The length of the first axis."""
        array = self.arrays[self.fields[0].name]
        return (array[0] if isinstance(array, list) else array).shape[0]


def read_layout(file: Any) -> Layout:
    """What an open `h5py.File` holds.

    **Raises:** `ValueError` for a file of another kind, or one that lacks something.
    """
    name = layout_name(file)
    if name == "pdebench":
        return _read_pdebench(file)
    if name == "well":
        return _read_well(file)
    found = ", ".join(sorted(file)[:8]) or "nothing"
    raise ValueError(
        f"{file.filename} has neither the layout of PDEBench's compressible flow "
        f"(density, pressure, Vx, ...) nor The Well's (t0_fields, dimensions, ...); "
        f"it holds {found}."
    )


def layout_name(file: Any) -> str | None:
    """ "pdebench", "well", or `None` for another kind."""
    if "t0_fields" in file or "t1_fields" in file:
        return "well"
    if "density" in file and "pressure" in file:
        return "pdebench"
    return None


def _read_pdebench(file: Any) -> Layout:
    density = file["density"]
    d = density.ndim - 2
    if not 1 <= d <= 3:
        raise ValueError(
            f"{file.filename}: density must have axes (trajectory, time, x[, y[, z]]), "
            f"got shape {density.shape}."
        )
    coordinates = [f"{a}-coordinate" for a in AXES[:d]]
    needed = [*field_names(d), *coordinates, "t-coordinate"]
    missing = [name for name in needed if name not in file]
    if missing:
        raise ValueError(f"{file.filename} lacks {', '.join(missing)}.")
    for name in field_names(d):
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
    _check_lengths(file, density.shape[1:], (times, *centers))
    parameters = {name: file.attrs[name] for name in file.attrs if name != CONFIG}
    if "parameters" in file:
        parameters |= {k: np.asarray(v[()]) for k, v in file["parameters"].items()}
    boundaries = tuple(str(parameters.get("boundaries", "")).split(","))
    if boundaries == ("",):
        # The names of PDEBench's own files say it.
        boundaries = ("periodic",) * d if "_periodic_" in file.filename else ()
    return Layout(
        "pdebench",
        FIELDS,
        arrays,
        times,
        centers,
        parameters,
        _stored_config(file),
        boundaries,
    )


def _read_well(file: Any) -> Layout:
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
    _check_lengths(file, arrays[fields[0].name].shape[1:], (times, *centers))
    parameters = {
        k: v
        for k, v in file.attrs.items()
        if k not in (CONFIG, "simulation_parameters")
    }
    if "scalars" in file:
        parameters |= {k: np.asarray(v[()]) for k, v in file["scalars"].items()}
    return Layout(
        "well",
        tuple(fields),
        arrays,
        times,
        tuple(centers),
        parameters,
        _stored_config(file),
        _well_boundaries(file, names),
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


def _check_lengths(
    file: Any, shape: tuple[int, ...], coordinates: tuple[np.ndarray, ...]
) -> None:
    for axis, (n, values) in enumerate(
        zip(shape[: len(coordinates)], coordinates, strict=True)
    ):
        if values.shape != (n,):
            raise ValueError(
                f"{file.filename}: the {'txyz'[axis]}-coordinate has shape "
                f"{values.shape}, but the fields have {n} entries along that axis; "
                f"fields have axes (trajectory, time, x, ...), shape (…, "
                f"{', '.join(map(str, shape))})."
            )


def _well_boundaries(file: Any, names: list[str]) -> tuple[str, ...]:
    kinds: dict[str, set[str]] = {name: set() for name in names}
    for group in file.get("boundary_conditions", {}).values():
        for name in group.attrs.get("associated_dims", []):
            kinds.get(str(name), set()).add(str(group.attrs.get("bc_type", "")).lower())
    if not all(len(kind) == 1 for kind in kinds.values()):
        return ()
    return tuple(kind.pop() for kind in kinds.values())


def _stored_config(file: Any) -> GenerateConfig | None:
    text = file.attrs.get(CONFIG)
    return None if text is None else GenerateConfig.from_json(str(text))
