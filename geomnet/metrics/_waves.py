"""The waves of a periodic grid: coefficients, wave numbers and wave vectors.

**Convention.** A field of `n_i` cells of side `h_i` along axis i has the waves
`exp(2πi Σ m_i x_i / L_i)` with integers `m_i` and `L_i = n_i h_i`. The wave number of
one is `κ = √(Σ (m_i L / L_i)²)` with L the longest side: in units of the longest
wave, so that κ is 0 or at least 1, and waves of one length have one κ on any grid.
The coefficient is `û(m) = Σ_cells u exp(-2πi Σ m_i x_i / L_i) / cells`.
"""

import functools
import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._arguments import shown

Sides = tuple[float, ...]


def waves(values: Array, d: int) -> tuple[Array, Array]:
    """The coefficients of half of all waves, and how many waves each stands for.

    Of real `values`, `(*batch, *grid, components)`.
    """
    axes = tuple(range(-1 - d, -1))
    cells = math.prod(values.shape[axis] for axis in axes)
    coefficients = jnp.fft.rfftn(values, axes=axes) / cells
    last = values.shape[-2]
    weights = np.full(last // 2 + 1, 2.0)
    weights[0] = 1.0
    if last % 2 == 0:
        weights[-1] = 1.0
    return coefficients, jnp.asarray(weights, values.dtype)


def sides_of(spacing: Any, d: int) -> Sides:
    """The side of a cell along each axis.

    **Raises:** `ValueError` unless they are positive and finite.
    """
    try:
        sides = np.asarray(spacing, float)
    except (TypeError, ValueError):
        sides = np.empty(0)  # What holds no numbers is refused with the rest.
    if sides.shape not in ((), (d,)) or not (np.isfinite(sides) & (sides > 0)).all():
        raise ValueError(
            f"`spacing` must be the side of a cell, or {d} sides, one for each axis, "
            f"positive and finite; got {shown(spacing)}."
        )
    return tuple(np.broadcast_to(sides, (d,)).tolist())


@functools.lru_cache(maxsize=64)
def kappa_of(grid: tuple[int, ...], sides: Sides) -> np.ndarray:
    """The wave number of half of all waves, in units of the longest wave."""
    lengths = np.multiply(grid, sides)
    kappa = np.sqrt(np.square(_integers(grid) * (lengths.max() / lengths)).sum(-1))
    # So that no rounding decides on which side of an edge a wave lies.
    return np.round(kappa, 9)


@functools.lru_cache(maxsize=64)
def bin_numbers(grid: tuple[int, ...], sides: Sides, bins: str) -> np.ndarray:
    """The shell or octave of half of all waves, -1 for none.

    **Raises:** `ValueError` for other bins.
    """
    kappa = kappa_of(grid, sides)
    if bins == "shells":
        return np.floor(kappa + 0.5).astype(int)
    if bins == "octaves":
        # In the logarithm exactly: `frexp(κ)` is `(f, e)` with κ = f 2^e, ½ ≤ f < 1.
        return np.where(kappa == 0, -1, np.frexp(kappa)[1] - 1)
    raise ValueError(f"`bins` must be 'shells' or 'octaves', got {bins!r}.")


def wave_vectors(grid: tuple[int, ...], sides: Sides) -> np.ndarray:
    """Wave vectors, zero along an axis where the wave there is of two cells.

    Such a wave is its own mirror image: its component has both signs at once.
    """
    numbers = _integers(grid)
    numbers = np.where(2 * np.abs(numbers) == np.asarray(grid), 0, numbers)
    return 2 * np.pi * numbers / np.multiply(grid, sides)


def _integers(grid: tuple[int, ...]) -> np.ndarray:
    axes = [np.rint(np.fft.fftfreq(n) * n) for n in grid[:-1]]
    axes.append(np.arange(grid[-1] // 2 + 1.0))
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
