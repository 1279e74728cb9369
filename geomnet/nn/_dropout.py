"""Dropout of whole channels."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from .._arguments import checked
from .._group import Group
from .._image import GeometricImage
from .._representation import Representation
from .._signature import Signature
from ._contract import AbstractEveryGridLayer, AbstractTypeKeepingLayer, check_image
from ._execution import copy_channels


class Dropout(AbstractTypeKeepingLayer, AbstractEveryGridLayer):
    """Sets whole channels to zero, all components and cells of a tensor together.

    Dropping single components or cells would prefer directions or places; of scalars it
    is spatial dropout (Tompson et al. 2015). What is kept is scaled, so that the mean
    stays. `equinox.nn.inference_mode` switches it off.

    **Exactly equivariant** under `group` and all translations, on every grid, for one
    and the same key.
    """

    representation: Representation = eqx.field(static=True)
    rate: float = eqx.field(static=True)
    inference: bool

    @checked
    def __init__(
        self,
        group: Group,
        signature: "Signature | str",
        rate: float = 0.1,
        *,
        inference: bool = False,
    ):
        """**Arguments:**

        - `signature`: of the images it takes and gives.
        - `rate`: the share of channels that is dropped, from 0 to below 1.
        - `inference`: whether nothing is dropped.

        **Raises:** `ValueError` for another rate; `TypeError` for another kind of
        argument.
        """
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` must be at least 0 and below 1, got {rate}.")
        self.representation = Representation(group, signature)
        self.rate = rate
        self.inference = inference

    def __call__(
        self, image: GeometricImage, *, key: PRNGKeyArray | None = None
    ) -> GeometricImage:
        """**Arguments:** `image`, and a `key` that draws; none in inference.

        **Raises:** `ValueError` if the signature differs, or in training without key.
        """
        check_image(image, self.representation, "Dropout")
        if self.inference or self.rate == 0:
            return image
        if key is None:
            raise ValueError(
                "`key` is needed in training. Give one, or switch dropout off with "
                "`equinox.nn.inference_mode(model)`."
            )
        fields = self.representation
        kept = jax.random.bernoulli(key, 1 - self.rate, (fields.num_channels,))
        factor = copy_channels(kept, fields).astype(image.dtype) / (1 - self.rate)
        return image.with_array(
            image.array * jnp.expand_dims(factor, range(image.array.ndim - 1))
        )
