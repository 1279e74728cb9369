"""Small waves, whose frequency and decay are eigenvalues."""

from typing import Any

import numpy as np

from .. import exact
from ..solver._grid import Grid
from ..solver._simulation import simulate
from ._setup import in_float64, scheme_solver, start_of

_AMPLITUDE = 1e-6


def _phase(grid: Grid, direction: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    x, y = grid.centers()
    k = 2 * np.pi * np.asarray(direction, float)
    return k[0] * x + k[1] * y, k


def _linear_wave(scheme: str, n: int, direction: tuple[int, int], mode: int) -> float:
    grid = Grid((n, n))
    phase, k = _phase(grid, direction)
    length = float(np.linalg.norm(k))
    viscosity, prandtl, gamma = 2e-3, 0.7, 1.4
    wave = exact.LinearWave(
        length,
        gamma=gamma,
        shear_viscosity=viscosity,
        bulk_viscosity=viscosity,
        conductivity=viscosity * gamma / (gamma - 1) / prandtl,
    )
    rates, modes = wave.modes()
    rate, (density, u, p) = rates[mode], modes[:, mode]
    ripple = _AMPLITUDE * np.exp(1j * phase)
    start = start_of(
        1 + np.real(density * ripple),
        [np.real(u * ripple) * component / length for component in k],
        1 + np.real(p * ripple),
    )
    stress: dict[str, Any] = {
        "shear_viscosity": viscosity,
        "bulk_viscosity": viscosity,
        "prandtl_number": prandtl,
    }
    # Less than half a period: the logarithm keeps its branch.
    time = 0.2
    run = simulate(scheme_solver(scheme, grid, gamma, **stress), start, [0.0, time])
    # A sound wave is also in the other direction's conjugate: filter with all three.
    fields = np.stack(
        [
            np.asarray(run.density) - 1,
            sum(np.asarray(run.velocity[..., i]) * k[i] / length for i in range(2)),
            np.asarray(run.pressure) - 1,
        ]
    )
    weights = np.mean(fields * np.exp(-1j * phase), axis=(-2, -1))
    amplitudes = np.linalg.solve(modes, weights)[mode]
    measured = np.log(amplitudes[1] / amplitudes[0]) / time
    return float(abs(measured - rate) / abs(rate))


@in_float64
def acoustic_wave(scheme: str, n: int, direction: tuple[int, int]) -> float:
    """Relative error of the complex frequency of a damped sound wave."""
    return _linear_wave(scheme, n, direction, 2)


@in_float64
def heat_wave(scheme: str, n: int, direction: tuple[int, int] = (1, 0)) -> float:
    """Relative error of the decay rate of a wave of temperature at equal pressure."""
    return _linear_wave(scheme, n, direction, 1)


@in_float64
def shear_wave(scheme: str, n: int, direction: tuple[int, int]) -> float:
    """Relative error of the decay rate of a transverse wave, exp(-ηk²t/ρ)."""
    grid = Grid((n, n))
    phase, k = _phase(grid, direction)
    length = np.linalg.norm(k)
    wave = exact.LinearWave(float(length), shear_viscosity=0.01)
    # Amplitude 1e-3 of the sound speed.
    amplitude = 1.2e-3 * np.sin(phase) / length
    start = start_of(1.0, [-amplitude * k[1], amplitude * k[0]], 1.0)
    solver = scheme_solver(scheme, grid, shear_viscosity=0.01, bulk_viscosity=0.01)
    time = 0.5 / wave.shear_rate()
    run = simulate(solver, start, [0.0, time])
    across = np.asarray(run.velocity[..., 0] * -k[1] + run.velocity[..., 1] * k[0])
    first, last = (np.mean(v * np.exp(-1j * phase)) for v in (across[0], across[-1]))
    rate = np.log(last / first) / time
    return float(abs(rate.real / wave.shear_rate() + 1))
