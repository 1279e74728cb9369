"""The nonlinearity: scalars are activated, all other tensors gated by invariants."""

import functools
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ._components import (
    copy_channels,
    copy_to_components,
    invariants,
    num_tensors,
    sum_components,
)
from ._contract import AbstractEveryGridLayer
from ._conv import check_image
from ._layout import acts_trivially, layout
from ._matmul import times


class Gate(AbstractEveryGridLayer):
    """Activates invariants and multiplies every other tensor by a gate.

    A scalar s becomes `silu(s)`. A tensor t of any order and parity becomes `t · σ(w·q
    + b)`, where q collects the cell's scalars and the norms of its tensors. A gate is
    invariant, so pseudoscalars and vectors keep their type; and norms are
    `sqrt(|t|² + ε²)`, so gradients are finite at zero. Both functions are scaled to
    keep unit second moments. Under the trivial group everything is a scalar: plain
    `silu`.

    **Exactly equivariant** under `group` and all translations, on every grid.
    """

    weight: Float[Array, "invariants gates"] | None
    bias: Float[Array, " gates"] | None
    group: Group = eqx.field(static=True)
    signature: Signature = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    def __init__(
        self,
        group: Group,
        signature: "Signature | str",
        *,
        epsilon: float = 1e-2,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `epsilon`: rounds off the norms at zero; in units of the input.
        - `key`: draws the weights of the gates.
        """
        self.group = group
        self.signature = Signature(signature)
        self.epsilon = _positive(epsilon)
        fields = layout(group, self.signature)
        gates = num_tensors(group, self.signature)
        if gates:
            inputs = int(fields.invariant.sum()) + gates
            self.weight = jax.random.normal(key, (inputs, gates), dtype) / math.sqrt(
                inputs
            )
            self.bias = jnp.zeros(gates, dtype)
        else:
            self.weight = self.bias = None

    @jax.named_scope("geomnet.nn.Gate")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        check_image(image, self.group, self.signature, "Gate")
        array = image.array
        if self.weight is None or self.bias is None:
            return image.with_array(jax.nn.silu(array) * unit_second_moment("silu"))
        fields = self.group, self.signature
        dtype = array.dtype
        norms = sum_components(jnp.square(array), *fields)
        norms = jnp.sqrt(norms + jnp.asarray(self.epsilon**2, dtype))
        scalars = invariants(array, *fields)
        known = norms if scalars is None else jnp.concatenate([scalars, norms], -1)
        # One logit per feature: copies of weights are cheaper than of fields.
        weight = copy_to_components(self.weight.astype(dtype), *fields)
        bias = copy_to_components(self.bias.astype(dtype), *fields)
        logits = times(known, weight) + jnp.expand_dims(bias, range(array.ndim - 1))
        # An invariant is its own logit: s σ(s) is silu.
        is_invariant = layout(*fields).invariant
        own = jnp.expand_dims(jnp.asarray(is_invariant, dtype), range(array.ndim - 1))
        scale = np.where(
            is_invariant, unit_second_moment("silu"), unit_second_moment("sigmoid")
        )
        scale = jnp.expand_dims(jnp.asarray(scale, dtype), range(array.ndim - 1))
        return image.with_array(array * jax.nn.sigmoid(logits + array * own) * scale)


class NormActivation(AbstractEveryGridLayer):
    """Scales every tensor by a function of its own norm.

    A tensor t becomes `t · σ(a |t| + b)`, with a learned a and b for each channel, and
    a scalar s `s · σ(a s + b)`. For a pseudoscalar that is an odd function, as its
    parity demands. Scaled to unit second moment; it mixes no channels.

    **Exactly equivariant** under `group` and all translations, on every grid.
    """

    slope: Float[Array, " channels"]
    bias: Float[Array, " channels"]
    group: Group = eqx.field(static=True)
    signature: Signature = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    def __init__(
        self,
        group: Group,
        signature: "Signature | str",
        *,
        epsilon: float = 1e-2,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `epsilon`: rounds off the norms at zero; in units of the input.
        """
        self.group = group
        self.signature = Signature(signature)
        self.epsilon = _positive(epsilon)
        channels = layout(group, self.signature).num_channels
        self.slope = jnp.ones(channels, dtype)
        self.bias = jnp.zeros(channels, dtype)

    @jax.named_scope("geomnet.nn.NormActivation")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        check_image(image, self.group, self.signature, "NormActivation")
        array, fields = image.array, (self.group, self.signature)
        channels = layout(*fields)

        def per_feature(numbers: Any) -> Array:
            return jnp.expand_dims(
                jnp.asarray(numbers, array.dtype), range(array.ndim - 1)
            )

        norm = array
        if num_tensors(*fields):
            squares = sum_components(jnp.square(array), *fields)
            norms = jnp.sqrt(squares + jnp.asarray(self.epsilon**2, array.dtype))
            invariant = jnp.asarray(channels.invariant)
            norm = jnp.where(invariant, array, copy_to_components(norms, *fields))
        slope, bias = (
            per_feature(copy_channels(numbers, *fields))
            for numbers in (self.slope, self.bias)
        )
        scale = np.concatenate(
            [
                np.full(entry.features(image.num_spatial_dims), scale)
                for entry, scale in zip(self.signature, self._scales(), strict=True)
            ]
        )
        gates = jax.nn.sigmoid(slope * norm + bias)
        return image.with_array(array * gates * per_feature(scale))

    def _scales(self) -> list[float]:
        d = self.group.num_spatial_dims
        return [
            unit_second_moment("silu")
            if acts_trivially(self.group, entry.type)
            else _unit_norm_moment(entry.type.components(d))
            for entry in self.signature
        ]


def _positive(epsilon: float) -> float:
    if not epsilon > 0:
        raise ValueError(
            f"`epsilon` must be positive, got {epsilon}: without it the gradient of a "
            "norm is not finite at zero."
        )
    return epsilon


@functools.cache
def unit_second_moment(name: str) -> float:
    """`1 / sqrt(E[f(z)²])` for standard normal z, by Gauss-Hermite quadrature."""
    functions: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "silu": lambda z: z / (1 + np.exp(-z)),
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    }
    z, weights = np.polynomial.hermite_e.hermegauss(64)
    mean_square = (weights * functions[name](z) ** 2).sum() / weights.sum()
    return float(1 / np.sqrt(mean_square))


@functools.cache
def _unit_norm_moment(components: int) -> float:
    """`1 / sqrt(E[t₁² σ(|t|)²])` for a tensor of standard normal components."""
    r = np.linspace(0, 12, 4001)
    density = r ** (components - 1) * np.exp(-(r**2) / 2)
    gated = (r / (1 + np.exp(-r))) ** 2
    return float(np.sqrt(components * density.sum() / (density * gated).sum()))
