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

from .._arguments import checked, checked_positive
from .._group import Group
from .._image import GeometricImage
from .._representation import Representation
from .._signature import Signature
from ._contract import AbstractEveryGridLayer, AbstractTypeKeepingLayer, check_image
from ._execution import (
    affine_to_components,
    copy_channels,
    copy_to_components,
    invariants,
    keep_opposites,
    recomputed,
    root,
    sum_components,
)

_REASON = "without it the gradient of a norm is not finite at zero"


class Gate(AbstractTypeKeepingLayer, AbstractEveryGridLayer):
    """Activates invariants and multiplies every other tensor by a gate.

    Gated nonlinearity (Weiler et al. 2018), with gates from norms too.

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
    representation: Representation = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    @checked
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

        - `signature`: of the images it takes and gives.
        - `epsilon`: rounds off the norms at zero; in units of the input.
        - `key`: draws the weights of the gates.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` if `epsilon` is not positive; `TypeError` for another
        kind of argument.
        """
        self.representation = Representation(group, signature)
        self.epsilon = checked_positive("epsilon", epsilon, _REASON)
        gates = self.representation.num_tensors
        if gates:
            inputs = int(self.representation.invariant.sum()) + gates
            self.weight = jax.random.normal(key, (inputs, gates), dtype) / math.sqrt(
                inputs
            )
            self.bias = jnp.zeros(gates, dtype)
        else:
            self.weight = self.bias = None

    @jax.named_scope("geomnet.nn.Gate")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        check_image(image, self.representation, "Gate")
        return image.with_array(
            _gated(
                image.array, self.weight, self.bias, self.representation, self.epsilon
            )
        )


class NormActivation(AbstractTypeKeepingLayer, AbstractEveryGridLayer):
    """Scales every tensor by a function of its own norm (Worrall et al. 2017).

    A tensor t becomes `t · σ(a |t| + b)`, with a learned a and b for each channel, and
    a scalar s `s · σ(a s + b)`. For a pseudoscalar that is an odd function, as its
    parity demands. Scaled to unit second moment; it mixes no channels.

    **Exactly equivariant** under `group` and all translations, on every grid.
    """

    slope: Float[Array, " channels"]
    bias: Float[Array, " channels"]
    representation: Representation = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    @checked
    def __init__(
        self,
        group: Group,
        signature: "Signature | str",
        *,
        epsilon: float = 1e-2,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `signature`: of the images it takes and gives.
        - `epsilon`: rounds off the norms at zero; in units of the input.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` if `epsilon` is not positive; `TypeError` for another
        kind of argument.
        """
        self.representation = Representation(group, signature)
        self.epsilon = checked_positive("epsilon", epsilon, _REASON)
        channels = self.representation.num_channels
        self.slope = jnp.ones(channels, dtype)
        self.bias = jnp.zeros(channels, dtype)

    @jax.named_scope("geomnet.nn.NormActivation")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        check_image(image, self.representation, "NormActivation")
        return image.with_array(
            _scaled_by_norm(
                image.array, self.slope, self.bias, self.representation, self.epsilon
            )
        )


@recomputed("fields", "epsilon")
def _gated(
    array: Float[Array, "*grid features"],
    weight: Float[Array, "invariants gates"] | None,
    bias: Float[Array, " gates"] | None,
    fields: Representation,
    epsilon: float,
) -> Float[Array, "*grid features"]:
    if weight is None or bias is None:
        activated = jax.nn.silu(array) * unit_second_moment("silu")
        return keep_opposites(activated, fields)
    dtype = array.dtype
    norms = sum_components(jnp.square(array), fields)
    norms = root(norms + jnp.asarray(epsilon**2, dtype))
    scalars = invariants(array, fields)
    known = norms if scalars is None else jnp.concatenate([scalars, norms], -1)
    # An invariant is its own logit: s σ(s) is silu.
    is_invariant = fields.invariant
    own = jnp.expand_dims(jnp.asarray(is_invariant, dtype), range(array.ndim - 1))
    logits = affine_to_components(
        known, weight.astype(dtype), bias.astype(dtype), array * own, fields
    )
    scale = np.where(
        is_invariant, unit_second_moment("silu"), unit_second_moment("sigmoid")
    )
    scale = jnp.expand_dims(jnp.asarray(scale, dtype), range(array.ndim - 1))
    gated = array * jax.nn.sigmoid(logits) * scale
    return keep_opposites(gated, fields)


@recomputed("fields", "epsilon")
def _scaled_by_norm(
    array: Float[Array, "*grid features"],
    slope: Float[Array, " channels"],
    bias: Float[Array, " channels"],
    fields: Representation,
    epsilon: float,
) -> Float[Array, "*grid features"]:
    def per_feature(numbers: Any) -> Array:
        return jnp.expand_dims(jnp.asarray(numbers, array.dtype), range(array.ndim - 1))

    norm = array
    if fields.num_tensors:
        squares = sum_components(jnp.square(array), fields)
        norms = jnp.sqrt(squares + jnp.asarray(epsilon**2, array.dtype))
        # Copies are zero where features are invariant.
        norm = array * per_feature(fields.invariant)
        norm = norm + copy_to_components(norms, fields)
    slope, bias = (
        per_feature(copy_channels(numbers, fields)) for numbers in (slope, bias)
    )
    scale = [
        np.full(
            where.stop - where.start,
            _unit_norm_moment(fields.components(entry.type))
            if moved
            else unit_second_moment("silu"),
        )
        for entry, where, moved in zip(
            fields.signature, fields.slices, fields.moved, strict=True
        )
    ]
    gates = jax.nn.sigmoid(slope * norm + bias)
    scaled = array * gates * per_feature(np.concatenate(scale))
    return keep_opposites(scaled, fields)


@functools.lru_cache(maxsize=1024)
def unit_second_moment(name: str) -> float:
    """`1 / sqrt(E[f(z)²])` for standard normal z, by Gauss-Hermite quadrature."""
    functions: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "silu": lambda z: z / (1 + np.exp(-z)),
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    }
    z, weights = np.polynomial.hermite_e.hermegauss(64)
    mean_square = (weights * functions[name](z) ** 2).sum() / weights.sum()
    return float(1 / np.sqrt(mean_square))


@functools.lru_cache(maxsize=1024)
def _unit_norm_moment(components: int) -> float:
    """`1 / sqrt(E[t₁² σ(|t|)²])` for a tensor of standard normal components."""
    r = np.linspace(0, 12, 4001)
    density = r ** (components - 1) * np.exp(-(r**2) / 2)
    gated = (r / (1 + np.exp(-r))) ** 2
    return float(np.sqrt(components * density.sum() / (density * gated).sum()))
