"""Any model made equivariant by averaging over a group."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp

from .._action import act
from .._group import Group, check_group
from .._image import GeometricImage
from ..nn._conv import check_image


class GroupAverage(eqx.Module):
    """The mean of `g⁻¹·f(g·x)` over all g: equivariant whatever f is.

    It costs `group.order` calls of the model. What it adds to a model that is
    equivariant already is nothing; to a plain one, a symmetry that holds at
    initialisation and after training.

    **Exactly equivariant** under `group`, on the grids that the model takes, sides
    exchanged included; and under the translations that the model commutes with.
    """

    model: Callable[..., Any]
    group: Group = eqx.field(static=True)

    def __init__(self, model: Callable[..., Any], group: Group):
        """**Arguments:**

        - `model`: from image to image; it may take more inputs, invariant ones.
        - `group`: what to average over; `model.group` is not asked.
        """
        if not callable(model):
            raise TypeError(
                f"`model` must be callable on a GeometricImage, got "
                f"{type(model).__name__}."
            )
        check_group(group)
        self.model = model
        self.group = group

    def __call__(self, image: GeometricImage, *inputs: Any) -> GeometricImage:
        """The mean; `inputs`, such as a viscosity, go to the model unmoved.

        **Raises:** `ValueError` if the image has another dimension than the group,
        or a batch axis.
        """
        check_image(image, self.group, image.signature, "GroupAverage")
        outputs = [
            act(g.T, self.model(act(g, image), *inputs)) for g in self.group.elements
        ]
        total = jnp.stack([output.array for output in outputs]).mean(axis=0)
        return outputs[0].with_array(total)
