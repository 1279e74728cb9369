"""A bias for tensors of every type: a multiple of the field's own mean."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._arguments import checked
from .._arithmetic import accumulator
from .._group import Group
from .._image import GeometricImage
from .._representation import Representation
from .._signature import Signature
from ._contract import AbstractEveryGridLayer, AbstractTypeKeepingLayer, check_image
from ._execution import copy_channels


class MeanBias(AbstractTypeKeepingLayer, AbstractEveryGridLayer):
    """Adds to every channel a learned multiple of its mean over the grid.

    A constant vector prefers a direction, and so no group of the square allows one as a
    bias; the mean of the field itself turns with the field. Starts at zero.

    **Exactly equivariant** under `group` and all translations, on every grid.
    """

    scale: Float[Array, " channels"]
    representation: Representation = eqx.field(static=True)

    @checked
    def __init__(self, group: Group, signature: "Signature | str", dtype: Any = None):
        """**Arguments:**

        - `signature`: of the images it takes and gives.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` for a signature that is not understood; `TypeError` for
        another kind of argument.
        """
        self.representation = Representation(group, signature)
        self.scale = jnp.zeros(self.representation.num_channels, dtype)

    @jax.named_scope("geomnet.nn.MeanBias")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        check_image(image, self.representation, "MeanBias")
        axes = tuple(range(image.array.ndim - 1))
        mean = image.array.astype(accumulator(image.dtype)).mean(axes)
        scale = copy_channels(self.scale, self.representation)
        shift = mean.astype(image.dtype) * scale.astype(image.dtype)
        return image.with_array(image.array + jnp.expand_dims(shift, axes))
