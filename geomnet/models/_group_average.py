"""Any model made equivariant by averaging over a group."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._action import act
from .._group import Group, check_group, signed_permutation
from .._image import GeometricImage
from .._representation import Representation
from ..nn import check_dimension, check_image
from ._contract import AbstractWrapper, steps_of


class GroupAverage(AbstractWrapper):
    """The mean of `g⁻¹·f(g·x)` over all g: equivariant whatever f is.

    It costs `group.order` calls of the model. What it adds to a model that is
    equivariant already is nothing; to a plain one, a symmetry that holds at
    initialisation and after training.

    **Exactly equivariant** under `group`, on the grids that the model takes, sides
    exchanged included; and under the translations that the model commutes with. A model
    may have no equivariant part at all: see `share`.
    """

    model: Callable[..., Any]
    group: Group = eqx.field(static=True)

    def __init__(self, model: Callable[..., Any], group: Group):
        """**Arguments:**

        - `model`: from image to image; it may take more inputs, invariant ones.
        - `group`: what to average over; `model.group` is not asked.

        **Raises:** `TypeError` if `model` can't be called, or `group` is none.
        """
        if not callable(model):
            raise TypeError(
                f"`model` must be callable on a GeometricImage, got "
                f"{type(model).__name__}."
            )
        check_group(group)
        self.model = model
        self.group = group

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """The shifts that the model commutes with on each of the moved grids.

        0 where the model does not say with which.
        """
        check_dimension(grid, self.group)
        steps = [1] * len(grid)
        for element in self.group.elements:
            axes, _, _ = signed_permutation(element)
            own = steps_of(self.model, tuple(grid[axis] for axis in axes))
            for axis, step in zip(axes, own, strict=True):
                steps[axis] = math.lcm(steps[axis], step)
        return tuple(steps)

    def __call__(self, image: GeometricImage, *inputs: Any) -> GeometricImage:
        """The mean over the moved `image`; `inputs`, such as a viscosity, go to the
        model unmoved.

        **Raises:** `ValueError` if the image has another dimension than the group,
        or a batch axis.
        """
        outputs = self._outputs(image, *inputs)
        total = jnp.stack([output.array for output in outputs]).mean(axis=0)
        return outputs[0].with_array(total)

    def share(self, image: GeometricImage, *inputs: Any) -> Float[Array, ""]:
        """The largest number of the mean, over the largest of what it is the mean of.

        How much of the model is equivariant, on this `image` with these `inputs`. Where
        it is of the size of rounding, there is no such part, and what the average gives
        is noise.
        """
        terms = jnp.stack([output.array for output in self._outputs(image, *inputs)])
        largest = jnp.abs(terms).max()
        one = jnp.ones_like(largest)
        return jnp.abs(terms.mean(axis=0)).max() / jnp.where(largest > 0, largest, one)

    def _outputs(self, image: GeometricImage, *inputs: Any) -> list[GeometricImage]:
        # Any signature will do: the model looks at that.
        own = getattr(image, "signature", "0+")
        check_image(image, Representation(self.group, own), "GroupAverage")
        return [
            act(g.T, self.model(act(g, image), *inputs)) for g in self.group.elements
        ]
