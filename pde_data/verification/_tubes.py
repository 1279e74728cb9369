"""Flows along one line: Riemann problems, contacts, collisions, strong shocks."""

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np

from .. import exact
from ..solver._boundary import FarField, outflow, slip_wall
from ..solver._grid import Grid
from ..solver._simulation import simulate
from ..solver._state import Primitive
from ._setup import in_float64, mean_error, scheme_solver, start_of

# Points per cell for the averages of an exact solution that jumps.
_SAMPLES = 200


def exact_averages(
    problem: exact.RiemannProblem, jump: float, time: float, n: int
) -> np.ndarray:
    """Density of a Riemann problem averaged over each of `n` cells of (0, 1).

    Cells hold averages. Compared with values at the centres, a scheme would be charged
    for where a jump falls within its cell: on Sod's tube with 100 cells, 0.8e-3 of
    4.3e-3.
    """
    x = (np.arange(n * _SAMPLES) + 0.5) / (n * _SAMPLES)
    density = problem.sample((x - jump) / time)[0]
    return density.reshape(n, _SAMPLES).mean(axis=1)


@functools.lru_cache(maxsize=64)
@in_float64
def tube(
    scheme: str, n: int, problem: exact.RiemannProblem, jump: float, time: float
) -> np.ndarray:
    """Density, velocity and pressure of a Riemann problem on (0, 1), `(3, n)`."""
    grid = Grid((n,))
    x = grid.coordinates(0)
    density, u, p = (
        np.where(x < jump, a, b)
        for a, b in zip(problem.left, problem.right, strict=True)
    )
    solver = scheme_solver(scheme, grid, problem.gamma, boundary=outflow)
    run = simulate(solver, start_of(density, [u], p), [0.0, time])
    return np.stack([run.density[-1], run.velocity[-1, :, 0], run.pressure[-1]])


def sod(scheme: str, n: int) -> float:
    """Sod's tube at t = 0.2: L1 error of density."""
    expected = exact_averages(exact.SOD, 0.5, 0.2, n)
    return mean_error(tube(scheme, n, exact.SOD, 0.5, 0.2)[0], expected)


def lax(scheme: str, n: int) -> float:
    """Lax's tube at t = 0.13: L1 error of density."""
    problem = exact.LAX
    expected = exact_averages(problem, 0.5, 0.13, n)
    return mean_error(tube(scheme, n, problem, 0.5, 0.13)[0], expected)


def toro(scheme: str, n: int, index: int) -> float:
    """One of Toro's five tubes: L1 error of density, relative to its mean."""
    expected = exact_averages(*exact.TORO[index], n)
    density = tube(scheme, n, *exact.TORO[index])[0]
    return mean_error(density, expected) / float(np.mean(expected))


def sod_star_state(scheme: str, n: int) -> float:
    """Pressure and velocity between contact and shock of Sod's tube: relative error."""
    _, u, p = tube(scheme, n, exact.SOD, 0.5, 0.2)
    p_star, u_star = exact.SOD.star()
    x = (np.arange(n) + 0.5) / n
    between = (x > 0.72) & (x < 0.82)
    errors = np.abs(p[between] / p_star - 1), np.abs(u[between] / u_star - 1)
    return float(np.max(errors))


@in_float64
def sod_along_the_diagonal(scheme: str, n: int) -> float:
    """Sod's gases in stripes across the diagonal of a torus: L1 error of density.

    Both kinds of jump are there; nothing has met anything at t = 0.05.
    """
    grid, time = Grid((n, n)), 0.05
    x, y = grid.centers()
    left = (x + y) % 1 < 0.5
    (a, _, p_a), (b, _, p_b) = exact.SOD.left, exact.SOD.right
    start = start_of(np.where(left, a, b), [0.0, 0.0], np.where(left, p_a, p_b))
    run = simulate(scheme_solver(scheme, grid), start, [0.0, time])
    # A function of x + y: the average over a cell depends on the sum of its indices.
    part = (np.arange(20) + 0.5) / 20
    inside = np.add.outer(part, part).ravel()
    phase = (np.add.outer(np.arange(n), inside) / n) % 1
    # At 0 ~ 1 the gases stand the other way round: mirrored.
    offset = np.where(
        phase < 0.25, -phase, np.where(phase < 0.75, phase - 0.5, 1 - phase)
    )
    density = exact.SOD.sample(offset / np.sqrt(2) / time)[0].mean(axis=1)
    i, j = np.indices((n, n))
    return mean_error(run.density[-1], density[(i + j) % n])


@in_float64
def contact_at_rest(scheme: str, n: int) -> float:
    """The largest change of a density jump at rest after t = 1: none is allowed."""
    grid = Grid((n,))
    density = np.where(grid.coordinates(0) < 0.5, 1.0, 0.1)
    start = start_of(density, [0.0], 0.7)
    run = simulate(scheme_solver(scheme, grid, boundary=outflow), start, [0.0, 1.0])
    change = np.abs(np.asarray(run.density[-1]) - density)
    return float(np.max(change) + np.max(np.abs(np.asarray(run.velocity[-1]))))


@in_float64
def moving_contact(scheme: str, n: int) -> tuple[float, float]:
    """A square wave of density carried once round: L1 error, and ripple of u and p."""
    grid = Grid((n,))
    density = np.where(np.abs(grid.coordinates(0) - 0.5) < 0.25, 1.0, 0.1)
    run = simulate(
        scheme_solver(scheme, grid), start_of(density, [1.0], 1.0), [0.0, 1.0]
    )
    ripple = np.max(
        [np.max(np.abs(np.asarray(x[-1]) - 1)) for x in (run.velocity, run.pressure)]
    )
    return mean_error(run.density[-1], density), float(ripple)


@in_float64
def collision(scheme: str, n: int, axis: int = 0) -> float:
    """Two equal streams that collide head-on: the loss of mirror symmetry, exactly."""
    shape = [8, 8]
    shape[axis] = n
    grid = Grid(shape)
    u = np.where(grid.centers()[axis] < 0.5, 2.0, -2.0)
    velocity: list[Any] = [0.0, 0.0]
    velocity[axis] = u
    solver = scheme_solver(scheme, grid, boundary=outflow)
    run = simulate(solver, start_of(1.0, velocity, 0.4), [0.0, 0.15])
    density, normal = np.asarray(run.density[-1]), run.velocity[-1, ..., axis]
    lost = np.max(np.abs(density - np.flip(density, axis)))
    return float(lost + np.max(np.abs(normal + np.flip(np.asarray(normal), axis))))


@functools.lru_cache(maxsize=64)
@in_float64
def shu_osher(scheme: str, n: int) -> np.ndarray:
    """Density of a Mach 3 shock that has run into a sine wave of density, t = 1.8.

    **Reference:** Shu and Osher (1989), J. Comput. Phys. 83, Example 8.
    """
    grid = Grid((n,), 10.0, -5.0)
    x = grid.coordinates(0)
    behind = x < -4
    start = start_of(
        np.where(behind, 3.857143, 1 + 0.2 * np.sin(5 * x)),
        [np.where(behind, 2.629369, 0.0)],
        np.where(behind, 10.33333, 1.0),
    )
    inflow = FarField(3.857143, (2.629369,), 10.33333)
    solver = scheme_solver(scheme, grid, boundary=[(inflow, outflow)])
    return np.asarray(simulate(solver, start, [0.0, 1.8]).density[-1])


@functools.lru_cache(maxsize=64)
@in_float64
def blast_waves(scheme: str, n: int) -> np.ndarray:
    """Density of two blast waves between walls that have collided, t = 0.038.

    **Reference:** Woodward and Colella (1984), J. Comput. Phys. 54, Sec. IV.a.
    """
    grid = Grid((n,))
    x = grid.coordinates(0)
    p = np.select([x < 0.1, x < 0.9], [1000.0, 0.01], 100.0)
    solver = scheme_solver(
        scheme, grid, boundary=[(slip_wall, slip_wall)], positivity=True
    )
    run = simulate(solver, start_of(1.0, [0.0], p), [0.0, 0.038])
    return np.asarray(run.density[-1])


# The reference.
FINE, FINE_SCHEME = 6400, "muscl"


def against_a_fine_grid(density: Any, scheme: str, n: int) -> float:
    """L1 error of `shu_osher` or `blast_waves` against 6400 cells, averaged."""
    fine = density(FINE_SCHEME, FINE)
    return mean_error(density(scheme, n), fine.reshape(n, -1).mean(axis=1))


@in_float64
def le_blanc_fails(scheme: str) -> bool:
    """Whether a tube with a pressure ratio of 1e9 breaks the scheme.

    **Reference:** Loubère and Shashkov (2005), J. Comput. Phys. 209, Sec. 5.3.
    """
    grid = Grid((200,), 9.0)
    left = grid.coordinates(0) < 3
    start = Primitive(
        jnp.where(left, 1.0, 1e-3),
        (jnp.zeros(200),),
        jnp.where(left, 2 / 30, 2e-10 / 3),
    )
    solver = scheme_solver(scheme, grid, 5 / 3, boundary=outflow)
    return bool(simulate(solver, start, [0.0, 6.0], throw=False).failed)
