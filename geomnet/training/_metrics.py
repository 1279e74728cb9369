"""Losses and metrics as pure functions of two images."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._image import GeometricImage
from .._signature import check_signature


def smse(prediction: GeometricImage, target: GeometricImage) -> Float[Array, "*batch"]:
    """The sum over components of the mean squared error per cell.

    In units of the images: normalise them first. The sum over tensor components makes
    it invariant under the group. Gregory et al. (2024) train and report on it.

    **Returns:** one number, or one for each leading batch axis.

    **Raises:** `ValueError` if signatures or shapes differ.
    """
    _check(prediction, target)
    squared = jnp.square(prediction.array - target.array)
    return squared.mean(axis=prediction.spatial_axes).sum(axis=-1)


def nrmse(prediction: GeometricImage, target: GeometricImage) -> Float[Array, "*batch"]:
    """The norm of the error over the norm of the target, `‖ŷ - y‖ / ‖y‖`.

    Both norms run over all cells and components (the *global* norm, not the mean of one
    ratio per channel). At a perfect prediction it is 0, and so is its gradient.

    **Returns:** one number, or one for each leading batch axis.

    **Raises:** `ValueError` if signatures or shapes differ.
    """
    _check(prediction, target)
    axes = (*target.spatial_axes, -1)
    error = jnp.square(prediction.array - target.array).sum(axis=axes)
    size = jnp.square(target.array).sum(axis=axes)
    # The slope of a square root at zero is infinite, and that of both branches counts.
    is_exact = error == 0
    ratio = jnp.where(is_exact, 1, error) / jnp.where(is_exact, 1, size)
    return jnp.where(is_exact, 0, jnp.sqrt(ratio))


def _check(prediction: GeometricImage, target: GeometricImage) -> None:
    for name, image in (("prediction", prediction), ("target", target)):
        if not isinstance(image, GeometricImage):
            raise TypeError(
                f"`{name}` must be a GeometricImage, got {type(image).__name__}: "
                "`geomnet.GeometricImage(signature, array)` says what its features are."
            )
    check_signature(prediction.signature, target.signature, "prediction", "A metric")
    if prediction.array.shape != target.array.shape:
        raise ValueError(
            f"`prediction` has shape {prediction.array.shape}, `target` "
            f"{target.array.shape}: they must be equal."
        )
