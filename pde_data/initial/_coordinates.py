"""Coordinates of cell centres in units of the box, for the families of states."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..solver._equations import CompressibleNavierStokes


def unit_centers(solver: CompressibleNavierStokes) -> list[Float[Array, " *grid"]]:
    """The cell centres, from 0 to 1 along each axis, in the default float type."""
    grid = solver.grid
    dtype = jnp.zeros(()).dtype
    return [
        jnp.asarray((x - origin) / length, dtype)
        for x, origin, length in zip(
            grid.centers(), grid.origin, grid.extent, strict=True
        )
    ]


def need_dims(solver: CompressibleNavierStokes, family: str, least: int = 2) -> None:
    """Refuse a grid with too few axes for a family."""
    d = solver.grid.num_spatial_dims
    if d < least:
        raise ValueError(
            f"`{family}` needs a grid of at least {least} axes, got {d}; add an axis "
            "or choose another family."
        )


def periodic_distance(
    x: Float[Array, " *grid"], center: "float | np.ndarray | Float[Array, '']"
) -> Float[Array, " *grid"]:
    """x - center on a circle of circumference 1: from -1/2 to 1/2."""
    return (x - center + 0.5) % 1 - 0.5
