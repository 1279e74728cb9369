"""Pressure and total energy of an ideal gas in NumPy, for fields as they are stored.

Arrays are `(*shape)`, velocities `(*shape, d)`, all non-dimensional. The solver's own
conversions, which must commute with rotations bit for bit, are in `_gas.py`.
"""

import numpy as np


def kinetic_energy(density: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """Kinetic energy per volume, ρ|u|²/2."""
    return 0.5 * density * np.sum(velocity**2, axis=-1)


def total_energy(
    density: np.ndarray, velocity: np.ndarray, pressure: np.ndarray, gamma: float
) -> np.ndarray:
    """Total energy per volume, p/(γ-1) + ρ|u|²/2."""
    return pressure / (gamma - 1) + kinetic_energy(density, velocity)


def pressure_of(
    density: np.ndarray, velocity: np.ndarray, energy: np.ndarray, gamma: float
) -> np.ndarray:
    """The pressure (γ-1)(E - ρ|u|²/2) of gas with a total energy E per volume."""
    return (gamma - 1) * (energy - kinetic_energy(density, velocity))
