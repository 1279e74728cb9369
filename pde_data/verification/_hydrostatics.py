"""Gas at rest under its own weight: it must stay there."""

from typing import Any

import numpy as np

from ..solver._boundary import IsothermalWall, no_slip_wall, periodic, slip_wall
from ..solver._forcing import UniformGravity
from ..solver._grid import Grid
from ..solver._simulation import Trajectory, simulate
from ._setup import in_float64, scheme_solver, start_of

# Walls that a column of gas may stand on, at the temperature of that gas.
WALLS: dict[str, Any] = {
    "slip walls": slip_wall,
    "no-slip walls": no_slip_wall,
    "isothermal walls": IsothermalWall(1.0),
}


@in_float64
def column(
    scheme: str,
    n: int,
    wall: str = "slip walls",
    layered: bool = True,
    num_spatial_dims: int = 1,
    up: int = -1,
) -> Trajectory:
    """A column of gas that rests between walls for two crossings of sound.

    **Arguments:**

    - `n`: cells along the axis `up`; there are eight along the others.
    - `layered`: whether the temperature is uniform, p = ρ = exp(-h), or the density.
    """
    d = num_spatial_dims
    up %= d
    grid = Grid([n if axis == up else 8 for axis in range(d)])
    height = grid.centers()[up]
    pressure = np.exp(-height) if layered else 3 - height
    density = pressure if layered else 1.0
    faces = [(periodic, periodic)] * d
    faces[up] = (WALLS[wall], WALLS[wall])
    force = UniformGravity(tuple(-1.0 if axis == up else 0.0 for axis in range(d)))
    solver = scheme_solver(scheme, grid, boundary=faces, forcing=force)
    start = start_of(density, [0 * height] * d, pressure)
    return simulate(solver, start, np.linspace(0, 2, 9))


def speed_at_rest(scheme: str, n: int, *arguments: Any) -> float:
    """The largest speed that the column ever has; it should have none."""
    return float(np.max(np.abs(column(scheme, n, *arguments).velocity)))


def mass_drift(run: Trajectory) -> float:
    """The largest relative change of the mass of a run."""
    mass = np.mean(np.asarray(run.density).reshape(len(run.times), -1), axis=1)
    return float(np.max(np.abs(mass / mass[0] - 1)))
