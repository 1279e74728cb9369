"""The layout of PDEBench's compressible-flow files, and what we add to it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..generation._config import GenerateConfig, single_value
from ._row_writer import create_rows

AXES = "xyz"
PARAMETERS = "parameters"


def create(file: Any, config: GenerateConfig, boundaries: Sequence[str]) -> None:
    """All data sets and attributes of an empty file, in PDEBench's layout.

    `density`, `pressure`, `Vx`, `Vy`, `Vz`: `(trajectory, time, *grid)`; coordinates of
    cell centres in `x-coordinate`, ...; `t-coordinate` has one entry per snapshot;
    attributes `eta`, `zeta` and `M` (NaN where they vary, see `parameters/`).
    """
    shape = (len(config.indices), config.snapshots, *config.grid)
    for name in field_names(len(config.grid)):
        create_rows(file, name, shape, config.dtype)
    for axis in range(len(config.grid)):
        centers = config.box.coordinates(axis)
        file[f"{AXES[axis]}-coordinate"] = centers.astype(np.float32)
    file["t-coordinate"] = np.asarray(config.times, np.float32)
    for name in ("mach", "shear_viscosity", "bulk_viscosity"):
        create_rows(file, f"{PARAMETERS}/{name}", (len(config.indices),), np.float64)
    file.attrs["boundaries"] = ",".join(boundaries)
    file.attrs["eta"] = single_value(config.shear_viscosity)
    file.attrs["zeta"] = single_value(config.bulk_viscosity)
    file.attrs["M"] = single_value(config.mach)


def rows(
    density: np.ndarray, velocity: np.ndarray, pressure: np.ndarray
) -> dict[str, np.ndarray]:
    """The data sets of one trajectory, from arrays `(time, *grid[, d])`."""
    components = {
        f"V{AXES[axis]}": velocity[..., axis] for axis in range(velocity.shape[-1])
    }
    return {"density": density, "pressure": pressure, **components}


def field_names(num_spatial_dims: int) -> list[str]:
    """The names of the data sets with a trajectory axis."""
    return ["density", "pressure", *(f"V{a}" for a in AXES[:num_spatial_dims])]
