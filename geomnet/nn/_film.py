"""Conditioning on numbers: time, Mach number, viscosity, step size."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._arguments import check_count, checked
from .._group import Group
from .._image import GeometricImage
from .._representation import Representation
from .._signature import Signature
from ._bias import constant_field, num_constants
from ._contract import AbstractEveryGridLayer, AbstractTypeKeepingLayer, check_image
from ._execution import copy_channels


class FiLM(AbstractTypeKeepingLayer, AbstractEveryGridLayer):
    """Scales every channel, and shifts invariant ones, by functions of some numbers.

    Feature-wise linear modulation (Perez et al. 2018). The numbers are invariant, as a
    viscosity is, and so a tensor of any type may be multiplied by them. The layer
    starts as the identity.

    **Exactly equivariant** under `group` and all translations, on every grid, the
    numbers being the same for the moved image.
    """

    hidden_weight: Float[Array, "parameters width"]
    hidden_bias: Float[Array, " width"]
    scale: Float[Array, "width channels"]
    shift: Float[Array, "width constants"]
    representation: Representation = eqx.field(static=True)

    @checked
    def __init__(
        self,
        group: Group,
        signature: "Signature | str",
        num_parameters: int,
        *,
        width: int = 32,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `signature`: of the images it takes and gives.
        - `num_parameters`: how many numbers condition the layer. Give them in units in
            which they vary by about 1, such as the logarithm of a viscosity.
        - `width`: of the one hidden layer.
        - `key`: draws the coefficients.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` for a number below 1; `TypeError` for another kind of
        argument.
        """
        check_count("num_parameters", num_parameters)
        check_count("width", width)
        self.representation = Representation(group, signature)
        self.hidden_weight = drawn_hidden(key, num_parameters, width, dtype)
        self.hidden_bias = jnp.zeros(width, dtype)
        channels = self.representation.num_channels
        self.scale = jnp.zeros((width, channels), dtype)
        self.shift = jnp.zeros((width, num_constants(self.representation)), dtype)

    @jax.named_scope("geomnet.nn.FiLM")
    def __call__(
        self, image: GeometricImage, parameters: Float[Array, " parameters"]
    ) -> GeometricImage:
        """**Arguments:** `image`, and the numbers `parameters`, `(num_parameters,)`.

        **Raises:** `ValueError` if the signature or the number of parameters differs.
        """
        check_image(image, self.representation, "FiLM")
        check_parameters(parameters, self.hidden_weight.shape[0], "FiLM")
        dtype = image.dtype
        hidden = hidden_of(
            parameters.astype(dtype), self.hidden_weight, self.hidden_bias
        )
        fields = self.representation
        scale = copy_channels(hidden @ self.scale.astype(dtype), fields)
        shift = constant_field(hidden @ self.shift.astype(dtype), fields)
        axes = range(image.array.ndim - 1)
        factor = jnp.expand_dims(scale + np.ones(1, dtype), axes)
        return image.with_array(image.array * factor + jnp.expand_dims(shift, axes))


def drawn_hidden(
    key: PRNGKeyArray, num_parameters: int, width: int, dtype: Any
) -> Float[Array, "parameters width"]:
    """First weights of a hidden layer on numbers, for outputs of unit variance."""
    drawn = jax.random.normal(key, (num_parameters, width), dtype)
    return drawn / math.sqrt(num_parameters)


def hidden_of(
    parameters: Float[Array, " parameters"],
    weight: Float[Array, "parameters width"],
    bias: Float[Array, " width"],
) -> Float[Array, " width"]:
    """The hidden layer on numbers, in their precision.

    Bounded: beyond the numbers that were seen it gives nothing beyond what was learned.
    """
    dtype = parameters.dtype
    return jnp.tanh(parameters @ weight.astype(dtype) + bias.astype(dtype))


def check_parameters(parameters: Any, number: int, where: str) -> None:
    """**Raises:** `ValueError` unless `parameters` is an array `(number,)`; `TypeError`
    if it is no array.
    """
    if not hasattr(parameters, "shape"):
        raise TypeError(
            f"{where}: `parameters` must be an array of shape ({number},), got "
            f"{parameters!r}. Use `jax.numpy.asarray`."
        )
    if parameters.shape != (number,):
        raise ValueError(
            f"{where}: `parameters` must have shape ({number},), got "
            f"{parameters.shape}. For a batch use `jax.vmap`."
        )
