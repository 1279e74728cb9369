"""The error of a vector, split into compressions and vortices."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._arguments import checked
from .._image import GeometricImage
from ._fields import check_pair, fluctuation, root, vector_values
from ._waves import Sides, sides_of, wave_vectors, waves

PARTS = ("longitudinal", "transverse", "harmonic")


@checked
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

    **Arguments:**

    - `prediction`, `target`: images of one signature, `(*batch, *grid, features)`.
    - `field`: names a vector.
    - `spacing`: the side of a cell, or one for each axis. Only ratios count.

    **Returns:** one number for each part, after leading batch axes; as `vrmse`, not
    finite where the true vector is constant.

    **Raises:** `ValueError` if signatures or shapes differ, or it is no vector.
    """
    check_pair(prediction, target)
    sides = sides_of(spacing, target.num_spatial_dims)
    return dict(zip(PARTS, _parts(prediction, target, field, sides), strict=True))


@functools.partial(jax.jit, static_argnames=("field", "sides"))
def _parts(
    prediction: GeometricImage, target: GeometricImage, field: str, sides: Sides
) -> list[Array]:
    d = target.num_spatial_dims
    true = vector_values(target, field)
    coefficients, weights = waves(vector_values(prediction, field) - true, d)
    vectors = wave_vectors(target.grid, sides)
    lengths = np.linalg.norm(vectors, axis=-1)
    units = vectors / np.where(lengths == 0, 1, lengths)[..., None]
    units = jnp.asarray(units, coefficients.dtype)
    along = (coefficients * units).sum(-1, keepdims=True)
    moves = jnp.asarray(lengths > 0, true.dtype) * weights

    def total(part: Array, weights: Array) -> Array:
        squares = jnp.square(jnp.abs(part)).sum(-1) * weights
        return squares.sum(axis=tuple(range(-d, 0)))

    parts = (
        total(along, moves),
        total(coefficients - along * units, moves),
        total(coefficients, weights - moves),
    )
    spread = jnp.square(fluctuation(true, target.spatial_axes)).sum(-1)
    variance = spread.mean(axis=tuple(range(-d, 0)))
    return [root(part / variance) for part in parts]
