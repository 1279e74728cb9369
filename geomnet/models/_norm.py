"""What stands before each gate: a norm, chosen by name, and what numbers condition."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._arithmetic import accumulator
from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ..nn import FiLM, Gate, LayerNorm
from ._remat import joined

Layer = Callable[[GeometricImage], GeometricImage]
Parameters = Float[Array, " parameters"]

NORMS = {
    "restored": "the input is divided by its size and the output multiplied by it, so "
    "that the network is homogeneous: calm samples are predicted as well as wild ones",
    "none": "fields are taken as they are",
    "layer": "a `LayerNorm` in each block, after which the output no longer knows the "
    "amplitude of the input",
}
"""Their names, and what they do."""

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


def make_condition(
    group: Group,
    signature: "Signature | str",
    num_parameters: int,
    *,
    key: PRNGKeyArray,
    dtype: Any,
) -> FiLM | None:
    """What scales and shifts the fields before a gate, if numbers condition them."""
    if not num_parameters:
        return None
    return FiLM(group, signature, num_parameters, key=key, dtype=dtype)


def check_given(parameters: Any, wanted: int, where: str) -> None:
    """**Raises:** `ValueError` unless so many numbers are given."""
    given = 0 if parameters is None else np.size(parameters)
    if given != wanted:
        raise ValueError(
            f"{where}: `parameters` must hold `num_parameters` = {wanted} numbers, got "
            f"{given}. Call `net(image, parameters)`, or build the network for another "
            "number."
        )


def activated(
    norm: LayerNorm | None,
    gate: Gate,
    image: GeometricImage,
    condition: FiLM | None = None,
    parameters: Parameters | None = None,
    *,
    then: Callable[[GeometricImage], Any] | None = None,
) -> Any:
    """Norm, condition and gate, and what `then` makes of it: the gate in any case, the
    others where there are any.
    """

    def run(image: GeometricImage) -> Any:
        if norm is not None:
            image = norm(image)
        if condition is not None and parameters is not None:
            image = condition(image, parameters)
        image = gate(image)
        return image if then is None else then(image)

    if then is None:
        return run(image)
    return joined(run, (norm, condition, gate, then), image)


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
