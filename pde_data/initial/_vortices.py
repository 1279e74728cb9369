"""Smooth flows: vortices, Taylor-Green cells, acoustic pulses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._arguments import checked
from ..solver._equations import CompressibleNavierStokes
from ..solver._gas import as_scalar
from ..solver._state import Primitive
from ._coordinates import need_dims, periodic_distance, unit_centers


@checked
@eqx.filter_jit
def vortices(
    solver: CompressibleNavierStokes,
    key: PRNGKeyArray,
    *,
    mach: "float | np.ndarray | Float[Array, '']" = 0.3,
    number: int = 6,
) -> Primitive:
    """Gaussian vortices of either sense in isentropic gas of sound speed about 1.

    Each alone is steady: T = 1 - (γ-1)/2 U² e^(1-r²) about a swirl of greatest speed U
    at r = 1. U is uniform within (1/2, 1) of `mach`, radii in (0.03, 0.08) of the box.

    **Arguments:** as of `random_fourier`; `number`: of vortices.

    **Raises:** `ValueError` on a grid with fewer than two axes; `TypeError` for another
    kind of argument.

    **Reference:** Shu (1998), ICASE 97-65, Sec. 5.1, for one vortex.
    """
    need_dims(solver, "vortices")
    x, y, *_ = unit_centers(solver)
    dtype = x.dtype
    gamma = as_scalar(solver.gas.gamma, dtype)
    limit = jnp.asarray(mach, dtype)
    deficit, u, v = jnp.zeros_like(x), jnp.zeros_like(x), jnp.zeros_like(x)
    for a, b, size, strength, sense in jax.random.uniform(key, (number, 5), dtype):
        radius = 0.03 + 0.05 * size
        dx, dy = periodic_distance(x, a) / radius, periodic_distance(y, b) / radius
        peak = limit * (0.5 + 0.5 * strength) * jnp.where(sense < 0.5, -1, 1)
        bell = jnp.exp(0.5 * (1 - dx**2 - dy**2))
        u, v = u - peak * bell * dy, v + peak * bell * dx
        deficit = deficit + (peak * bell) ** 2
    # Where vortices overlap the sum might exceed one; this form never goes below zero.
    temperature = 1 / (1 + 0.5 * (gamma - 1) * deficit)
    density = temperature ** (1 / (gamma - 1))
    rest = [jnp.zeros_like(x)] * (x.ndim - 2)
    return Primitive(density, (u, v, *rest), density * temperature / gamma)


@checked
@eqx.filter_jit
def taylor_green(
    solver: CompressibleNavierStokes,
    key: PRNGKeyArray,
    *,
    mach: "float | np.ndarray | Float[Array, '']" = 0.1,
    max_mode: int = 2,
) -> Primitive:
    """Taylor-Green cells of speed 1 at a random place, `mach` = 1 over sound speed.

    Density is 1 and pressure that of the incompressible flow. One to `max_mode` periods
    per axis, the same along all of them.

    **Arguments:** as of `random_fourier`.

    **Raises:** `ValueError` on a grid with fewer than two axes; `TypeError` for another
    kind of argument.

    **Reference:** Taylor and Green (1937), Proc. R. Soc. A 158; DeBonis (2013), NASA
    TM-2013-217850, Eq. 1, for the pressure in 3D.
    """
    need_dims(solver, "taylor_green")
    centers = unit_centers(solver)
    d, dtype = len(centers), centers[0].dtype
    draws = jax.random.uniform(key, (d + 1,), dtype)
    mode = jnp.floor(1 + max_mode * draws[d])
    x, y, *z = (
        2 * np.pi * mode * (c - shift)
        for c, shift in zip(centers, draws[:d], strict=True)
    )
    gamma = as_scalar(solver.gas.gamma, dtype)
    mean = 1 / (gamma * jnp.asarray(mach, dtype) ** 2)
    depth = jnp.cos(z[0]) if z else 1.0
    u = jnp.sin(x) * jnp.cos(y) * depth
    v = -jnp.cos(x) * jnp.sin(y) * depth
    ripple = jnp.cos(2 * x) + jnp.cos(2 * y)
    ripple = ripple * (jnp.cos(2 * z[0]) + 2) / 16 if z else ripple / 4
    one = jnp.ones_like(u)
    return Primitive(one, (u, v, *[jnp.zeros_like(u)] * len(z)), mean + ripple)


@checked
@eqx.filter_jit
def acoustic_pulses(
    solver: CompressibleNavierStokes,
    key: PRNGKeyArray,
    *,
    mach: "float | np.ndarray | Float[Array, '']" = 0.1,
    number: int = 4,
) -> Primitive:
    """Isentropic Gaussian bumps of pressure in gas at rest, density and sound speed 1.

    The pressure rises or falls by up to γ `mach` of its mean, as in a sound wave whose
    particle velocity has that Mach number; radii uniform in (0.03, 0.08) of the box.

    **Arguments:** as of `random_fourier`; `number`: of bumps.

    **Raises:** `TypeError` for another kind of argument.
    """
    centers = unit_centers(solver)
    d, dtype = len(centers), centers[0].dtype
    gamma = as_scalar(solver.gas.gamma, dtype)
    exponent = jnp.zeros(solver.grid.shape, dtype)
    for place in jax.random.uniform(key, (number, d + 2), dtype):
        radius, strength = 0.03 + 0.05 * place[d], 2 * place[d + 1] - 1
        squared = sum(
            periodic_distance(x, c) ** 2 for x, c in zip(centers, place, strict=False)
        )
        bump = jnp.exp(-0.5 * squared / radius**2)
        exponent = exponent + jnp.asarray(mach, dtype) * strength * bump
    zero = jnp.zeros_like(exponent)
    return Primitive(jnp.exp(exponent), (zero,) * d, jnp.exp(gamma * exponent) / gamma)
