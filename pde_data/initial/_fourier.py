"""Superpositions of sine waves: PDEBench's random states, and turbulence."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._arguments import checked
from ..solver._equations import CompressibleNavierStokes
from ..solver._gas import as_parameter, as_scalar
from ..solver._state import Primitive


@checked
def random_fourier(
    solver: CompressibleNavierStokes,
    key: PRNGKeyArray,
    *,
    mach: "float | np.ndarray | Float[Array, '']" = 0.1,
    max_mode: int = 4,
    axis_aligned_modes: bool = True,
    window_probability: float = 0.5,
) -> Primitive:
    """A superposition of sine waves of random phase: the law of PDEBench's "Rand".

    Mean density and temperature are uniform in (0.1, 10). Velocity, density and
    pressure fluctuate by Σ_k |k|^(-1/2) sin(k·x + φ) over all k = 2π(i, j) ≠ 0 with
    |i|, |j| <= `max_mode`; velocity is scaled so that the mean of |u| is `mach` times
    the mean sound speed, density and pressure so that their mean relative fluctuation
    is uniform in (0.01, 0.2), or less where the minimum would fall below a tenth of the
    mean. With `window_probability` a smooth box confines the fluctuations.

    The law is invariant under the symmetries of the grid. It departs from PDEBench's in
    three points: modes along the axes are included (not so with
    `axis_aligned_modes=False`), the box has an independent width along each axis, and
    no density or pressure is negative.

    **Arguments:**

    - `solver`: the equations, on the grid of the flow.
    - `key`: from `jax.random.key`.
    - `mach`: the Mach number, as above.
    - `max_mode`: the largest number of periods along an axis.
    - `axis_aligned_modes`: whether waves along the axes are among them.
    - `window_probability`: how often a smooth box confines the fluctuations.

    **Raises:** `ValueError` naming the argument that has no meaning.

    **Good values:** `mach` from 0.1 to 1.

    **Reference:** Takamoto et al. (2022), PDEBench, arXiv:2210.07182, App. D.
    """
    if isinstance(mach, (int, float)) and not 0 <= mach < float("inf"):
        raise ValueError(f"`mach` must be finite and >= 0, got {mach}.")
    if not 0 <= window_probability <= 1:
        raise ValueError(
            f"`window_probability` must be in [0, 1], got {window_probability}."
        )
    if max_mode < 1:
        raise ValueError(f"`max_mode` must be at least 1, got {max_mode}.")
    return _random_fourier(
        solver,
        key,
        as_parameter(mach),
        max_mode,
        axis_aligned_modes,
        window_probability,
    )


@checked
@eqx.filter_jit
def turbulent(
    solver: CompressibleNavierStokes,
    key: PRNGKeyArray,
    *,
    mach: "float | np.ndarray | Float[Array, '']" = 0.1,
    max_mode: int = 4,
    slope: float = 2.0,
    compressive_fraction: float = 0.0,
) -> Primitive:
    """Random velocity with a power-law spectrum in a gas of density and sound speed 1.

    Every mode |k_i| <= `max_mode` is split into its part along k (compressive) and
    across (solenoidal, exactly so in Fourier space); `compressive_fraction` of the
    energy is in the former. The energy per wave number falls as |k|^-`slope` and the
    root mean square of |u| is `mach`.

    **Arguments:** as of `random_fourier`.

    **Raises:** `ValueError` for a fraction that is none; `TypeError` for another kind
    of argument.

    **Reference:** Federrath et al. (2010), Astron. Astrophys. 512, A81, Sec. 2.1 (the
    split).
    """
    if not 0 <= compressive_fraction <= 1:
        raise ValueError(
            f"`compressive_fraction` must be in [0, 1], got {compressive_fraction}."
        )
    d = solver.grid.num_spatial_dims
    dtype = jnp.zeros(()).dtype
    modes = np.stack(
        np.meshgrid(*[np.arange(-max_mode, max_mode + 1.0)] * d, indexing="ij")
    )
    length = np.sqrt(np.sum(modes**2, axis=0))
    safe = np.where(length > 0, length, 1.0)
    size = np.where(length > 0, safe ** (-(slope + d - 1) / 2), 0.0)
    direction = jnp.asarray(modes / safe, dtype)
    # One draw for all parts: every new shape of a draw is a new compilation.
    drawn = jax.random.normal(key, (2, d, *length.shape), dtype) * size.astype(dtype)
    along = jnp.sum(drawn * direction, axis=1, keepdims=True) * direction
    share = compressive_fraction if d > 1 else 1.0
    across = (drawn - along) / max(d - 1, 1) ** 0.5
    parts = (1 - share) ** 0.5 * across + share**0.5 * along
    velocity = [_fourier_series(solver, parts[0, i], parts[1, i]) for i in range(d)]
    rms = jnp.sqrt(sum(jnp.mean(u**2) for u in velocity))  # type: ignore[arg-type]
    scale = jnp.asarray(mach, dtype) / rms
    one = jnp.ones(solver.grid.shape, dtype)
    gamma = as_scalar(solver.gas.gamma, dtype)
    return Primitive(one, tuple(scale * u for u in velocity), one / gamma)


@eqx.filter_jit
def _random_fourier(
    solver: CompressibleNavierStokes,
    key: PRNGKeyArray,
    mach: "np.ndarray | Array",
    max_mode: int,
    axis_aligned_modes: bool,
    window_probability: float,
) -> Primitive:
    d = solver.grid.num_spatial_dims
    keys = jax.random.split(key, 4)
    dtype = jnp.zeros(()).dtype
    means = jax.random.uniform(keys[0], (2,), dtype, 0.1, 10.0)
    density0, temperature0 = means[0], means[1]
    pressure0 = density0 * temperature0
    amplitudes = jax.random.uniform(keys[1], (2,), dtype, 0.01, 0.2)
    phases = jax.random.uniform(
        keys[2], (d + 2, *(2 * max_mode + 1,) * d), dtype, 0.0, 2 * np.pi
    )
    weights = _mode_weights(max_mode, d, axis_aligned_modes)
    size = jnp.asarray(weights, dtype)
    waves = [
        _fourier_series(solver, size * jnp.cos(phase), size * jnp.sin(phase))
        for phase in phases
    ]

    gamma = as_scalar(solver.gas.gamma, dtype)
    speed = jnp.sqrt(sum(w**2 for w in waves[:d]))  # type: ignore[arg-type]
    scale = mach.astype(dtype) * jnp.sqrt(gamma * temperature0) / jnp.mean(speed)
    velocity = [scale * w for w in waves[:d]]
    density, pressure = (
        _fluctuation(w, amplitude)
        for w, amplitude in zip(waves[d:], amplitudes, strict=True)
    )
    window = _window(solver, keys[3], window_probability)
    return Primitive(
        density0 * (1 + window * density),
        tuple(window * u for u in velocity),
        pressure0 * (1 + window * pressure),
    )


def _mode_weights(max_mode: int, d: int, axis_aligned: bool) -> np.ndarray:
    modes = np.meshgrid(*[np.arange(-max_mode, max_mode + 1)] * d, indexing="ij")
    wave_number = 2 * np.pi * np.sqrt(sum(m.astype(float) ** 2 for m in modes))
    chosen = wave_number > 0
    if not axis_aligned:
        chosen = np.all([m != 0 for m in modes], axis=0)
    exponent = {1: -0.5, 2: -0.5, 3: -1.0}[d]
    safe = np.where(chosen, wave_number, 1.0)
    return np.where(chosen, safe**exponent, 0.0)


def _fourier_series(
    solver: CompressibleNavierStokes,
    real: Float[Array, " *modes"],
    imaginary: Float[Array, " *modes"],
) -> Float[Array, " *grid"]:
    """The imaginary part of Σ_k a_k e^(i k·x), one axis at a time."""
    grid = solver.grid
    max_mode = real.shape[0] // 2
    series = jax.lax.complex(real, imaginary)
    for axis in range(grid.num_spatial_dims):
        x = (grid.coordinates(axis) - grid.origin[axis]) / grid.extent[axis]
        angles = 2 * np.pi * np.outer(np.arange(-max_mode, max_mode + 1), x)
        table = jnp.asarray(np.exp(1j * angles), series.dtype)
        # The summed axis goes last each time, which restores the order at the end.
        series = jnp.tensordot(
            series, table, axes=[[0], [0]], precision=jax.lax.Precision.HIGHEST
        )
    return jnp.imag(series)


def _fluctuation(
    wave: Float[Array, " *grid"], amplitude: Float[Array, ""]
) -> Float[Array, " *grid"]:
    """A wave of mean size `amplitude`, nowhere below -0.9."""
    normal = wave / jnp.mean(jnp.abs(wave))
    return jnp.minimum(amplitude, 0.9 / jnp.max(-normal)) * normal


def _window(
    solver: CompressibleNavierStokes, key: PRNGKeyArray, probability: float
) -> Float[Array, " *grid"]:
    grid = solver.grid
    d = grid.num_spatial_dims
    dtype = jnp.zeros(()).dtype
    low_key, high_key, switch_key = jax.random.split(key, 3)
    low = jax.random.uniform(low_key, (d,), dtype, 0.1, 0.45)
    high = jax.random.uniform(high_key, (d,), dtype, 0.55, 0.9)
    window = jnp.ones(grid.shape, dtype)
    for axis, x in enumerate(grid.centers()):
        x = jnp.asarray((x - grid.origin[axis]) / grid.extent[axis], dtype)
        rise, fall = jnp.tanh((x - low[axis]) / 0.01), jnp.tanh((x - high[axis]) / 0.01)
        window = window * 0.5 * (rise - fall)
    used = jax.random.bernoulli(switch_key, probability)
    return jnp.where(used, window, 1)
