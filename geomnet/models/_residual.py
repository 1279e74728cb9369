"""Predicting the change: next = last + model(history)."""

from typing import Any

import equinox as eqx
from jaxtyping import PRNGKeyArray

from .._group import Group
from .._history import latest_frame
from .._image import GeometricImage
from .._signature import Signature


class Residual(eqx.Module):
    """Adds what a model predicts to the newest frame of its input.

    At small time steps a flow hardly changes, so the change is the easier target.
    **Exactly equivariant** where the model is.
    """

    model: eqx.Module

    def __init__(self, model: eqx.Module):
        """**Arguments:**

        - `model`: from a history `n * flow` to `flow`.

        **Raises:** `ValueError` if its input does not hold frames of its output.
        """
        for name in ("group", "in_signature", "out_signature", "like"):
            if not hasattr(model, name):
                raise TypeError(
                    f"`model` must have `{name}`, as `geomnet.UNet` has; "
                    f"{type(model).__name__} has not."
                )
        self.model = model

    @property
    def group(self) -> Group:
        """The group that the model commutes with."""
        return self.model.group  # pyright: ignore

    @property
    def in_signature(self) -> Signature:
        """What the model takes."""
        return self.model.in_signature  # pyright: ignore

    @property
    def out_signature(self) -> Signature:
        """What the model gives."""
        return self.model.out_signature  # pyright: ignore

    @property
    def hidden(self) -> Signature:
        """The fields inside the model."""
        return self.model.hidden  # pyright: ignore

    def __call__(self, history: GeometricImage, *inputs: Any) -> GeometricImage:
        """The frame after the newest one of `history`; `inputs` go to the model too."""
        change = self.model(history, *inputs)  # pyright: ignore
        return latest_frame(history, self.out_signature) + change

    def like(
        self, *, group: Group, hidden: "Signature | str", key: PRNGKeyArray
    ) -> "Residual":
        """The same around a new model of the same shape."""
        return Residual(self.model.like(group=group, hidden=hidden, key=key))  # pyright: ignore
