"""Layered flows: shear layers, Kelvin-Helmholtz and Rayleigh-Taylor instabilities."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._arguments import checked
from ..solver._equations import CompressibleNavierStokes
from ..solver._gas import as_scalar
from ..solver._grid import Grid
from ..solver._local import local
from ..solver._state import Primitive
from ._coordinates import need_dims, periodic_distance, unit_centers

_GRAVITY = 1.0


@checked
@eqx.filter_jit
def kelvin_helmholtz(
    solver: CompressibleNavierStokes,
    key: PRNGKeyArray,
    *,
    mach: "float | np.ndarray | Float[Array, '']" = 0.3,
    thickness: float = 0.025,
    amplitude: float = 0.02,
) -> Primitive:
    """A band of heavier gas that streams against its surroundings, stirred at random.

    Velocities ±1/2 along the first axis, densities 1 and a ratio uniform in (1.2, 3),
    exponential layers of `thickness` in units of the box at 1/4 and 3/4 of the second
    axis; transverse velocity of four random sine modes, at most `amplitude` each.
    `mach` is 1/2 over the sound speed of the light gas.

    **Arguments:** as of `random_fourier`.

    **Raises:** `ValueError` on a grid with fewer than two axes; `TypeError` for another
    kind of argument.

    **Reference:** McNally, Lyra and Passy (2012), Astrophys. J. Suppl. 201, 18, Sec. 2.
    """
    need_dims(solver, "kelvin_helmholtz")
    x, y, *_ = unit_centers(solver)
    draws = jax.random.uniform(key, (9,), x.dtype)
    heavy = 1.2 + 1.8 * draws[0]
    inside = _smooth_band(y, thickness)
    modes = jnp.arange(1, 5, dtype=x.dtype).reshape(4, *(1,) * x.ndim)
    sizes, phases = (draws[i : i + 4].reshape(modes.shape) for i in (1, 5))
    waves = sizes * jnp.sin(2 * np.pi * (modes * x + phases))
    transverse = amplitude * jnp.sum(waves, axis=0)
    pressure = _pressure_of_mach(solver, mach, 0.5, x)
    rest = [jnp.zeros_like(x)] * (x.ndim - 2)
    return Primitive(
        1 + (heavy - 1) * inside, (0.5 - inside, transverse, *rest), pressure
    )


@checked
@eqx.filter_jit
def sharp_kelvin_helmholtz(
    solver: CompressibleNavierStokes,
    key: PRNGKeyArray,
    *,
    mach: "float | np.ndarray | Float[Array, '']" = 0.3,
    amplitude: float = 0.03,
) -> Primitive:
    """A band of other gas with sharp, wavy edges that streams against the rest.

    Velocities ±1/2 along the first axis, density 1 outside and a ratio uniform in
    (1/2, 3) inside. Each edge, near 1/4 and 3/4 of the second axis, is displaced by
    four random sine modes of at most `amplitude`/4 each. `mach` is 1/2 over the sound
    speed of the outer gas. What grows first depends on the grid: viscosity or
    `kelvin_helmholtz` give flows that converge.

    **Arguments:** as of `random_fourier`.

    **Raises:** `ValueError` on a grid with fewer than two axes; `TypeError` for another
    kind of argument.
    """
    need_dims(solver, "sharp_kelvin_helmholtz")
    x, y, *_ = unit_centers(solver)
    draws = jax.random.uniform(key, (2, 2, 4), x.dtype)
    ratio = 0.5 + 2.5 * jax.random.uniform(jax.random.fold_in(key, 1), (), x.dtype)
    modes = jnp.arange(1, 5, dtype=x.dtype).reshape(4, *(1,) * x.ndim)
    edges = []
    for place, (sizes, phases) in zip((0.25, 0.75), draws, strict=True):
        angle = 2 * np.pi * (modes * x + phases.reshape(modes.shape))
        wave = jnp.sum(sizes.reshape(modes.shape) * jnp.sin(angle), axis=0)
        edges.append(place + 0.25 * amplitude * wave)
    inside = ((y > edges[0]) & (y < edges[1])).astype(x.dtype)
    zeros = [jnp.zeros_like(x)] * (x.ndim - 1)
    pressure = _pressure_of_mach(solver, mach, 0.5, x)
    return Primitive(1 + (ratio - 1) * inside, (0.5 - inside, *zeros), pressure)


@checked
@eqx.filter_jit
def double_shear(
    solver: CompressibleNavierStokes,
    key: PRNGKeyArray,
    *,
    mach: "float | np.ndarray | Float[Array, '']" = 0.3,
    steepness: float = 80.0,
    amplitude: float = 0.05,
) -> Primitive:
    """Two opposite tanh shear layers in gas of density 1, with a sine across them.

    Speed ±1; `mach` is 1 over the sound speed; phase, mode number (1 to 3) and the
    strength of the perturbation, up to `amplitude`, are random.

    **Arguments:** as of `random_fourier`; `steepness`: the width of the box over that
    of a layer.

    **Raises:** `ValueError` on a grid with fewer than two axes; `TypeError` for another
    kind of argument.

    **Reference:** Brown and Minion (1995), J. Comput. Phys. 122, Sec. 4.
    """
    need_dims(solver, "double_shear")
    x, y, *_ = unit_centers(solver)
    draws = jax.random.uniform(key, (3,), x.dtype)
    stream = jnp.tanh(steepness * (0.25 - jnp.abs(y - 0.5)))
    mode = jnp.floor(1 + 3 * draws[0])
    wave = jnp.sin(2 * np.pi * (mode * x + draws[1]))
    transverse = amplitude * (0.5 + 0.5 * draws[2]) * wave
    rest = [jnp.zeros_like(x)] * (x.ndim - 2)
    pressure = _pressure_of_mach(solver, mach, 1.0, x)
    return Primitive(jnp.ones_like(x), (stream, transverse, *rest), pressure)


@checked
@eqx.filter_jit
def rayleigh_taylor(
    solver: CompressibleNavierStokes,
    key: PRNGKeyArray,
    *,
    mach: "float | np.ndarray | Float[Array, '']" = 0.1,
    thickness: float = 0.02,
) -> Primitive:
    """Heavy gas on light gas under `gravity`, in hydrostatic balance, disturbed.

    The last axis points up, between slip walls. Density ratio uniform in (1.5, 3);
    `mach` is the free-fall speed √(g L) over the light gas's sound speed at the
    interface; vertical velocity of 1 % of the free-fall speed in four random modes.

    **Arguments:** as of `random_fourier`; `thickness`: of the interface, in heights of
    the box.

    **Raises:** `ValueError` on a grid with fewer than two axes; `TypeError` for another
    kind of argument.

    **Reference:** Liska and Wendroff (2003), SIAM J. Sci. Comput. 25, Sec. 4.6.
    """
    need_dims(solver, "rayleigh_taylor")
    centers = unit_centers(solver)
    x, height = centers[0], centers[-1]
    draws = jax.random.uniform(key, (9,), x.dtype)
    heavy = 1.5 + 1.5 * draws[0]
    length = solver.grid.extent[-1]
    # log cosh integrates the tanh profile of density: the balance is exact.
    above = (height - 0.5) / thickness
    profile = 0.5 * (1 + jnp.tanh(above))
    integral = thickness * jax.nn.softplus(2 * above) / 2
    weight = (height - 0.5) + (heavy - 1) * integral
    fall = _GRAVITY * length
    at_interface = _pressure_of_mach(solver, mach, fall**0.5, x)
    modes = jnp.arange(1, 5, dtype=x.dtype).reshape(4, *(1,) * x.ndim)
    sizes, phases = (draws[i : i + 4].reshape(modes.shape) for i in (1, 5))
    waves = jnp.sum(sizes * jnp.cos(2 * np.pi * (modes * x + phases)), axis=0)
    vertical = 0.01 * fall**0.5 * waves * jnp.exp(-(((height - 0.5) / 0.1) ** 2))
    rest = [jnp.zeros_like(x)] * (x.ndim - 1)
    return Primitive(
        1 + (heavy - 1) * profile, (*rest, vertical), at_interface - fall * weight
    )


@local
@checked
def gravity(
    state: Primitive, grid: Grid, time: Float[Array, ""]
) -> tuple[Float[Array, " *grid"], ...]:
    """The acceleration -1 along the last axis, for `forcing`.

    **Arguments:** `state`: of the gas; `grid` and `time` do not matter.

    **Raises:** `TypeError` for another kind of argument.
    """
    del grid, time
    zero = jnp.zeros_like(state.density)
    return (*[zero] * (zero.ndim - 1), zero - _GRAVITY)


def _smooth_band(y: Float[Array, " *grid"], thickness: float) -> Float[Array, " *grid"]:
    """1 for 1/4 < y < 3/4 and 0 elsewhere, joined by exponentials (McNally Eq. 1)."""
    depth = 0.25 - jnp.abs(periodic_distance(y, 0.5))
    edge = 0.5 * jnp.exp(-jnp.abs(depth) / thickness)
    return jnp.where(depth > 0, 1 - edge, edge)


def _pressure_of_mach(
    solver: CompressibleNavierStokes,
    mach: "float | np.ndarray | Float[Array, '']",
    speed: float,
    like: Float[Array, " *grid"],
) -> Float[Array, " *grid"]:
    """The pressure at which gas of density 1 has the sound speed `speed / mach`."""
    gamma = as_scalar(solver.gas.gamma, like.dtype)
    return jnp.full_like(like, (speed / jnp.asarray(mach, like.dtype)) ** 2 / gamma)
