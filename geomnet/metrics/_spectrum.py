"""Spectra on the torus: energy by shells and by octaves of integer wave number.

**Convention.** A field of `n_i` cells of side `h_i` along axis i has the waves
`exp(2πi m·x/L)` with integers `m_i` and `L_i = n_i h_i`. The wave number of one is
`κ = √(Σ (m_i L/L_i)²)` with L the longest side: in units of the longest wave, so that κ
is 0 or at least 1, and waves of one length have one κ on any grid. The coefficient is
`û(m) = Σ_cells u exp(-2πi m·x/L) / cells`, the energy of a wave `½ Σ_components |û|²`.
Shell s holds the waves with `s - ½ ≤ κ < s + ½`, shell 0 the mean alone; octave j those
with `2^j ≤ κ < 2^(j+1)`, and none the mean. Every wave is counted, those in the corners
too, so the shells sum to `½ ⟨|u|²⟩` (Parseval).
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._image import GeometricImage
from ._fields import (
    check_image,
    check_pair,
    field_values,
    fluctuation,
    scalar_values,
    vector_values,
)

BANDS = ("low", "mid", "high")
# PDEBench's edges of low, middle and high wave numbers.
BAND_EDGES = (5.0, 13.0)


def energy_spectrum(
    image: GeometricImage,
    field: str = "velocity",
    *,
    density: str | None = None,
    spacing: Any = 1.0,
    bins: str = "shells",
) -> Float[Array, "*batch bins"]:
    """The energy `½|û|²` of a periodic field in shells or octaves of wave number.

    Shells are summed, not averaged, and sum to `½ ⟨|u|²⟩`; `wave_numbers` says which
    they are.

    **Arguments:**

    - `field`: any field; all its components count.
    - `density`: the name of a scalar. Then the energy is the kinetic one per volume,
        `½ ρ|u|²`, as the spectrum of `√ρ u`, with negative densities taken for zero.
    - `spacing`: the side of a cell, or one for each axis. Only ratios count.
    - `bins`: `"shells"` of width one, or `"octaves"`.

    **Returns:** one number for each bin, after leading batch axes.

    **Raises:** `ValueError` if there is no such field, or a spacing is not positive.
    """
    check_image("image", image)
    values = field_values(image, field, "field")
    if density is not None:
        weight = scalar_values(image, density, "density")
        values = values * jnp.sqrt(jnp.maximum(weight, 0))[..., None]
    numbers = _bin_numbers(image.grid, _sides(spacing, image.num_spatial_dims), bins)
    return _summed(_energies(values, len(image.grid)), numbers)


def wave_numbers(
    grid: Sequence[int], *, spacing: Any = 1.0, bins: str = "shells"
) -> np.ndarray:
    """The wave numbers of shells, 0, 1, 2, …, or where octaves begin, 1, 2, 4, ….

    In units of the longest wave that the grid holds.
    """
    numbers = _bin_numbers(tuple(grid), _sides(spacing, len(grid)), bins)
    count = np.arange(int(numbers.max()) + 1)
    return count if bins == "shells" else 2**count


def energy_ratio(
    prediction: GeometricImage,
    target: GeometricImage,
    field: str = "velocity",
    *,
    density: str | None = None,
    spacing: Any = 1.0,
) -> Float[Array, "*batch octaves"]:
    """The predicted energy over the true one in each octave of wave number.

    Below 1 the model smooths, above 1 it makes noise: a good model is within a few per
    cent of 1 in every octave.

    **Arguments:** as of `energy_spectrum`; `field` names the vector.

    **Returns:** one number for each octave, `wave_numbers(grid, bins="octaves")`, after
    leading batch axes. NaN where the truth has no energy but that of rounding.

    **Raises:** `ValueError` if signatures or shapes differ, or there is no such field.
    """
    check_pair(prediction, target)
    predicted, true = (
        energy_spectrum(image, field, density=density, spacing=spacing, bins="octaves")
        for image in (prediction, target)
    )
    whole = 0.5 * jnp.square(field_values(target, field, "field")).sum(-1)
    if density is not None:
        whole = whole * jnp.maximum(scalar_values(target, density, "density"), 0)
    whole = whole.mean(axis=tuple(range(-len(target.grid), 0)))
    return _where_there_is_energy(predicted, true, whole, target.dtype)


def spectral_error(
    prediction: GeometricImage,
    target: GeometricImage,
    field: str = "velocity",
    *,
    edges: Sequence[float | int] = BAND_EDGES,
    spacing: Any = 1.0,
) -> dict[str, Float[Array, "*batch"]]:
    """The relative error of waves of low, middle and high wave number.

    `√(Σ|û - û_true|² / Σ|û_true|²)`, both over the waves of a band; the mean is in
    none. With PDEBench's edges (Takamoto et al. 2022): low is `κ < 5`, high `κ ≥ 13`.

    **Arguments:** as of `energy_spectrum`, and

    - `edges`: two rising wave numbers, where the middle band begins and ends.

    **Returns:** one number for each of `"low"`, `"mid"` and `"high"` in which the grid
    has waves, 0 for a perfect prediction and 1 for zero; after leading batch axes. NaN
    where the truth has no energy but that of rounding.

    **Raises:** `ValueError` if signatures or shapes differ, there is no such field, or
    the edges do not rise.
    """
    check_pair(prediction, target)
    d = target.num_spatial_dims
    low, high = edges
    if not 0 < low < high:
        raise ValueError(
            f"`edges` must be two rising positive wave numbers, such as "
            f"{BAND_EDGES}, got {tuple(edges)}."
        )
    kappa = _kappa(target.grid, _sides(spacing, d))
    numbers = np.where(kappa == 0, -1, np.digitize(kappa, [low, high]))
    true = field_values(target, field, "field")
    error = field_values(prediction, field, "field") - true
    errors, energies = (
        _summed(_energies(values, d), numbers, len(BANDS)) for values in (error, true)
    )
    whole = 0.5 * jnp.square(true).sum(-1).mean(axis=tuple(range(-d, 0)))
    ratios = jnp.sqrt(_where_there_is_energy(errors, energies, whole, target.dtype))
    return {
        band: ratios[..., i] for i, band in enumerate(BANDS) if (numbers == i).any()
    }


def helmholtz_error(
    prediction: GeometricImage,
    target: GeometricImage,
    field: str = "velocity",
    *,
    spacing: Any = 1.0,
) -> dict[str, Float[Array, "*batch"]]:
    """The VRMSE of a vector on the torus, split by divergence and curl.

    The error's waves are split along and across their wave vectors: `"longitudinal"`
    (compressions, sound), `"transverse"` (vortices, shear), and `"harmonic"`, what has
    neither divergence nor curl on the grid, which is the mean. Each is the root mean
    square of that part over the spread of the true vector, so that the squares of the
    three sum to that of `vrmse`. Along an axis the wave of two cells has no derivative.

    **Arguments:** as of `energy_spectrum`; `field` names a vector.

    **Returns:** one number for each part, after leading batch axes; as `vrmse`, not
    finite where the true vector is constant.

    **Raises:** `ValueError` if signatures or shapes differ, or it is no vector.
    """
    check_pair(prediction, target)
    d = target.num_spatial_dims
    true = vector_values(target, field)
    error = vector_values(prediction, field) - true
    waves, weights = _waves(error, d)
    vectors = _wave_vectors(target.grid, _sides(spacing, d))
    lengths = np.linalg.norm(vectors, axis=-1)
    units = vectors / np.where(lengths == 0, 1, lengths)[..., None]
    units = jnp.asarray(units, waves.dtype)
    size = jnp.square(jnp.abs(waves)).sum(-1) * weights
    along = jnp.square(jnp.abs((waves * units).sum(-1))) * weights
    moves = jnp.asarray(lengths > 0, true.dtype)
    parts = {
        "longitudinal": along * moves,
        "transverse": jnp.maximum(size - along, 0) * moves,
        "harmonic": size * (1 - moves),
    }
    spread = jnp.square(fluctuation(true, target.spatial_axes)).sum(-1)
    axes = tuple(range(-d, 0))
    variance = spread.mean(axis=axes)
    return {name: jnp.sqrt(p.sum(axis=axes) / variance) for name, p in parts.items()}


def _where_there_is_energy(
    numerator: Array, energy: Array, whole: Array, dtype: Any
) -> Array:
    """The ratio, or NaN where energy is no more than rounding leaves of the whole."""
    rounding = jnp.square(8 * jnp.asarray(jnp.finfo(dtype).eps, whole.dtype)) * whole
    has_energy = energy > rounding[..., None]
    ratio = numerator / jnp.where(has_energy, energy, 1)
    return jnp.where(has_energy, ratio, jnp.nan)


def _waves(values: Array, d: int) -> tuple[Array, Array]:
    """The coefficients of half of all waves, and how many waves each stands for."""
    axes = tuple(range(-1 - d, -1))
    cells = math.prod(values.shape[axis] for axis in axes)
    waves = jnp.fft.rfftn(values, axes=axes) / cells
    last = values.shape[-2]
    weights = np.full(last // 2 + 1, 2.0)
    weights[0] = 1.0
    if last % 2 == 0:
        weights[-1] = 1.0
    return waves, jnp.asarray(weights, values.dtype)


def _energies(values: Array, d: int) -> Float[Array, "*waves"]:
    waves, weights = _waves(values, d)
    return 0.5 * jnp.square(jnp.abs(waves)).sum(-1) * weights


def _summed(energies: Array, numbers: np.ndarray, count: int | None = None) -> Array:
    """The sum over the waves of each bin; a number below zero is in none."""
    count = int(numbers.max()) + 1 if count is None else count
    batch = energies.shape[: energies.ndim - numbers.ndim]
    flat = energies.reshape(*batch, -1)
    # What is in no bin goes to one behind the last.
    places = np.where(numbers < 0, count, numbers).ravel().astype(np.int32)
    sums = jnp.zeros((*batch, count + 1), flat.dtype).at[..., places].add(flat)
    return sums[..., :count]


def _sides(spacing: Any, d: int) -> tuple[float, ...]:
    sides = np.asarray(spacing, float)
    if sides.shape not in ((), (d,)) or not (np.isfinite(sides) & (sides > 0)).all():
        raise ValueError(
            f"`spacing` must be the side of a cell, or {d} sides, one for each axis, "
            f"positive and finite; got {spacing}."
        )
    return tuple(np.broadcast_to(sides, (d,)).tolist())


@functools.lru_cache(maxsize=64)
def _kappa(grid: tuple[int, ...], sides: tuple[float, ...]) -> np.ndarray:
    """The wave number of half of all waves, in units of the longest wave."""
    lengths = np.multiply(grid, sides)
    numbers = _integers(grid)
    scale = lengths.max() / lengths
    kappa = np.sqrt(np.square(numbers * scale).sum(-1))
    # So that no rounding decides on which side of an edge a wave lies.
    return np.round(kappa, 9)


def _integers(grid: tuple[int, ...]) -> np.ndarray:
    axes = [np.rint(np.fft.fftfreq(n) * n) for n in grid[:-1]]
    axes.append(np.arange(grid[-1] // 2 + 1.0))
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


@functools.lru_cache(maxsize=64)
def _bin_numbers(
    grid: tuple[int, ...], sides: tuple[float, ...], bins: str
) -> np.ndarray:
    """The bin of half of all waves, -1 for none."""
    kappa = _kappa(grid, sides)
    if bins == "shells":
        return np.floor(kappa + 0.5).astype(int)
    if bins == "octaves":
        # In the logarithm exactly: `frexp(κ)` is `(f, e)` with κ = f 2^e, ½ ≤ f < 1.
        return np.where(kappa == 0, -1, np.frexp(kappa)[1] - 1)
    raise ValueError(f"`bins` must be 'shells' or 'octaves', got {bins!r}.")


def _wave_vectors(grid: tuple[int, ...], sides: tuple[float, ...]) -> np.ndarray:
    """Wave vectors, without components that have two signs at once."""
    numbers = _integers(grid)
    numbers = np.where(2 * np.abs(numbers) == np.asarray(grid), 0, numbers)
    return 2 * np.pi * numbers / np.multiply(grid, sides)
