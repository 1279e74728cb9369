"""Smooth inviscid flows: carried waves, vortices, and the symmetries of space."""

import functools

import numpy as np

from .. import exact
from ..solver._grid import Grid
from ..solver._simulation import simulate
from ..solver._state import Primitive
from ._setup import in_float64, kinetic_energy, mean_error, scheme_solver, start_of


@in_float64
def entropy_wave(scheme: str, n: int) -> float:
    """A density wave carried along the diagonal until t = 1, two periods: L1 error.

    The time step falls as Δx^(5/3), so that the error in time has the fifth order too.
    """
    grid = Grid((n, n))
    x, y = grid.centers()
    density = 1 + 0.2 * np.sin(2 * np.pi * (x + y))
    parts = {"courant_number": 0.5 * (16 / n) ** (2 / 3)} if n > 16 else {}
    start = start_of(density, [1.0, 1.0], 1.0)
    run = simulate(scheme_solver(scheme, grid, **parts), start, [0.0, 1.0])
    return mean_error(run.density[-1], density)


@in_float64
def vortex(scheme: str, n: int, side: float = 10.0, time: float = 2.0) -> float:
    """The isentropic vortex in a periodic box: L1 error of density."""
    grid, middle = Grid((n, n), side), (side / 2, side / 2)
    x, y = grid.centers()
    density, u, v, p = exact.isentropic_vortex(x, y, center=middle)
    solver = scheme_solver(scheme, grid, 5 / 3)
    run = simulate(solver, start_of(density, [u, v], p), [0.0, time])
    moved = (x - time) % side, (y - time) % side
    return mean_error(
        run.density[-1], exact.isentropic_vortex(*moved, center=middle)[0]
    )


@functools.lru_cache(maxsize=64)
@in_float64
def gresho(scheme: str, n: int, mach: float) -> float:
    """A steady vortex after t = 1: the share of its kinetic energy that is lost.

    **Reference:** Liska and Wendroff (2003), SIAM J. Sci. Comput. 25, Sec. 4.1, with
    the pressure raised to the Mach number as in Miczek et al. (2015), A&A 576, A50.
    """
    grid = Grid((n, n), 1.0, -0.5)
    x, y = grid.centers()
    r = np.hypot(x, y)
    swirl = np.where(r < 0.2, 5 * r, np.where(r < 0.4, 2 - 5 * r, 0))
    ring = 12.5 * r**2 + 4 * (1 - 5 * r + np.log(5 * r))
    rise = np.where(r < 0.2, 12.5 * r**2, np.where(r < 0.4, ring, 4 * np.log(2) - 2))
    p = 1 / (1.4 * mach**2) + rise
    start = start_of(1.0, [-swirl * y / r, swirl * x / r], p)
    run = simulate(scheme_solver(scheme, grid), start, [0.0, 1.0])
    energy = kinetic_energy(run.density, run.velocity)
    return float(1 - energy[-1] / energy[0])


def _two_vortices(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """A pair of unlike vortices and a hot spot, all gone at a distance of 1."""
    density = 1 + 0.3 * np.exp(-((x - 0.1) ** 2 + (y + 0.15) ** 2) / 0.02)
    u, v = np.zeros_like(x), np.zeros_like(x)
    p = np.ones_like(x)
    for a, b, strength in ((0.2, 0.05, 0.5), (-0.15, -0.1, -0.3)):
        bell = strength * np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * 0.1**2))
        u, v = u - bell * (y - b) / 0.1, v + bell * (x - a) / 0.1
        p = p - 0.3 * bell**2
    return density, u, v, p


_STRESS = {"shear_viscosity": 2e-3, "bulk_viscosity": 1e-2, "prandtl_number": 0.7}


def _evolve(
    scheme: str, n: int, start: Primitive, time: float, viscous: bool, **parts: float
):
    grid = Grid((n, n), 2.0, -1.0)
    solver = scheme_solver(scheme, grid, **(_STRESS if viscous else {}), **parts)
    return simulate(solver, start, [0.0, time])


@in_float64
def boost(
    scheme: str, n: int, viscous: bool = False, courant_number: float = 0.5
) -> float:
    """A flow and the same flow seen in motion, shifted back: L1 of the difference."""
    if n % 20:
        raise ValueError(f"`n` must be a multiple of 20, got {n}.")
    x, y = Grid((n, n), 2.0, -1.0).centers()
    density, u, v, p = _two_vortices(x, y)
    time, wind = 0.4, (1.0, 0.5)
    moved = [u + wind[0], v + wind[1]]
    rest, boosted = (
        _evolve(
            scheme,
            n,
            start_of(density, velocity, p),
            time,
            viscous,
            courant_number=courant_number,
        )
        for velocity in ([u, v], moved)
    )
    cells = [-round(w * time * n / 2) for w in wind]
    return mean_error(
        np.roll(np.asarray(boosted.density[-1]), cells, (0, 1)), rest.density[-1]
    )


@in_float64
def rotation(scheme: str, n: int, viscous: bool = False) -> float:
    """A flow and the same flow turned by 36.9°, turned back: L1 of the difference.

    The angle has tangent 3/4, so that every fifth cell centre falls on another one and
    nothing is interpolated. A stress without its cross terms would not converge here.
    """
    if n % 2 == 0:
        raise ValueError(f"`n` must be odd, so that a cell lies at 0; got {n}.")
    x, y = Grid((n, n), 2.0, -1.0).centers()
    density, u, v, p = _two_vortices(x, y)
    run = _evolve(scheme, n, start_of(density, [u, v], p), 0.3, viscous)
    # The state at R x is that at x, its velocity turned.
    turned, u, v, p = _two_vortices(0.8 * x + 0.6 * y, -0.6 * x + 0.8 * y)
    velocity = [0.8 * u - 0.6 * v, 0.6 * u + 0.8 * v]
    other = _evolve(scheme, n, start_of(turned, velocity, p), 0.3, viscous)
    i, j = np.indices((n, n)) - n // 2
    on_a_cell = ((4 * i - 3 * j) % 5 == 0) & (np.hypot(i, j) < 0.45 * n)
    i, j = i[on_a_cell], j[on_a_cell]
    k, m = (4 * i - 3 * j) // 5, (3 * i + 4 * j) // 5
    one, two = np.asarray(run.density[-1]), np.asarray(other.density[-1])
    return mean_error(two[k + n // 2, m + n // 2], one[i + n // 2, j + n // 2])
