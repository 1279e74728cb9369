"""Flows that viscosity shapes: a shock, manufactured fields, Taylor-Green vortices."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .. import exact
from ..solver._boundary import FarField
from ..solver._grid import Grid
from ..solver._simulation import simulate
from ..solver._state import Primitive
from ._incompressible import dissipation_of_taylor_green
from ._setup import in_float64, kinetic_energy, mean_error, scheme_solver, start_of


@functools.lru_cache(maxsize=64)
@in_float64
def becker_profile(
    scheme: str, n: int, mach: float = 2.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A steady viscous shock after t = 0.05: x, velocity, exact velocity.

    The viscosity grows with the strength of the shock, so that its thickness does not
    change much: 0.05 to 0.07 of the box.
    """
    shock = exact.BeckerShock(mach=mach, shear_viscosity=0.02 * (mach - 1))
    grid = Grid((n,), 1.0, -0.5)
    x = grid.coordinates(0)
    density, u, p = shock.sample(x)
    ends = [
        FarField(rho, (speed,), pressure)
        for rho, speed, pressure in (shock.ahead, shock.behind)
    ]
    solver = scheme_solver(
        scheme,
        grid,
        shock.gamma,
        shear_viscosity=shock.shear_viscosity,
        prandtl_number=0.75,
        boundary=[(ends[0], ends[1])],
    )
    run = simulate(solver, start_of(density, [u], p), [0.0, 0.05])
    return x, np.asarray(run.velocity[-1, :, 0]), u


def becker(scheme: str, n: int, mach: float = 2.0) -> float:
    """L1 error of velocity of Becker's shock, relative to the jump."""
    _, computed, expected = becker_profile(scheme, n, mach)
    return mean_error(computed, expected) / float(np.ptp(expected))


@in_float64
def manufactured(n: int, model: str) -> float:
    """All terms of the equations on smooth fields, against automatic derivatives.

    The largest L1 error of the rates of change of mass, momentum and energy, relative
    to their sizes. This is the test that a missing cross term of the stress fails.
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
        mass = density * velocity
        return jnp.concatenate([mass[None], momentum, heat[None]])

    def exact_rate(x: jax.Array) -> jax.Array:
        return -jnp.trace(jax.jacfwd(flux)(x), axis1=1, axis2=2)

    grid = Grid((n, n))
    points = jnp.stack([jnp.asarray(x).reshape(-1) for x in grid.centers()], axis=-1)
    expected = jax.jit(jax.vmap(exact_rate))(points).T.reshape(4, n, n)
    density, u, v, p = jax.vmap(fields)(points).T.reshape(4, n, n)
    solver = scheme_solver(
        "aweno5z",
        grid,
        gamma,
        shear_viscosity=eta,
        bulk_viscosity=zeta,
        prandtl_number=prandtl,
        viscosity=model,
        positivity=False,  # Nothing is near zero, and it compiles sooner.
    )
    state = solver.gas.conserved(Primitive(density, (u, v), p))
    rate = eqx.filter_jit(solver.rate)(state, jnp.zeros(()))
    computed = jnp.stack([rate.density, *rate.momentum, rate.energy])
    errors = jnp.mean(jnp.abs(computed - expected), axis=(1, 2))
    return float(jnp.max(errors / jnp.mean(jnp.abs(expected), axis=(1, 2))))


@in_float64
def taylor_green(scheme: str, n: int) -> float:
    """Kinetic energy at M 0.05 and Re 100 against exp(-4νk²t): relative error."""
    grid = Grid((n, n), 2 * np.pi)
    x, y = grid.centers()
    mach, viscosity, time = 0.05, 0.01, 2.0
    p = 1 / (1.4 * mach**2) + (np.cos(2 * x) + np.cos(2 * y)) / 4
    start = start_of(1.0, [np.sin(x) * np.cos(y), -np.cos(x) * np.sin(y)], p)
    solver = scheme_solver(scheme, grid, shear_viscosity=viscosity)
    run = simulate(solver, start, [0.0, time])
    energy = kinetic_energy(run.density, run.velocity)
    decay = energy[-1] / energy[0]
    return float(abs(decay / np.exp(-4 * viscosity * time) - 1))


@functools.lru_cache(maxsize=64)
@in_float64
def taylor_green_3d(scheme: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Times and dissipation -dE/dt of the 3D vortex at M 0.1 and Re 100."""
    grid = Grid((n, n, n), 2 * np.pi)
    x, y, z = grid.centers()
    ripple = (np.cos(2 * x) + np.cos(2 * y)) * (np.cos(2 * z) + 2) / 16
    velocity = [
        np.sin(x) * np.cos(y) * np.cos(z),
        -np.cos(x) * np.sin(y) * np.cos(z),
        0.0,
    ]
    start = start_of(1.0, velocity, 1 / (1.4 * 0.1**2) + ripple)
    solver = scheme_solver(scheme, grid, shear_viscosity=0.01)
    times = np.linspace(0, 8, 33)
    run = simulate(solver, start, times)
    energy = kinetic_energy(run.density, run.velocity)
    return 0.5 * (times[1:] + times[:-1]), -np.diff(energy) / np.diff(times)


def dissipation_error(scheme: str, n: int) -> float:
    """Its largest difference from the spectral solution, relative to the peak."""
    times, loss = taylor_green_3d(scheme, n)
    at, energy, expected = dissipation_of_taylor_green()
    # The same quotient of differences of the energy, so that only the flows differ.
    half = 0.5 * (times[1] - times[0])
    ends = (np.interp(times + sign * half, at, energy) for sign in (-1, 1))
    early, late = ends
    reference = (early - late) / (2 * half)
    return float(np.max(np.abs(loss - reference)) / np.max(expected))
