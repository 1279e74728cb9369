"""Shear layers that roll up: growth against its converged value, exact symmetry."""

import functools

import numpy as np

from ..solver._grid import Grid
from ..solver._simulation import simulate
from ..solver._state import Primitive
from ._setup import in_float64, mean_error, scheme_solver, start_of

# The growth rate of McNally's layer between t = 0.5 and 1.2, self-converged, +-0.002.
# `python benchmarks/kelvin_helmholtz.py` prints the sequences it is taken from:
#   aweno5z   64² 2.70794   128² 2.86845   256² 2.87895   (extrapolated 2.8797)
#   muscl     64² 2.58114   128² 2.83280   256² 2.87379   (extrapolated 2.8818)
GROWTH_RATE = 2.880


@functools.lru_cache(maxsize=64)
@in_float64
def kelvin_helmholtz(
    scheme: str, n: int, end: float = 1.2
) -> tuple[np.ndarray, np.ndarray]:
    """Times and amplitude of the mode sin 4πx in a smooth shear layer, `n` cells high.

    The flow repeats after half the box, so that `n/2` columns hold it all.

    **Reference:** McNally, Lyra and Passy (2012), Astrophys. J. Suppl. 201, 18, Eq. 1-4
    for the start and 10-13 for the amplitude.
    """
    grid = Grid((n // 2, n), (0.5, 1.0))
    x, y = grid.centers()
    depth = 0.25 - np.abs(y - 0.5)
    edge = 0.5 * np.exp(-np.abs(depth) / 0.025)
    inside = np.where(depth > 0, 1 - edge, edge)
    velocity = [0.5 - inside, 0.01 * np.sin(4 * np.pi * x)]
    times = np.linspace(0, end, 25)
    solver = scheme_solver(scheme, grid, 5 / 3)
    run = simulate(solver, start_of(1 + inside, velocity, 2.5), times)
    weight = np.exp(-4 * np.pi * np.abs(depth))
    across = np.asarray(run.velocity[..., 1]) * weight
    parts = [
        np.sum(across * wave(4 * np.pi * x), axis=(1, 2)) / np.sum(weight)
        for wave in (np.sin, np.cos)
    ]
    return times, 2 * np.hypot(*parts)


def growth_rate(scheme: str, n: int) -> float:
    """The slope of the logarithm of the amplitude over 0.5 <= t <= 1.2."""
    times, amplitude = kelvin_helmholtz(scheme, n)
    late = times >= 0.5 - 1e-9
    return float(np.polyfit(times[late], np.log(amplitude[late]), 1)[0])


def growth_error(scheme: str, n: int) -> float:
    """The relative error of the growth rate against its converged value."""
    return abs(growth_rate(scheme, n) / GROWTH_RATE - 1)


def viscous_layer(n: int) -> tuple[Grid, Primitive]:
    """Two layers with dye, the upper half the exact reflected and shifted lower half.

    **Reference:** Lecoanet et al. (2016), Mon. Not. R. Astron. Soc. 455, Eq. 7-10,
    without their jump of density.
    """
    grid = Grid((n, 2 * n), (1.0, 2.0))
    x, y = (c[:, :n] for c in grid.centers())
    layer = np.tanh((y - 0.5) / 0.05)
    across = 0.01 * np.sin(2 * np.pi * x) * np.exp(-(((y - 0.5) / 0.2) ** 2))

    def whole(lower: np.ndarray, sign: int) -> np.ndarray:
        # Not computed: the sine of a mirrored number is not exactly mirrored.
        upper = sign * np.roll(lower[:, ::-1], n // 2, axis=0)
        return np.concatenate([lower, upper], axis=1)

    start = start_of(1.0, [whole(layer, 1), whole(across, -1)], 10.0)
    dye = start_of(whole(0.5 * (1 + layer), 1), [], 0.0).density
    return grid, Primitive(start.density, start.velocity, start.pressure, dye)


@functools.lru_cache(maxsize=64)
@in_float64
def rolled_up(scheme: str, n: int) -> np.ndarray:
    """The dye of `viscous_layer` at Re 1e4 and t = 2."""
    grid, start = viscous_layer(n)
    solver = scheme_solver(scheme, grid, 5 / 3, shear_viscosity=2e-4)
    run = simulate(solver, start, [0.0, 2.0])
    return np.asarray(run.tracer[-1])  # type: ignore[index]


def asymmetry(scheme: str, n: int) -> float:
    """The largest difference of the dye from its reflected and shifted self."""
    dye = rolled_up(scheme, n)
    mirrored = np.roll(dye[:, ::-1], n // 2, axis=0)
    return float(np.max(np.abs(dye - mirrored)))


def against_the_next_grid(scheme: str, n: int) -> float:
    """L1 of the dye minus that of twice the cells, averaged."""
    fine = rolled_up(scheme, 2 * n)
    blocks = fine.reshape(n, 2, 2 * n, 2).mean(axis=(1, 3))
    return mean_error(rolled_up(scheme, n), blocks)
