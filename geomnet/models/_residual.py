"""Predicting the change: next = last + model(history)."""

from typing import Any

import equinox as eqx
from jaxtyping import PRNGKeyArray

from .._group import Group
from .._history import latest_frame
from .._image import GeometricImage
from .._signature import Signature
from ._contract import AbstractWrapper, steps_of


class Residual(AbstractWrapper):
    """Adds what a model predicts to the newest frame of its input.

    At small time steps a flow hardly changes, so the change is the easier target.
    **Exactly equivariant** where the model is, and under the translations that it
    commutes with.
    """

    model: eqx.Module

    def __init__(self, model: eqx.Module):
        """**Arguments:**

        - `model`: from a history `n * flow` to `flow`.

        **Raises:** `TypeError` if it does not say its group and signatures.
        """
        for name in ("group", "in_signature", "out_signature"):
            if not hasattr(model, name):
                raise TypeError(
                    f"`model` must have `{name}`, as `geomnet.UNet` has; "
                    f"{type(model).__name__} has not. A network of your own says it "
                    "as a `geomnet.models.AbstractMap`."
                )
        self.model = model

    @property
    def group(self) -> Group:
        """The group that the model commutes with."""
        return self.model.group  # pyright: ignore

    @property
    def hidden(self) -> Signature:
        """The fields inside the model."""
        return self.model.hidden  # pyright: ignore

    @property
    def num_parameters(self) -> int:
        """How many numbers condition the model."""
        return getattr(self.model, "num_parameters", 0)

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """The shifts that the model commutes with; 0 where it does not say.

        **Raises:** `ValueError` if the model refuses the grid, with the mend.
        """
        return steps_of(self.model, grid)

    def __call__(
        self, history: GeometricImage, *inputs: Any, **options: Any
    ) -> GeometricImage:
        """The frame after the newest one of `history`; the rest goes to the model."""
        change = self.model(history, *inputs, **options)  # pyright: ignore
        return latest_frame(history, self.out_signature) + change

    def like(
        self, *, group: Group, hidden: "Signature | str", key: PRNGKeyArray
    ) -> "Residual":
        """The same around a new model of the same shape."""
        return Residual(self.model.like(group=group, hidden=hidden, key=key))  # pyright: ignore
