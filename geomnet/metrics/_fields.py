"""What is compared: two images of one shape, field by field.

A field is one channel of one entry, all components of its tensor together, so that no
metric prefers a direction.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._arguments import check_kind
from .._arithmetic import accumulator
from .._image import GeometricImage
from .._signature import Signature, TensorType, check_signature


def check_pair(prediction: GeometricImage, target: GeometricImage) -> None:
    """**Raises:** `TypeError` or `ValueError` unless the two can be compared."""
    for name, image in (("prediction", prediction), ("target", target)):
        check_image(name, image)
    check_signature(prediction.signature, target.signature, "prediction", "A metric")
    if prediction.array.shape != target.array.shape:
        raise ValueError(
            f"`prediction` has shape {prediction.array.shape}, `target` "
            f"{target.array.shape}: they must be equal. Cut both to the same "
            "trajectories, steps and cells."
        )


def check_image(name: str, image: object) -> None:
    """**Raises:** `TypeError` unless it is an image."""
    check_kind(name, image, GeometricImage)


def all_fields(signature: Signature) -> dict[str, tuple[int, int, TensorType]]:
    """Each field's entry, channel and type, by the name that results have for it.

    `velocity` for the one channel of an entry, `velocity[0]`, `velocity[1]` for
    several; an entry without a name is called by its type, and by its place if that is
    not enough: `1+`, or `1+ at 2`.
    """
    labels = [entry.name or str(entry.type) for entry in signature]
    found = {}
    for place, (entry, label) in enumerate(zip(signature, labels, strict=True)):
        unique = label if labels.count(label) == 1 else f"{label} at {place}"
        for channel in range(entry.channels):
            name = unique if entry.channels == 1 else f"{unique}[{channel}]"
            found[name] = (place, channel, entry.type)
    return found


def chosen_fields(
    signature: Signature, fields: str | Sequence[str] | None, argument: str = "fields"
) -> dict[str, tuple[int, int, TensorType]]:
    """Some fields of a signature in the order asked for; by default all.

    **Raises:** `ValueError` for a field that the signature has not.
    """
    known = all_fields(signature)
    if fields is None:
        return known
    wanted = [fields] if isinstance(fields, str) else list(fields)
    for name in wanted:
        if name not in known:
            raise ValueError(
                f"`{argument}` must name fields of '{signature}', which are "
                f"{', '.join(known)}; got {name!r}."
            )
    if not wanted:
        raise ValueError(f"`{argument}` names no field: leave it out to have all.")
    return {name: known[name] for name in wanted}


def field_values(
    image: GeometricImage, field: str, argument: str = "fields"
) -> Float[Array, "*batch components"]:
    """The components of one field in every cell, in float32 at least.

    **Raises:** `ValueError` for a field that the signature has not.
    """
    ((place, channel, kind),) = chosen_fields(
        image.signature, [field], argument
    ).values()
    d = image.num_spatial_dims
    size = kind.components(d)
    start = image.signature.slices(d)[place].start + channel * size
    return widened(image.array[..., start : start + size])


def vector_values(
    image: GeometricImage, field: str, argument: str = "field"
) -> Float[Array, "*batch d"]:
    """The components of a vector field.

    **Raises:** `ValueError` for a field of another order.
    """
    ((_, _, kind),) = chosen_fields(image.signature, [field], argument).values()
    if kind.order != 1:
        raise ValueError(
            f"`{argument}` must name a vector, '1+' or '1-', got {field!r} of type "
            f"'{kind}'."
        )
    return field_values(image, field, argument)


def scalar_values(
    image: GeometricImage, field: str, argument: str
) -> Float[Array, "*batch"]:
    """The values of a scalar field.

    **Raises:** `ValueError` for a field of another order.
    """
    ((_, _, kind),) = chosen_fields(image.signature, [field], argument).values()
    if kind.order != 0:
        raise ValueError(
            f"`{argument}` must name a scalar, '0+' or '0-', got {field!r} of type "
            f"'{kind}'."
        )
    return field_values(image, field, argument)[..., 0]


def widened(array: Array) -> Array:
    """In float32 at least: sums over many cells need more digits than bfloat16 has."""
    return array.astype(accumulator(array.dtype))


def fluctuation(values: Array, axes: tuple[int, ...]) -> Array:
    """What is left without the spatial mean: exactly zero where nothing varies."""
    low, high = (f(values, axis=axes, keepdims=True) for f in (jnp.min, jnp.max))
    is_constant = (low == high) & jnp.isfinite(low)
    # The rounded mean of equal numbers is not quite one of them.
    away = values - values.mean(axis=axes, keepdims=True)
    return jnp.where(is_constant, 0, away)


def root(values: Array) -> Array:
    """The square root, with slope zero at zero: that of `jnp.sqrt` is infinite."""
    is_zero = values == 0
    return jnp.where(is_zero, 0, jnp.sqrt(jnp.where(is_zero, 1, values)))


def check_steps(image: GeometricImage, what: str) -> None:
    """**Raises:** `ValueError` if there is no leading axis of steps."""
    if image.array.ndim < image.num_spatial_dims + 2:
        raise ValueError(
            f"{what} needs arrays (*batch, steps, *grid, features), got shape "
            f"{image.array.shape}: give a rollout, or `array[None]` for one step."
        )
