"""The norm of a network: a choice by name, and what it does around a gate."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import jax

from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ..nn import Gate, LayerNorm, ScaleNorm

Norm = Literal["restored", "layer", "none"]
"""`"restored"`: fields are divided by their size before each gate and multiplied by it
after, so that the network is homogeneous: calm samples and wild ones are predicted
equally well. `"layer"`: `LayerNorm`, after which the output no longer knows the
amplitude of the input. `"none"`: gates see the fields as they are."""

DEFAULT_NORM: Norm = "restored"

AnyNorm = LayerNorm | ScaleNorm | None


def make_norm(
    norm: Norm, group: Group, signature: "Signature | str", dtype: Any
) -> AnyNorm:
    """The layer before a gate, if there is one.

    **Raises:** `ValueError` for a name that is none.
    """
    check_norm(norm)
    if norm == "none":
        return None
    build = LayerNorm if norm == "layer" else ScaleNorm
    return build(group, signature, dtype=dtype)


def has_biases(norm: Norm) -> bool:
    """Whether convolutions outside of norms have biases: a constant in the output has
    an amplitude of its own.

    **Raises:** `ValueError` for a name that is none.
    """
    check_norm(norm)
    return norm != "restored"


def check_norm(norm: Any) -> None:
    """**Raises:** `ValueError` for a name that is none."""
    if norm not in get_args(Norm):
        names = ", ".join(f'"{name}"' for name in get_args(Norm))
        raise ValueError(f"`norm` must be one of {names}, got {norm!r}.")


def activated(
    norm: AnyNorm,
    gate: Gate,
    image: GeometricImage,
    condition: Callable[[GeometricImage], GeometricImage] | None = None,
) -> GeometricImage:
    """Norm, then what conditions the fields, if anything does, then the gate."""
    size: jax.Array | None = None
    if isinstance(norm, ScaleNorm):
        image, size = norm.split(image)
    elif norm is not None:
        image = norm(image)
    image = gate(image if condition is None else condition(image))
    return image if size is None else image.with_array(image.array * size)
