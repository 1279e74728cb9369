"""Flows with shocks: Riemann quadrants, blasts, a shock that meets a bubble."""

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
def riemann_quadrants(
    solver: CompressibleNavierStokes,
    key: PRNGKeyArray,
    *,
    mach: "float | np.ndarray | Float[Array, '']" = 0.5,
    max_blocks: int = 4,
) -> Primitive:
    """Blocks of constant random state, two to `max_blocks` of them along each axis.

    Density and pressure log-uniform in (0.1, 1), each velocity component uniform within
    `mach` times the block's sound speed.

    **Arguments:** as of `random_fourier`.

    **Raises:** `TypeError` for another kind of argument.

    **Reference:** in the manner of The Well's `euler_multi_quadrants`, Ohana et al.
    (2024), arXiv:2412.00568; the law of the draws is our own.
    """
    centers = unit_centers(solver)
    d, dtype = len(centers), centers[0].dtype
    size = (max_blocks,) * d
    cuts_key, number_key, value_key = jax.random.split(key, 3)
    cuts = jax.random.uniform(cuts_key, (d, max_blocks - 1), dtype)
    number = jax.random.randint(number_key, (d, 1), 1, max_blocks)
    # A cut beyond the chosen number never takes effect.
    cuts = jnp.where(jnp.arange(max_blocks - 1) < number, cuts, 2)
    block = tuple(
        jnp.sum(x[..., None] > cut, axis=-1)
        for x, cut in zip(centers, cuts, strict=True)
    )
    draws = jax.random.uniform(value_key, (d + 2, *size), dtype)
    density, pressure = (0.1 * 10 ** draws[i][block] for i in range(2))
    sound = jnp.sqrt(as_scalar(solver.gas.gamma, dtype) * pressure / density)
    limit = jnp.asarray(mach, dtype) * sound
    velocity = tuple((2 * draws[2 + i][block] - 1) * limit for i in range(d))
    return Primitive(density, velocity, pressure)


@checked
@eqx.filter_jit
def blast(
    solver: CompressibleNavierStokes,
    key: PRNGKeyArray,
    *,
    mach: "float | np.ndarray | Float[Array, '']" = 0.1,
    number: int = 3,
    max_ratio: float = 100.0,
) -> Primitive:
    """Balls of high or low pressure (blasts and implosions) in gas of density 1.

    Radii uniform in (0.05, 0.15) of the box, pressure ratios log-uniform in
    (1/5, `max_ratio`); the whole drifts at the Mach number `mach` in a random
    direction.

    **Arguments:** as of `random_fourier`; `number`: of balls.

    **Raises:** `TypeError` for another kind of argument.
    """
    centers = unit_centers(solver)
    d, dtype = len(centers), centers[0].dtype
    draws = jax.random.uniform(key, (number, d + 2), dtype)
    gamma = as_scalar(solver.gas.gamma, dtype)
    pressure = jnp.ones(solver.grid.shape, dtype) / gamma
    for place in draws:
        distance = jnp.sqrt(
            sum(
                periodic_distance(x, c) ** 2
                for x, c in zip(centers, place, strict=False)
            )  # type: ignore[arg-type]
        )
        radius, ratio = 0.05 + 0.1 * place[d], 0.2 * (5 * max_ratio) ** place[d + 1]
        width = 1.0 / min(solver.grid.shape)
        ball = 0.5 * (1 - jnp.tanh((distance - radius) / width))
        pressure = pressure * ratio**ball
    direction = jax.random.normal(jax.random.fold_in(key, 1), (d,), dtype)
    direction = direction / jnp.linalg.norm(direction)
    one = jnp.ones_like(pressure)
    drift = jnp.asarray(mach, dtype)
    return Primitive(one, tuple(drift * a * one for a in direction), pressure)


@checked
@eqx.filter_jit
def implosion(
    solver: CompressibleNavierStokes,
    key: PRNGKeyArray,
    *,
    mach: "float | np.ndarray | Float[Array, '']" = 0.5,
) -> Primitive:
    """Thin gas of low pressure in one corner of a closed box, behind a sloping front.

    Outside density 1 and sound speed 1; in the corner density uniform in (0.1, 0.3) and
    pressure lower by the factor e^(-2.8 `mach`), the 0.14 of the reference for 0.7. The
    front cuts the axes at random places in (0.3, 0.7). For `slip_wall` boundaries.

    **Arguments:** as of `random_fourier`.

    **Raises:** `ValueError` on a grid with fewer than two axes; `TypeError` for another
    kind of argument.

    **Reference:** Liska and Wendroff (2003), SIAM J. Sci. Comput. 25, Sec. 4.7, for the
    case of equal cuts.
    """
    need_dims(solver, "implosion")
    centers = unit_centers(solver)
    d, dtype = len(centers), centers[0].dtype
    draws = jax.random.uniform(key, (d + 1,), dtype)
    cuts = 0.3 + 0.4 * draws[:d]
    reach = sum(x / cut for x, cut in zip(centers, cuts, strict=True))
    # As smooth as one cell, so that the front has no steps.
    width = 2.0 / min(solver.grid.shape)
    corner = 0.5 * (1 - jnp.tanh((reach - 1) / width))
    thin = 0.1 + 0.2 * draws[d]
    low = jnp.exp(-2.8 * jnp.asarray(mach, dtype))
    gamma = as_scalar(solver.gas.gamma, dtype)
    pressure = (1 + (low - 1) * corner) / gamma
    return Primitive(1 + (thin - 1) * corner, (jnp.zeros_like(corner),) * d, pressure)


@checked
@eqx.filter_jit
def shock_bubble(
    solver: CompressibleNavierStokes,
    key: PRNGKeyArray,
    *,
    mach: "float | np.ndarray | Float[Array, '']" = 0.5,
) -> Primitive:
    """A plane shock on its way along the first axis to a ball of lighter gas.

    The gas ahead has density and sound speed 1; behind the shock it moves at `mach`,
    which fixes the shock by the Rankine-Hugoniot conditions. Centre, radius (0.1 to
    0.2) and density (0.1 to 0.5) of the ball are random. For `outflow` boundaries.

    **Arguments:** as of `random_fourier`.

    **Raises:** `ValueError` on a grid with fewer than two axes; `TypeError` for another
    kind of argument.

    **Reference:** Toro (2009), Sec. 3.1.3, for the shock.
    """
    need_dims(solver, "shock_bubble")
    centers = unit_centers(solver)
    d, dtype = len(centers), centers[0].dtype
    draws = jax.random.uniform(key, (d + 2,), dtype)
    gamma = as_scalar(solver.gas.gamma, dtype)
    speed = jnp.asarray(mach, dtype)
    quarter = (gamma + 1) / 4 * speed
    shock = quarter + jnp.sqrt(quarter**2 + 1)
    ratio = (gamma + 1) * shock**2 / ((gamma - 1) * shock**2 + 2)
    jump = 1 + 2 * gamma / (gamma + 1) * (shock**2 - 1)
    behind = centers[0] < 0.15
    radius = 0.1 + 0.1 * draws[d]
    middle = [0.45, *(0.35 + 0.3 * draws[i] for i in range(1, d))]
    distance = jnp.sqrt(
        sum((x - c) ** 2 for x, c in zip(centers, middle, strict=True))  # type: ignore[arg-type]
    )
    width = 1.0 / min(solver.grid.shape)
    ball = 0.5 * (1 - jnp.tanh((distance - radius) / width))
    light = 0.1 + 0.4 * draws[d + 1]
    zero = jnp.zeros_like(ball)
    return Primitive(
        jnp.where(behind, ratio, 1 + (light - 1) * ball),
        (jnp.where(behind, speed, zero), *[zero] * (d - 1)),
        jnp.where(behind, jump, 1) / gamma,
    )
