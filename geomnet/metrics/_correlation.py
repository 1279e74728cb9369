"""How long a prediction stays correlated with the truth."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._arguments import checked, checked_positive
from .._image import GeometricImage
from ._fields import check_pair, check_steps, chosen_fields, field_values, fluctuation


@checked
def correlation(
    prediction: GeometricImage,
    target: GeometricImage,
    fields: str | Sequence[str] | None = None,
) -> dict[str, Float[Array, "*batch"]]:
    """For each field Pearson's correlation over cells of prediction and truth.

    `⟨δû·δu⟩ / √(⟨|δû|²⟩ ⟨|δu|²⟩)` with `δu = u - ⟨u⟩`, and the product summed over
    components, so that a vector is one field.

    **Arguments:**

    - `prediction`, `target`: images of one signature, `(*batch, *grid, features)`.
    - `fields`: the names of some; by default all.

    **Returns:** for each field one number from -1 to 1, or one for each leading batch
    axis; 1 is perfect up to offset and scale. 0 where only the prediction is constant
    in space, NaN where the truth is.

    **Raises:** `ValueError` if signatures or shapes differ, or there is no such field.
    """
    check_pair(prediction, target)
    names = tuple(chosen_fields(target.signature, fields))
    values = _correlations(prediction, target, names)
    return dict(zip(names, values, strict=True))


@checked
def correlation_time(
    prediction: GeometricImage,
    target: GeometricImage,
    fields: str | Sequence[str] | None = None,
    *,
    threshold: float = 0.8,
    time_step: float = 1.0,
) -> dict[str, Float[Array, "*batch"]]:
    """For each field the time until its correlation falls below a threshold.

    The correlation is 1 at time 0, the last frame that was given, and that of step k at
    `k * time_step`; between steps it is linear. After PDE-Refiner (Lippe et al. 2023),
    where the threshold is 0.8 for the vorticity.

    **Arguments:** `prediction` and `target`, images whose arrays are `(*batch, steps,
    *grid, features)`, and

    - `fields`: the names of some; by default all.
    - `threshold`: between 0 and 1.
    - `time_step`: the time from one frame to the next, in the unit of the result.

    **Returns:** one number for each rollout, the longer the better; infinite if the
    correlation is never below: beyond the end. A prediction that is no longer finite
    is below; its time is that of the step before.

    **Raises:** `ValueError` if signatures or shapes differ, or there is no such field.
    """
    check_steps(target, "A correlation time")
    checked_positive("time_step", time_step)
    check_threshold(threshold)
    values = correlation(prediction, target, fields)
    return {
        name: time_step * steps_above(value, threshold)
        for name, value in values.items()
    }


def check_threshold(threshold: float) -> None:
    """**Raises:** `ValueError` unless it is between 0 and 1."""
    if not 0 < threshold < 1:
        raise ValueError(
            f"`threshold` must be between 0 and 1, such as 0.8, got {threshold}."
        )


def steps_above(values: Any, threshold: float) -> Float[Array, "*batch"]:
    """After how many steps values that began at 1 fall below a threshold."""
    values = jnp.asarray(values)
    # NaN is below.
    below = ~(values >= threshold)
    first = below.argmax(axis=-1)
    before = jnp.concatenate([jnp.ones_like(values[..., :1]), values[..., :-1]], -1)
    high, low = (
        jnp.take_along_axis(x, first[..., None], axis=-1)[..., 0]
        for x in (before, values)
    )
    part = jnp.where(jnp.isnan(low), 0, (high - threshold) / (high - low))
    steps = first.astype(values.dtype) + part
    return jnp.where(below.any(axis=-1), steps, jnp.inf)


@functools.partial(jax.jit, static_argnames=("names",))
def _correlations(
    prediction: GeometricImage, target: GeometricImage, names: tuple[str, ...]
) -> list[Array]:
    axes = (*target.spatial_axes, -1)
    result = []
    for name in names:
        found, true = (
            fluctuation(field_values(image, name), target.spatial_axes)
            for image in (prediction, target)
        )
        sizes = [jnp.sqrt(jnp.square(x).sum(axis=axes)) for x in (found, true)]
        is_constant = sizes[0] == 0
        # One size after the other, since their product may be out of range.
        value = (found * true).sum(axis=axes) / jnp.where(is_constant, 1, sizes[0])
        result.append(value / sizes[1])
    return result
