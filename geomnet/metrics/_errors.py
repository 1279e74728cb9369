"""Errors of a prediction: of all fields together, and relative, field by field.

Pure functions of two images, which may have leading axes, such as trajectories and
steps. Under `jax.jit` and `jax.vmap`; sums are in float32 at least.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._arguments import checked
from .._image import GeometricImage
from ._fields import (
    check_pair,
    check_steps,
    chosen_fields,
    field_values,
    fluctuation,
    widened,
)


def smse(prediction: GeometricImage, target: GeometricImage) -> Float[Array, "*batch"]:
    """The sum over components of the mean squared error per cell.

    In units of the images: normalise them first. The sum over tensor components makes
    it invariant under the group. Gregory et al. (2024) train and report on it; of a
    rollout they report `rollout_smse`.

    **Arguments:**

    - `prediction`, `target`: images of one signature, `(*batch, *grid, features)`.

    **Returns:** one number, or one for each leading batch axis. 0 is perfect; a
    prediction of the mean of normalised fields has about the number of components.

    **Raises:** `ValueError` if signatures or shapes differ.
    """
    check_pair(prediction, target)
    squared = jnp.square(widened(prediction.array) - widened(target.array))
    return squared.mean(axis=prediction.spatial_axes).sum(axis=-1)


def rollout_smse(
    prediction: GeometricImage, target: GeometricImage
) -> Float[Array, "*batch"]:
    """The SMSE summed over the steps of a rollout, as Gregory et al. (2024) report.

    **Arguments:** `prediction` and `target`, images whose arrays are `(*batch, steps,
    *grid, features)`.

    **Returns:** one number for each rollout, `(*batch)`.

    **Raises:** `ValueError` if signatures or shapes differ, or there is no axis of
    steps.
    """
    check_pair(prediction, target)
    check_steps(target, "A sum over steps")
    return smse(prediction, target).sum(axis=-1)


def nrmse(prediction: GeometricImage, target: GeometricImage) -> Float[Array, "*batch"]:
    """The norm of the error over the norm of the target, of all fields together.

    `‖ŷ - y‖ / ‖y‖`, both over all cells and components: the *global* ratio, which the
    largest field decides. For one ratio per field see `nrmse_per_field`. At a perfect
    prediction it is 0, and so is its gradient.

    **Arguments:**

    - `prediction`, `target`: images of one signature, `(*batch, *grid, features)`.

    **Returns:** one number, or one for each leading batch axis.

    **Raises:** `ValueError` if signatures or shapes differ.
    """
    check_pair(prediction, target)
    axes = (*target.spatial_axes, -1)
    error = jnp.square(widened(prediction.array) - widened(target.array)).sum(axis=axes)
    return _root_of_ratio(error, jnp.square(widened(target.array)).sum(axis=axes))


@checked
def nrmse_per_field(
    prediction: GeometricImage,
    target: GeometricImage,
    fields: str | Sequence[str] | None = None,
) -> dict[str, Float[Array, "*batch"]]:
    """For each field the norm of its error over the norm of the true field.

    `‖û - u‖ / ‖u‖` over all cells and the components of that field, means included:
    PDEBench's normalised root mean square error (Takamoto et al. 2022), with the
    components of a vector together. A field on a large mean, such as a pressure, has
    a small one whatever the model; see `vrmse`.

    **Arguments:**

    - `prediction`, `target`: images of one signature, `(*batch, *grid, features)`.
    - `fields`: the names of some; by default all. `"velocity"`, or `"velocity[0]"` for
        one of several channels; unnamed ones by their type.

    **Returns:** for each field one number, or one for each leading batch axis: 0 is
    perfect, 1 the prediction of zero. Infinite where the true field is zero.

    **Raises:** `ValueError` if signatures or shapes differ, or there is no such field.
    """
    check_pair(prediction, target)
    names = tuple(chosen_fields(target.signature, fields))
    values = _ratios(prediction, target, names, about_the_mean=False)
    return dict(zip(names, values, strict=True))


@checked
def vrmse(
    prediction: GeometricImage,
    target: GeometricImage,
    fields: str | Sequence[str] | None = None,
) -> dict[str, Float[Array, "*batch"]]:
    """For each field the root mean square error over the true field's spread in space.

    `√(⟨|û - u|²⟩ / ⟨|u - ⟨u⟩|²⟩)` with `⟨⟩` the mean over cells and `|u|²` the sum over
    components, so that a vector is one field. From The Well (Ohana et al. 2024), which
    has one ratio for each component and adds 1e-7 to the variance; here no number is
    added.

    **Arguments:** as of `nrmse_per_field`.

    **Returns:** for each field one number, or one for each leading batch axis: 0 is
    perfect, 1 as good as the spatial mean of the truth. Where the true field is
    constant in space it has no VRMSE: infinite, or NaN where the prediction is exact.
    `over_trajectories` refuses that.

    **Raises:** `ValueError` if signatures or shapes differ, or there is no such field.
    """
    check_pair(prediction, target)
    names = tuple(chosen_fields(target.signature, fields))
    values = _ratios(prediction, target, names, about_the_mean=True)
    return dict(zip(names, values, strict=True))


def nmse(
    prediction: GeometricImage,
    target: GeometricImage,
    fields: str | Sequence[str] | None = None,
) -> Float[Array, "*batch"]:
    """The mean over fields of their squared `vrmse`: a loss that weighs every field of
    every sample by its own fluctuation.

    A field that hardly varies in a sample, or a calm sample, counts as much as others.
    Of one step 0.01 is good for a flow; 1 is as good as the spatial means.

    **Arguments:** as of `vrmse`.

    **Returns:** one number, or one for each leading batch axis; its gradient is zero
    at a perfect prediction. Infinite or NaN where a true field is constant in space.

    **Raises:** `ValueError` if signatures or shapes differ, or there is no such field.
    """
    ratios = jnp.stack(list(vrmse(prediction, target, fields).values()))
    return jnp.square(ratios).mean(axis=0)


@functools.partial(jax.jit, static_argnames=("names", "about_the_mean"))
def _ratios(
    prediction: GeometricImage,
    target: GeometricImage,
    names: tuple[str, ...],
    about_the_mean: bool,
) -> list[Array]:
    # No dictionary: `jax.jit` would sort its keys.
    axes = (*target.spatial_axes, -1)
    result = []
    for name in names:
        true = field_values(target, name)
        error = jnp.square(field_values(prediction, name) - true).sum(axis=axes)
        if about_the_mean:
            true = fluctuation(true, target.spatial_axes)
        size = jnp.square(true).sum(axis=axes)
        exact = jnp.nan if about_the_mean else 0.0
        result.append(_root_of_ratio(error, size, exact))
    return result


def _root_of_ratio(error: Array, size: Array, exact_over_nothing: float = 0.0) -> Array:
    """`√(error / size)`, with slope zero where there is no error."""
    # The slope of a square root at zero is infinite, and that of both branches counts.
    is_exact = error == 0
    ratio = jnp.where(is_exact, 1, error) / jnp.where(is_exact, 1, size)
    exact = jnp.where(size == 0, exact_over_nothing, 0.0).astype(error.dtype)
    return jnp.where(is_exact, exact, jnp.sqrt(ratio))
