"""Strong shocks on a plane, and what must not break the scheme."""

import functools
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .. import initial
from ..solver._boundary import outflow, slip_wall
from ..solver._equations import CompressibleNavierStokes
from ..solver._grid import Grid
from ..solver._simulation import simulate
from ..solver._state import Primitive
from ..solver._symmetry import hyperoctahedral_elements, transform
from ._setup import in_float64, scheme_solver, start_of
from ._tubes import le_blanc_fails


def broken_symmetry(cells: Primitive) -> float:
    """The largest difference of a density from its images under the eight elements."""
    differences = [
        jnp.abs(transform(cells, element).density - cells.density)
        for element in hyperoctahedral_elements(2)
    ]
    return float(np.max(differences))


def _last(run: object) -> Primitive:
    return jax.tree.map(lambda x: x[-1], run.state)  # type: ignore[attr-defined]


@functools.lru_cache(maxsize=64)
@in_float64
def sedov(scheme: str, n: int, quarter: bool = True) -> Primitive:
    """A point blast in 2D, `n` cells across, when the shock stands at a distance 0.5.

    Energy 1 in gas of density 1. A quarter of the plane between mirrors is all of it.

    **Reference:** Kamm and Timmes (2007), LA-UR-07-2849, for the radius.
    """
    side = n // 2 if quarter else n
    grid = Grid((side, side), 1.25 * side / n, 0.0 if quarter else -0.625)
    x, y = grid.centers()
    # The energy lies within three cells: as near to a point as the grid allows.
    ball = np.exp(-((np.hypot(x, y) / (1.5 * grid.spacing[0])) ** 2))
    energy = (0.25 if quarter else 1.0) / (np.sum(ball) * grid.spacing[0] ** 2)
    start = start_of(1.0, [0 * x, 0 * x], 1e-5 + 0.4 * energy * ball)
    lower = slip_wall if quarter else outflow
    solver = scheme_solver(scheme, grid, boundary=[(lower, outflow)] * 2)
    return _last(simulate(solver, start, [0.0, SEDOV_TIME]))


@in_float64
def sedov_asymmetry(scheme: str, n: int) -> float:
    """How far the whole blast is from any of its images."""
    return broken_symmetry(sedov(scheme, n, False))


_SEDOV_ALPHA = 0.98404
SEDOV_RADIUS = 0.5
SEDOV_TIME = (_SEDOV_ALPHA * SEDOV_RADIUS**4) ** 0.5


def sedov_radius_error(scheme: str, n: int) -> float:
    """The relative error of the mean radius at which density leaves its maximum.

    Along each ray the shock is where density falls through the mean of its two sides:
    1 ahead and the peak of the ring average behind.
    """
    width = 1.25 / n
    x, y = Grid((n // 2, n // 2), 0.625).centers()
    r, density = np.hypot(x, y).ravel(), np.asarray(sedov(scheme, n).density).ravel()
    ring = (r / width).astype(int)
    count = np.maximum(np.bincount(ring), 1)
    mean, place = np.bincount(ring, density) / count, np.bincount(ring, r) / count
    peak = int(np.argmax(mean))
    level = 0.5 * (1 + mean[peak])
    outer = peak + int(np.argmax(mean[peak:] < level))
    share = (mean[outer - 1] - level) / (mean[outer - 1] - mean[outer])
    radius = place[outer - 1] + share * (place[outer] - place[outer - 1])
    return float(abs(radius / SEDOV_RADIUS - 1))


@in_float64
def noh(scheme: str, n: int) -> tuple[float, float]:
    """Cold gas that implodes on a point in 2D: L1 error of density, broken symmetry.

    The density is 16 behind the shock at r = t/3 and 1 + t/r before it; the error is
    the mean within r < 0.3 at t = 0.6, relative to 16.

    **Reference:** Noh (1987), J. Comput. Phys. 72, Sec. 3.
    """
    grid, time = Grid((n, n), 2.0, -1.0), 0.6
    x, y = grid.centers()
    r = np.hypot(x, y)
    solver = scheme_solver(scheme, grid, 5 / 3, boundary=outflow, positivity=True)
    run = simulate(solver, start_of(1.0, [-x / r, -y / r], 1e-6), [0.0, time])
    cells = _last(run)
    expected = np.where(r < time / 3, 16.0, 1 + time / r)
    near = r < 0.3
    error = np.mean(np.abs(np.asarray(cells.density) - expected)[near]) / 16
    return float(error), broken_symmetry(cells)


def _fails(solver: CompressibleNavierStokes, start: Primitive, time: float) -> bool:
    return bool(simulate(solver, start, [0.0, time], throw=False).failed)


@in_float64
def _expansion(scheme: str, cells: int, pressure: float, time: float) -> bool:
    grid = Grid((cells,))
    u = np.where(grid.coordinates(0) < 0.5, -2.0, 2.0)
    solver = scheme_solver(scheme, grid, boundary=outflow)
    return _fails(solver, start_of(1.0, [u], pressure), time)


@in_float64
def _blast(scheme: str) -> bool:
    grid = Grid((64, 64))
    x, y = grid.centers()
    ball = (x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.01
    p = np.where(ball, 1e5, 1.0)
    solver = scheme_solver(scheme, grid)
    return _fails(solver, start_of(1.0, [0.0 * x, 0.0 * x], p), 1e-3)


def random_failures(scheme: str, n: int, mach: float, number: int, time: float) -> int:
    """How many random Fourier states, half of them windowed, break the scheme."""
    solver = scheme_solver(scheme, Grid((n, n)), 5 / 3)

    @eqx.filter_jit
    def failed(key: jax.Array) -> jax.Array:
        start = initial.random_fourier(solver, key, mach=mach)
        return simulate(solver, start, jnp.asarray([0.0, time]), throw=False).failed

    keys = jax.random.split(jax.random.key(0), number)
    return sum(bool(failed(key)) for key in keys)


@in_float64
def _fast(scheme: str) -> bool:
    return random_failures(scheme, 64, 5.0, 4, 0.05) > 0


@in_float64
def _many(scheme: str) -> bool:
    return random_failures(scheme, 32, 1.0, 200, 0.1) > 0


HARD: dict[str, Callable[[str], bool]] = {
    "1-2-3 expansion": lambda scheme: _expansion(scheme, 200, 0.4, 0.15),
    "near-vacuum rarefaction": lambda scheme: _expansion(scheme, 64, 0.1, 0.1),
    "LeBlanc, pressure ratio 1e9": le_blanc_fails,
    "blast, pressure ratio 1e5": _blast,
    "random flow of Mach 5": _fast,
    "200 random flows of Mach 1": _many,
}
