"""What callables take and give, as fields and back: images, arrays, states, tuples."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from .._image import GeometricImage
from .._signature import Entry, Signature
from ._field import Field

# Its refusals are about what a test gave: pytest shows the test.
__tracebackhide__ = True


def to_field(value: Any, signature: Signature, d: int, feature_axis: int) -> Field:
    """The numbers of an image, array, mapping, tuple or state as one field.

    **Raises:** `ValueError` if they do not hold the signature.
    """
    if isinstance(value, GeometricImage):
        if not value.signature.agrees_with(signature):
            raise ValueError(
                f"`in_signature` is '{signature}', the image has '{value.signature}'. "
                "Leave it out: an image knows its own."
            )
        return Field.of(value)
    if hasattr(value, "ndim"):
        is_scalar = signature.features(d) == 1
        if value.ndim == d and is_scalar and value.shape[feature_axis] > 1:
            value, feature_axis = value[..., None], -1
        if value.ndim < d + 1:
            raise ValueError(
                f"An array of '{signature}' must have shape (*batch, *grid, features) "
                f"with {d} axes of grid, got {tuple(value.shape)}."
            )
        array = np.moveaxis(np.asarray(value), feature_axis, -1)
        features = signature.features(d)
        if array.shape[-1] != features:
            raise ValueError(
                f"Axis {feature_axis} of an array of '{signature}' must have length "
                f"{features}, got shape {tuple(value.shape)}. `feature_axis` says "
                "which axis holds the features; channels first is `feature_axis=0`."
            )
        return Field(signature, array, d)
    parts = {
        entry.name or f"entry_{i}": _joined(part)
        for i, (entry, part) in enumerate(
            zip(signature, _parts(value, signature), strict=True)
        )
    }
    named = Signature(
        Entry(name, entry.channels, entry.type)
        for name, entry in zip(parts, signature, strict=True)
    )
    image = GeometricImage.from_fields(named, parts, d)
    return Field(signature, np.asarray(image.array), d)


def from_field(field: Field, original: Any, feature_axis: int) -> Any:
    """The field in the form of `original`: the inverse of `to_field`."""
    if isinstance(original, GeometricImage):
        return field.image()
    if hasattr(original, "ndim"):
        if original.ndim == field.num_spatial_dims:
            return jnp.asarray(field.array[..., 0])
        return jnp.asarray(np.moveaxis(field.array, -1, feature_axis))
    new = []
    d = field.num_spatial_dims
    slices = field.signature.slices(d)
    old_parts = _parts(original, field.signature)
    for entry, where, old in zip(field.signature, slices, old_parts, strict=True):
        shape = (entry.channels, *entry.type.tensor_shape(d))
        part = field.array[..., where].reshape(*field.array.shape[:-1], *shape)
        if isinstance(old, (tuple, list)):
            part = part.reshape(*part.shape[: part.ndim - len(shape)], -1)
            new.append(type(old)(jnp.asarray(part[..., i]) for i in range(len(old))))
        else:
            if np.ndim(old) == part.ndim - 1:
                part = part.reshape(*field.array.shape[:-1], *shape[1:])
            new.append(jnp.asarray(part))
    if isinstance(original, Mapping):
        moved = dict(zip(field.signature.names, new, strict=True))
        return {**original, **moved}
    if isinstance(original, (tuple, list)):
        return type(original)(new)
    names = field.signature.names
    return eqx.tree_at(lambda state: [getattr(state, n) for n in names], original, new)


def _parts(value: Any, signature: Signature) -> list[Any]:
    """The entries' arrays, in the order of the signature."""
    if isinstance(value, (tuple, list)):
        if len(value) != len(signature):
            raise ValueError(
                f"A tuple of '{signature}' must hold {len(signature)} arrays, one for "
                f"each entry, got {len(value)}."
            )
        return list(value)
    unnamed = [str(entry) for entry in signature if not entry.name]
    if unnamed:
        raise ValueError(
            f"`signature` '{signature}' has unnamed entries ({', '.join(unnamed)}), so "
            f"they can't be found in {type(value).__name__}: name them, as in "
            "'velocity:1+'."
        )
    is_mapping = isinstance(value, Mapping)
    missing = [
        name
        for name in signature.names
        if not (name in value if is_mapping else hasattr(value, name))
    ]
    if missing:
        raise ValueError(
            f"{type(value).__name__} has no {', '.join(map(repr, missing))}, which "
            f"'{signature}' names."
        )
    return [
        value[name] if is_mapping else getattr(value, name) for name in signature.names
    ]


def _joined(part: Any) -> Any:
    """A tuple of components as one array, components last."""
    if isinstance(part, (tuple, list)):
        return np.stack([np.asarray(component) for component in part], axis=-1)
    return part
