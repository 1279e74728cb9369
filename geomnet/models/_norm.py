"""The norm of a network: a choice by name, and what it does."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from .._arithmetic import accumulator
from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ..nn import Gate, LayerNorm

NORMS = ("restored", "none", "layer")
"""`"restored"`: the input is divided by its size and the output multiplied by it, so
that the network is homogeneous: calm samples are predicted as well as wild ones.
`"none"`: fields are taken as they are. `"layer"`: a `LayerNorm` in each block, after
which the output no longer knows the amplitude of the input."""

DEFAULT_NORM = "restored"


def make_norm(
    norm: str, group: Group, signature: "Signature | str", dtype: Any
) -> LayerNorm | None:
    """The layer before a gate, if there is one.

    **Raises:** `ValueError` for a name that is none.
    """
    check_norm(norm)
    return LayerNorm(group, signature, dtype=dtype) if norm == "layer" else None


def check_norm(norm: Any) -> None:
    """**Raises:** `ValueError` for a name that is none."""
    if norm not in NORMS:
        names = ", ".join(f'"{name}"' for name in NORMS)
        raise ValueError(f"`norm` must be one of {names}, got {norm!r}.")


def activated(
    norm: LayerNorm | None, gate: Gate, image: GeometricImage
) -> GeometricImage:
    """Norm, if there is one, then gate."""
    return gate(image if norm is None else norm(image))


def at_unit_size(
    norm: str,
    run: Callable[[GeometricImage], GeometricImage],
    image: GeometricImage,
) -> GeometricImage:
    """A network's layers on its input, divided by its size where the norm says so.

    The size is the root of the mean square of a channel's tensors, over all channels:
    invariant under every group, and the same for a plane field in space.
    """
    if norm != "restored":
        return run(image)
    dtype = accumulator(image.dtype)
    squares = jnp.square(image.array.astype(dtype)).sum(axis=-1)
    channels = sum(entry.channels for entry in image.signature)
    # Far below every field, so that a power of two goes through unrounded.
    smallest = jnp.asarray(float(jnp.finfo(dtype).tiny) ** 0.75, dtype)
    size = jnp.sqrt(squares.mean() / channels + smallest)
    divided = image.with_array((image.array / size).astype(image.dtype))
    found = run(divided)
    return found.with_array((found.array * size).astype(found.dtype))
