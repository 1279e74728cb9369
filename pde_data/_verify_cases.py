"""The flows of the verification suite: each function runs one and returns its error."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from . import exact, initial
from ._boundary import FarField, outflow
from ._equations import CompressibleNavierStokes
from ._grid import Grid
from ._schemes import SCHEMES
from ._simulate import fixed_steps, simulate
from ._state import Primitive
from ._symmetry import hyperoctahedral_elements, transform

_VISCOUS = {"shear_viscosity": 0.01, "bulk_viscosity": 0.02, "prandtl_number": 0.7}


def _solver(
    scheme: str, grid: Grid, gamma: float = 1.4, **parts: Any
) -> CompressibleNavierStokes:
    return CompressibleNavierStokes(grid, gamma, **{**SCHEMES[scheme], **parts})


def _primitive(density: Any, velocity: Any, pressure: Any) -> Primitive:
    shape = np.broadcast_shapes(np.shape(density), *map(np.shape, velocity))

    def full(x: Any) -> jax.Array:
        return jnp.asarray(np.broadcast_to(np.asarray(x, np.float64), shape))

    return Primitive(full(density), tuple(map(full, velocity)), full(pressure))


def _in_float64(function: Callable) -> Callable:
    """Run in double precision whatever the process has set."""

    def run(*arguments: Any) -> Any:
        with jax.enable_x64(True):
            return function(*arguments)

    run.__doc__ = function.__doc__
    return run


def _tube(
    scheme: str, n: int, problem: exact.RiemannProblem, jump: float, time: float
) -> float:
    grid = Grid((n,))
    x = grid.coordinates(0)
    density, u, p = (
        np.where(x < jump, a, b)
        for a, b in zip(problem.left, problem.right, strict=True)
    )
    solver = _solver(scheme, grid, problem.gamma, boundary=outflow)
    run = simulate(solver, _primitive(density, [u], p), [0.0, time])
    expected = problem.sample((x - jump) / time)[0]
    return float(np.mean(np.abs(np.asarray(run.density[-1]) - expected)))


@_in_float64
def sod(scheme: str, n: int) -> float:
    """Sod's tube at t = 0.2: L1 error of density."""
    return _tube(scheme, n, exact.SOD, 0.5, 0.2)


@_in_float64
def toro(scheme: str, n: int, index: int) -> float:
    """One of Toro's five tubes: L1 error of density."""
    return _tube(scheme, n, *exact.TORO[index])


@_in_float64
def vortex(scheme: str, n: int) -> float:
    """The isentropic vortex in a box of side 10 at t = 2: L1 error of density."""
    grid = Grid((n, n), 10.0)
    x, y = grid.centers()
    density, u, v, p = exact.isentropic_vortex(x, y)
    run = simulate(
        _solver(scheme, grid, 5 / 3), _primitive(density, [u, v], p), [0.0, 2.0]
    )
    expected = exact.isentropic_vortex((x - 2) % 10, (y - 2) % 10)[0]
    return float(np.mean(np.abs(np.asarray(run.density[-1]) - expected)))


@_in_float64
def entropy_wave(scheme: str, n: int) -> float:
    """A density wave carried along the diagonal for one period: L1 error.

    The time step falls as Δx^(5/3), so that the error in time has the fifth order too.
    """
    grid = Grid((n, n))
    x, y = grid.centers()
    density = 1 + 0.2 * np.sin(2 * np.pi * (x + y))
    parts = {"courant_number": 0.5 * (16 / n) ** (2 / 3)} if n > 16 else {}
    start = _primitive(density, [1.0, 1.0], 1.0)
    run = simulate(_solver(scheme, grid, **parts), start, [0.0, 0.5])
    return float(np.mean(np.abs(np.asarray(run.density[-1]) - density)))


def _phase(grid: Grid, direction: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    x, y = grid.centers()
    k = 2 * np.pi * np.asarray(direction, float)
    return k[0] * x + k[1] * y, k


def _measured_rate(values: np.ndarray, phase: np.ndarray, time: float) -> complex:
    """λ of a mode e^(i k·x + λt) from its first and last snapshot."""
    amplitude = [np.mean(v * np.exp(-1j * phase)) for v in (values[0], values[-1])]
    return np.log(amplitude[1] / amplitude[0]) / time


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
    ripple = 1e-5 * np.exp(1j * phase)
    start = _primitive(
        1 + np.real(density * ripple),
        [np.real(u * ripple) * component / length for component in k],
        1 + np.real(p * ripple),
    )
    solver = _solver(
        scheme,
        grid,
        gamma,
        shear_viscosity=viscosity,
        bulk_viscosity=viscosity,
        prandtl_number=prandtl,
    )
    # Less than half a period: the logarithm keeps its branch.
    time = 0.2
    run = simulate(solver, start, [0.0, time])
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


@_in_float64
def acoustic_wave(scheme: str, n: int, direction: tuple[int, int]) -> float:
    """Relative error of the complex frequency of a damped sound wave."""
    return _linear_wave(scheme, n, direction, 2)


@_in_float64
def heat_wave(scheme: str, n: int) -> float:
    """Relative error of the decay rate of a wave of temperature at equal pressure."""
    return _linear_wave(scheme, n, (1, 0), 1)


@_in_float64
def shear_wave(scheme: str, n: int, direction: tuple[int, int]) -> float:
    """Relative error of the decay rate of a transverse wave, exp(-ηk²t/ρ)."""
    grid = Grid((n, n))
    phase, k = _phase(grid, direction)
    length = np.linalg.norm(k)
    wave = exact.LinearWave(float(length), shear_viscosity=0.01)
    amplitude = 1e-3 * np.sin(phase) / length
    start = _primitive(1.0, [-amplitude * k[1], amplitude * k[0]], 1.0)
    solver = _solver(scheme, grid, shear_viscosity=0.01, bulk_viscosity=0.01)
    time = 0.5 / wave.shear_rate()
    run = simulate(solver, start, [0.0, time])
    across = np.asarray(run.velocity[..., 0] * -k[1] + run.velocity[..., 1] * k[0])
    rate = _measured_rate(across, phase, time)
    return float(abs(rate.real / wave.shear_rate() + 1))


@_in_float64
def becker(scheme: str, n: int) -> float:
    """A steady viscous shock of Mach number 2 after t = 0.05: L1 error of velocity."""
    shock = exact.BeckerShock(mach=2.0, shear_viscosity=0.02)
    grid = Grid((n,), 1.0, -0.5)
    x = grid.coordinates(0)
    density, u, p = shock.sample(x)
    ends = [
        FarField(rho, (speed,), pressure)
        for rho, speed, pressure in (shock.ahead, shock.behind)
    ]
    solver = _solver(
        scheme,
        grid,
        shock.gamma,
        shear_viscosity=shock.shear_viscosity,
        prandtl_number=0.75,
        boundary=[(ends[0], ends[1])],
    )
    run = simulate(solver, _primitive(density, [u], p), [0.0, 0.05])
    return float(np.mean(np.abs(np.asarray(run.velocity[-1, :, 0]) - u)))


@_in_float64
def manufactured(n: int, model: str) -> float:
    """All terms of the equations on smooth fields, against automatic derivatives.

    L1 error of the rate of change of momentum and energy, relative to its size. This is
    the test that a missing cross term of the stress fails.
    """
    eta, zeta, prandtl, gamma = 0.3, 0.5, 0.7, 1.4

    def fields(x: jax.Array) -> jax.Array:
        a, b = 2 * np.pi * x[0], 2 * np.pi * x[1]
        return jnp.stack(
            [
                1 + 0.2 * jnp.sin(a + b),
                0.5 + 0.3 * jnp.sin(a) * jnp.cos(b),
                -0.2 + 0.4 * jnp.cos(a - b),
                1 + 0.1 * jnp.cos(a) * jnp.sin(2 * b),
            ]
        )

    def flux(x: jax.Array) -> jax.Array:
        density, u, v, p = fields(x)
        slopes = jax.jacfwd(fields)(x)
        velocity, gradient = jnp.stack([u, v]), slopes[1:3]
        temperature_slope = slopes[3] / density - p / density**2 * slopes[0]
        scale = density if model == "kinematic" else 1.0
        divergence = jnp.trace(gradient)
        stress = scale * (
            eta * (gradient + gradient.T)
            + (zeta - 2 / 3 * eta) * divergence * jnp.eye(2)
        )
        conductivity = scale * eta * gamma / (gamma - 1) / prandtl
        energy = p / (gamma - 1) + 0.5 * density * jnp.sum(velocity**2)
        momentum = density * jnp.outer(velocity, velocity) + p * jnp.eye(2) - stress
        heat = (energy + p) * velocity - stress @ velocity
        heat = heat - conductivity * temperature_slope
        return jnp.concatenate([momentum, heat[None]])

    def exact_rate(x: jax.Array) -> jax.Array:
        return -jnp.trace(jax.jacfwd(flux)(x), axis1=1, axis2=2)

    grid = Grid((n, n))
    points = jnp.stack([jnp.asarray(x).reshape(-1) for x in grid.centers()], axis=-1)
    expected = jax.jit(jax.vmap(exact_rate))(points).T.reshape(3, n, n)
    density, u, v, p = jax.vmap(fields)(points).T.reshape(4, n, n)
    solver = _solver(
        "aweno5z",
        grid,
        gamma,
        shear_viscosity=eta,
        bulk_viscosity=zeta,
        prandtl_number=prandtl,
        viscosity=model,
    )
    state = solver.gas.conserved(Primitive(density, (u, v), p))
    rate = eqx.filter_jit(solver.rate)(state, jnp.zeros(()))
    computed = jnp.stack([*rate.momentum, rate.energy])
    return float(jnp.mean(jnp.abs(computed - expected)) / jnp.mean(jnp.abs(expected)))


@_in_float64
def taylor_green(scheme: str, n: int) -> float:
    """Kinetic energy at M 0.05 and Re 100 against exp(-4νk²t): relative error."""
    grid = Grid((n, n), 2 * np.pi)
    x, y = grid.centers()
    mach, viscosity, time = 0.05, 0.01, 2.0
    p = 1 / (1.4 * mach**2) + (np.cos(2 * x) + np.cos(2 * y)) / 4
    start = _primitive(1.0, [np.sin(x) * np.cos(y), -np.cos(x) * np.sin(y)], p)
    solver = _solver(scheme, grid, shear_viscosity=viscosity)
    run = simulate(solver, start, [0.0, time])
    energy = np.asarray(run.density) * np.sum(np.asarray(run.velocity) ** 2, axis=-1)
    decay = energy[-1].mean() / energy[0].mean()
    return float(abs(decay / np.exp(-4 * viscosity * time) - 1))


def _fails(solver: CompressibleNavierStokes, start: Primitive, time: float) -> bool:
    return bool(simulate(solver, start, [0.0, time], throw=False).failed)


@_in_float64
def _near_vacuum(scheme: str) -> bool:
    grid = Grid((64,))
    u = np.where(grid.coordinates(0) < 0.5, -2.0, 2.0)
    solver = _solver(scheme, grid, boundary=outflow)
    return _fails(solver, _primitive(1.0, [u], 0.1), 0.1)


@_in_float64
def _blast(scheme: str) -> bool:
    grid = Grid((64, 64))
    x, y = grid.centers()
    ball = (x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.01
    p = np.where(ball, 1e5, 1.0)
    return _fails(_solver(scheme, grid), _primitive(1.0, [0.0 * x, 0.0 * x], p), 1e-3)


@_in_float64
def _fast(scheme: str) -> bool:
    solver = _solver(scheme, Grid((64, 64)), 5 / 3)
    starts = [
        initial.random_fourier(solver, jax.random.key(i), mach=5.0) for i in range(4)
    ]
    return any(_fails(solver, start, 0.05) for start in starts)


HARD: dict[str, Callable[[str], bool]] = {
    "near-vacuum rarefaction": _near_vacuum,
    "blast, pressure ratio 1e5": _blast,
    "random flow of Mach 5": _fast,
}


@eqx.filter_jit
def _many_steps(
    solver: CompressibleNavierStokes, start: Primitive, num_steps: int
) -> Primitive:
    step = 0.5 * solver.stable_step(solver.gas.conserved(start))
    return fixed_steps(solver, start, step, num_steps)


def drift(scheme: str, dtype: str) -> float:
    """The largest relative change of mass, momentum and energy in 1000 steps."""
    with jax.enable_x64(dtype == "float64"):
        solver = _solver(scheme, Grid((24, 24)), **_VISCOUS)
        start = initial.random_fourier(solver, jax.random.key(1), mach=0.5)
        end = _many_steps(solver, start, 1000)
        totals = [
            [np.sum(np.asarray(x, np.float64)) for x in jax.tree.leaves(state)]
            for state in (solver.gas.conserved(start), solver.gas.conserved(end))
        ]
        density = np.asarray(start.density, np.float64)
        squares = [np.asarray(u, np.float64) ** 2 for u in start.velocity]
        carried = np.sum(density * np.sqrt(np.sum(squares, axis=0)))
        pairs = zip(*totals, strict=True)
        return float(max(abs(b - a) / max(abs(a), carried) for a, b in pairs))


def commutation(scheme: str, num_spatial_dims: int, n: int) -> float:
    """The largest difference in units in the last place, all elements, 100 steps."""
    with jax.enable_x64(False):
        grid = Grid((n,) * num_spatial_dims)
        solver = _solver(scheme, grid, **_VISCOUS)
        start = initial.random_fourier(solver, jax.random.key(2), mach=0.5)
        end = _many_steps(solver, start, 100)
        worst = 0.0
        for element in hyperoctahedral_elements(num_spatial_dims):
            moved = _many_steps(solver, transform(start, element), 100)
            expected = transform(end, element)
            for a, b in zip(
                jax.tree.leaves(moved), jax.tree.leaves(expected), strict=True
            ):
                a, b = np.asarray(a), np.asarray(b)
                unit = np.spacing(np.maximum(np.abs(a), np.abs(b)))
                worst = max(worst, float(np.max(np.abs(a - b) / unit)))
        return worst
