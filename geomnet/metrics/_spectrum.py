"""Spectra on the torus: energy by shells and by octaves of integer wave number.

**Convention.** Wave numbers κ and coefficients û are those of `_waves.py`. The energy
of a wave is `½ Σ_components |û|²`. Shell s holds the waves with `s - ½ ≤ κ < s + ½`,
shell 0 the mean alone; octave j those with `2^j ≤ κ < 2^(j+1)`, and none the mean.
Every wave is counted, those in the corners too, so the shells sum to `½ ⟨|u|²⟩`
(Parseval).
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._arguments import checked, checked_positive
from .._image import GeometricImage
from ._fields import (
    check_image,
    check_pair,
    chosen_fields,
    field_values,
    fluctuation,
    root,
    scalar_values,
    vector_values,
)
from ._waves import Sides, bin_numbers, kappa_of, sides_of, waves

BANDS = ("low", "mid", "high")
# PDEBench's edges of low, middle and high wave numbers.
BAND_EDGES = (5.0, 13.0)


@checked
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

    - `image`: `(*batch, *grid, features)`, periodic.
    - `field`: any field; all its components count.
    - `density`: the name of a scalar. Then the energy is the kinetic one per volume,
        `½ ρ|u|²`, as the spectrum of `√ρ u`, with negative densities taken for zero.
    - `spacing`: the side of a cell, or one for each axis. Only ratios count.
    - `bins`: `"shells"` of width one, or `"octaves"`.

    **Returns:** one number for each bin, after leading batch axes.

    **Raises:** `ValueError` if there is no such field, or a spacing is not positive.
    """
    check_image("image", image)
    sides = sides_of(spacing, image.num_spatial_dims)
    return _spectrum(image, field, density, sides, bins)


@checked
def wave_numbers(
    grid: Sequence[int], *, spacing: Any = 1.0, bins: str = "shells"
) -> np.ndarray:
    """The wave numbers of shells, 0, 1, 2, …, or where octaves begin, 1, 2, 4, ….

    In units of the longest wave that the grid holds.

    **Arguments:**

    - `grid`: cells along each axis.
    - `spacing`, `bins`: as of `energy_spectrum`.

    **Raises:** `ValueError` for other bins or a spacing that is not positive;
    `TypeError` for another kind of argument.
    """
    numbers = bin_numbers(tuple(grid), sides_of(spacing, len(grid)), bins)
    count = np.arange(int(numbers.max()) + 1)
    return count if bins == "shells" else 2**count


@checked
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

    **Arguments:** as of `energy_spectrum`; `field` names a vector, and

    - `prediction`, `target`: images of one signature, `(*batch, *grid, features)`.

    **Returns:** one number for each octave, `wave_numbers(grid, bins="octaves")`, after
    leading batch axes. NaN where the truth has no energy but that of rounding.

    **Raises:** `ValueError` if signatures or shapes differ, there is no such field, or
    it is no vector.
    """
    check_pair(prediction, target)
    vector_values(target, field)
    sides = sides_of(spacing, target.num_spatial_dims)
    return _energy_ratio(prediction, target, field, density, sides)


@checked
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
    none. With PDEBench's edges (Takamoto et al. 2022), whose own errors are not
    relative: low is `κ < 5`, high `κ ≥ 13`.

    **Arguments:** as of `energy_spectrum`, and

    - `prediction`, `target`: images of one signature, `(*batch, *grid, features)`.
    - `edges`: two rising wave numbers, where the middle band begins and ends.

    **Returns:** one number for each of `"low"`, `"mid"` and `"high"` in which the grid
    has waves, 0 for a perfect prediction and 1 for zero; after leading batch axes. NaN
    where the truth has no energy but that of rounding.

    **Raises:** `ValueError` if signatures or shapes differ, there is no such field, or
    the edges do not rise.
    """
    check_pair(prediction, target)
    if len(edges) != 2 or not 0 < edges[0] < edges[1]:
        raise ValueError(
            f"`edges` must be two rising positive wave numbers, such as "
            f"{BAND_EDGES}, got {tuple(edges)}."
        )
    sides = sides_of(spacing, target.num_spatial_dims)
    values = _spectral_error(prediction, target, field, tuple(edges), sides)
    numbers = _band_numbers(target.grid, sides, tuple(edges))
    return {
        band: values[..., i] for i, band in enumerate(BANDS) if (numbers == i).any()
    }


@checked
def spectral_nmse(
    prediction: GeometricImage,
    target: GeometricImage,
    fields: str | Sequence[str] | None = None,
    *,
    floor: float = 1e-3,
    spacing: Any = 1.0,
) -> Float[Array, "*batch"]:
    """The squared relative error of each octave of wave number, averaged over octaves
    and fields: a loss in which small waves count as much as large ones.

    `Σ|û - û_true|² / max(Σ|û_true|², floor Σ_all|û_true|²)`, sums over the waves of an
    octave, the last one over those of all octaves. `nmse` is decided by the largest
    waves, and a model that smooths the others away hardly pays; here it pays 1 for each
    octave that it loses. The means are in no octave: add it to another loss, as in
    `nmse + 0.1 * spectral_nmse`.

    **Arguments:** as of `vrmse`, and

    - `floor`: the part of a field's energy below which an octave counts as no more, so
        that nearly empty ones do not decide: from 1e-6 to 1e-2.
    - `spacing`: the side of a cell, or one for each axis. Only ratios count.

    **Returns:** one number, or one for each leading batch axis: 0 is perfect, 1 or less
    the prediction of the mean. A true field that is constant in space has no scale and
    counts nothing. The gradient is finite where a prediction is exact, and where fields
    are zero.

    **Raises:** `ValueError` if signatures or shapes differ, there is no such field, the
    floor is not positive, or a grid is one of one cell.
    """
    check_pair(prediction, target)
    checked_positive("floor", floor)
    sides = sides_of(spacing, target.num_spatial_dims)
    if (kappa_of(target.grid, sides) == 0).all():
        raise ValueError(f"A grid {target.grid} of one cell has no waves to compare.")
    names = tuple(chosen_fields(target.signature, fields))
    return _spectral_nmse(prediction, target, names, float(floor), sides)


@functools.partial(jax.jit, static_argnames=("fields", "floor", "sides"))
def _spectral_nmse(
    prediction: GeometricImage,
    target: GeometricImage,
    fields: tuple[str, ...],
    floor: float,
    sides: Sides,
) -> Array:
    numbers = bin_numbers(target.grid, sides, "octaves")
    # On the waves of a thin box some octaves hold none.
    octaves = np.unique(numbers[numbers >= 0]).astype(np.int32)
    ratios = []
    for name in fields:
        true = field_values(target, name)
        error = field_values(prediction, name) - true
        # Without its mean, or its rounding would be taken for waves.
        true = fluctuation(true, target.spatial_axes)
        of_error, of_truth = (
            _summed(_energies(x, len(target.grid)), numbers)[..., octaves]
            for x in (error, true)
        )
        least = jnp.maximum(of_truth, floor * of_truth.sum(-1, keepdims=True))
        has_scale = least > 0
        ratio = of_error / jnp.where(has_scale, least, 1)
        ratios.append(jnp.where(has_scale, ratio, 0).mean(-1))
    return jnp.stack(ratios).mean(axis=0)


@functools.partial(jax.jit, static_argnames=("field", "density", "sides", "bins"))
def _spectrum(
    image: GeometricImage, field: str, density: str | None, sides: Sides, bins: str
) -> Array:
    values = field_values(image, field, "field")
    if density is not None:
        weight = scalar_values(image, density, "density")
        values = values * root(jnp.maximum(weight, 0))[..., None]
    return _summed(
        _energies(values, len(image.grid)), bin_numbers(image.grid, sides, bins)
    )


@functools.partial(jax.jit, static_argnames=("field", "density", "sides"))
def _energy_ratio(
    prediction: GeometricImage,
    target: GeometricImage,
    field: str,
    density: str | None,
    sides: Sides,
) -> Array:
    predicted, true = (
        _spectrum(image, field, density, sides, "octaves")
        for image in (prediction, target)
    )
    whole = _spectrum(target, field, density, sides, "shells").sum(-1)
    return _where_there_is_energy(predicted, true, whole, target.dtype)


@functools.partial(jax.jit, static_argnames=("field", "edges", "sides"))
def _spectral_error(
    prediction: GeometricImage,
    target: GeometricImage,
    field: str,
    edges: tuple[float | int, ...],
    sides: Sides,
) -> Array:
    numbers = _band_numbers(target.grid, sides, edges)
    true = field_values(target, field, "field")
    error = field_values(prediction, field, "field") - true
    of_error, of_truth = (_energies(x, len(target.grid)) for x in (error, true))
    whole = of_truth.sum(axis=tuple(range(-numbers.ndim, 0)))
    ratios = _where_there_is_energy(
        _summed(of_error, numbers, len(BANDS)),
        _summed(of_truth, numbers, len(BANDS)),
        whole,
        target.dtype,
    )
    return root(ratios)


def _band_numbers(
    grid: tuple[int, ...], sides: Sides, edges: tuple[float | int, ...]
) -> np.ndarray:
    """The band of half of all waves, -1 for the mean."""
    kappa = kappa_of(grid, sides)
    return np.where(kappa == 0, -1, np.digitize(kappa, edges))


def _where_there_is_energy(
    numerator: Array, energy: Array, whole: Array, dtype: Any
) -> Array:
    """The ratio, or NaN where energy is no more than rounding leaves of the whole."""
    rounding = (8 * float(jnp.finfo(dtype).eps)) ** 2 * whole
    has_energy = energy > rounding[..., None]
    ratio = numerator / jnp.where(has_energy, energy, 1)
    return jnp.where(has_energy, ratio, jnp.nan)


def _energies(values: Array, d: int) -> Float[Array, "*waves"]:
    coefficients, weights = waves(values, d)
    return 0.5 * jnp.square(jnp.abs(coefficients)).sum(-1) * weights


def _summed(energies: Array, numbers: np.ndarray, count: int | None = None) -> Array:
    """The sum over the waves of each bin; a number below zero is in none."""
    count = int(numbers.max()) + 1 if count is None else count
    batch = energies.shape[: energies.ndim - numbers.ndim]
    flat = energies.reshape(*batch, -1)
    # What is in no bin goes to one behind the last.
    places = np.where(numbers < 0, count, numbers).ravel().astype(np.int32)
    sums = jnp.zeros((*batch, count + 1), flat.dtype).at[..., places].add(flat)
    return sums[..., :count]
