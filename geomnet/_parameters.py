"""Numbers that are given with each trajectory, such as a viscosity."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._arguments import check_kind, shown


def each_trajectory(
    parameters: Mapping[str, Any], trajectories: int
) -> dict[str, np.ndarray]:
    """Parameters by name, one finite number of float64 for each trajectory.

    **Raises:** `TypeError` for what is no number; `ValueError` unless each is one
    number for all trajectories or one for each, and finite.
    """
    check_kind("parameters", parameters, Mapping[str, Any])
    found = {}
    for name, given in parameters.items():
        try:
            values = np.asarray(given, np.float64)
        except (TypeError, ValueError):
            raise TypeError(
                f"`parameters`: '{name}' must be one number, or one for each of "
                f"{trajectories} trajectories, got {shown(given)}."
            ) from None
        if values.shape not in ((), (trajectories,)):
            raise ValueError(
                f"`parameters`: '{name}' must be one number, or one for each of "
                f"{trajectories} trajectories, got shape {values.shape}."
            )
        values = np.broadcast_to(values, (trajectories,)).copy()
        if not np.isfinite(values).all():
            number = int(np.flatnonzero(~np.isfinite(values))[0])
            raise ValueError(
                f"`parameters`: '{name}' of trajectory {number} must be finite, got "
                f"{values[number]}: a network can't be conditioned by it. Give it a "
                "number, or leave that trajectory out."
            )
        found[name] = values
    return found
