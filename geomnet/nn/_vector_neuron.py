"""Vector neurons: a rectifier whose direction is a learned mixture of the fields."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from .._arguments import checked, checked_positive
from .._group import Group
from .._image import GeometricImage
from .._representation import Representation
from .._signature import Signature
from ._activation import unit_second_moment
from ._contract import AbstractEveryGridLayer, AbstractTypeKeepingLayer, check_image
from ._execution import copy_to_components, keep_opposites, sum_components
from ._linear import Linear

_REASON = "without it the gradient is not finite where a direction vanishes"


class VectorNeuron(AbstractTypeKeepingLayer, AbstractEveryGridLayer):
    """Takes off what points against a learned direction (Deng et al. 2021).

    A tensor t with direction k, a mixture of the tensors of the cell, becomes `t - (1 -
    α) min(<t, k>, 0) k / (|k|² + ε²)`: what a leaky rectifier does to a number that is
    positive along k. Direction and product turn with the tensors, so every type keeps
    its type. Scalars are activated by `silu`. All are scaled to unit second moments.

    **Exactly equivariant** under `group` and all translations, on every grid.
    """

    direction: Linear | None
    representation: Representation = eqx.field(static=True)
    slope: float = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    @checked
    def __init__(
        self,
        group: Group,
        signature: "Signature | str",
        *,
        slope: float = 0.1,
        epsilon: float = 1e-2,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `signature`: of the images it takes and gives.
        - `slope`: α, what is kept of the part that points the other way; from 0 to 1.
        - `epsilon`: ε, in units of the input: where no direction is longer, little is
            taken off, and gradients are finite.
        - `key`: draws the directions.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` for a slope or epsilon out of range; `TypeError` for
        another kind of argument.
        """
        if not 0 <= slope <= 1:
            raise ValueError(f"`slope` must be from 0 to 1, got {slope}.")
        self.representation = Representation(group, signature)
        self.slope = slope
        self.epsilon = checked_positive("epsilon", epsilon, _REASON)
        self.direction = (
            Linear(
                group,
                self.signature,
                self.signature,
                use_bias=False,
                key=key,
                dtype=dtype,
            )
            if self.representation.num_tensors
            else None
        )

    @jax.named_scope("geomnet.nn.VectorNeuron")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        check_image(image, self.representation, "VectorNeuron")
        array, fields = image.array, self.representation
        activated = jax.nn.silu(array) * unit_second_moment("silu")
        activated = keep_opposites(activated, fields)
        if self.direction is None:
            return image.with_array(activated)
        k = self.direction(image).array
        along = jnp.minimum(sum_components(array * k, fields), 0)
        square = sum_components(jnp.square(k), fields) + self.epsilon**2
        share = copy_to_components((1 - self.slope) * along / square, fields)
        # By zeros and not by a choice: the rules for explicit sharding know no choice
        # between a field and a constant.
        scale, invariant = self._scale(), fields.invariant
        moved = (array - share * k) * jnp.asarray(scale * ~invariant, array.dtype)
        kept = activated * jnp.asarray(invariant, array.dtype)
        return image.with_array(moved + kept)

    def _scale(self) -> np.ndarray:
        """One of n components lies along k; half the time a share of it is left."""
        d = self.group.num_spatial_dims
        parts = []
        for entry in self.signature:
            n = entry.type.components(d)
            moment = (n - 1 + (1 + self.slope**2) / 2) / n
            parts.append(np.full(entry.features(d), 1 / np.sqrt(moment)))
        return np.concatenate(parts)
