"""Constant fields: only what the group leaves alone."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._arguments import checked
from .._arithmetic import FULL
from .._group import Group
from .._representation import Representation
from .._signature import Signature, TensorType
from ..filters import filter_basis


class Bias(eqx.Module):
    """A learned constant field: only what the group leaves alone.

    Scalars always have one; another type has one only if the group fixes one of its
    tensors, such as the vertical vector under a square around the vertical.
    """

    weights: Float[Array, " coefficients"]
    representation: Representation = eqx.field(static=True)

    @checked
    def __init__(self, group: Group, signature: "Signature | str", dtype: Any = None):
        """Starts at zero.

        **Arguments:**

        - `group`, `signature`: what it commutes with, and where it is added.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` for a signature that is not understood; `TypeError` for
        another kind of argument.
        """
        self.representation = Representation(group, signature)
        self.weights = jnp.zeros(num_constants(self.representation), dtype)

    @property
    def group(self) -> Group:
        """What leaves the constant alone."""
        return self.representation.group

    @property
    def signature(self) -> Signature:
        """What the constant is made of."""
        return self.representation.signature

    def dense(self) -> Float[Array, " features"] | None:
        """The constant as one vector, or `None` where the group allows none."""
        if not num_constants(self.representation):
            return None
        return constant_field(self.weights, self.representation)


def add_bias(
    array: Float[Array, "*cells features"], bias: Bias | None
) -> Float[Array, "*cells features"]:
    """The array plus the constant that the group allows, if any."""
    constant = bias.dense() if bias is not None else None
    if constant is None:
        return array
    return array + jnp.expand_dims(constant.astype(array.dtype), range(array.ndim - 1))


def num_constants(fields: Representation) -> int:
    """How many constant fields the group leaves alone."""
    return sum(
        entry.channels * len(_invariants(fields.group, entry.type))
        for entry in fields.signature
    )


def constant_field(
    weights: Float[Array, " constants"], fields: Representation
) -> Float[Array, " features"]:
    """A combination of the constant fields that the group leaves alone."""
    d, start, parts = fields.num_spatial_dims, 0, []
    for entry in fields.signature:
        basis = _invariants(fields.group, entry.type)
        stop = start + entry.channels * len(basis)
        part = jax.lax.slice_in_dim(weights, start, stop)
        start = stop
        if not len(basis):
            part = jnp.zeros(entry.features(d), weights.dtype)
        elif not np.array_equal(basis, np.eye(len(basis))):
            # Exact on accelerators too: one coefficient and one sign per feature.
            part = jnp.matmul(
                part.reshape(entry.channels, len(basis)),
                jnp.asarray(basis, weights.dtype),
                precision=FULL,
            ).ravel()
        parts.append(part)
    return jax.lax.concatenate(parts, 0)


@functools.lru_cache(maxsize=1024)
def _invariants(group: Group, tensor_type: TensorType) -> np.ndarray:
    """The tensors that the group leaves alone, `(tensors, components)`."""
    bank = filter_basis(group, tensor_type, 1)
    return bank.array.reshape(len(bank), tensor_type.components(group.num_spatial_dims))
