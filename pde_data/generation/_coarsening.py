"""From a finer grid to the stored one: averages that conserve everything."""

import numpy as np

from ..certificates._snapshots import each_snapshot
from ..solver._energy import pressure_of, total_energy


def coarsened(
    density: np.ndarray,
    velocity: np.ndarray,
    pressure: np.ndarray,
    gamma: float,
    factor: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Averages of the conserved variables over blocks of cells, as primitive ones.

    **Arguments:**

    - `density`, `pressure`: `(time, *grid)`; `velocity`: `(time, *grid, d)`.
    - `gamma`: the ratio of specific heats.
    - `factor`: the cells of a block along each axis, which divides their number.
    """

    def means(
        density: np.ndarray, velocity: np.ndarray, pressure: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        energy = _block_mean(total_energy(density, velocity, pressure, gamma), factor)
        mass = _block_mean(density, factor)
        components = np.moveaxis(velocity, -1, 0)
        momentum = [_block_mean(density * u, factor) for u in components]
        mean_velocity = np.stack(momentum, axis=-1) / mass[..., None]
        return mass, mean_velocity, pressure_of(mass, mean_velocity, energy, gamma)

    mass, mean_velocity, mean_pressure = each_snapshot(
        means, density, velocity, pressure
    )
    return mass, mean_velocity, mean_pressure


def _block_mean(values: np.ndarray, factor: int) -> np.ndarray:
    """The mean over blocks of `factor` cells along each axis but the first."""
    for axis in range(1, values.ndim):
        shape = values.shape
        blocks = (*shape[:axis], shape[axis] // factor, factor, *shape[axis + 1 :])
        values = values.reshape(blocks).mean(axis=axis + 1)
    return values
