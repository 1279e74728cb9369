"""Predicting the change: next = last + model(history)."""

from typing import Any

import equinox as eqx
from jaxtyping import PRNGKeyArray

from .._arguments import checked, shown
from .._group import Group
from .._history import latest_frame
from .._image import GeometricImage
from .._signature import Signature
from ._contract import AbstractMap, AbstractTransparentWrapper, steps_of
from ._galilean import check_no_galilean


class Stated(AbstractMap):
    """A module together with what it does not say of itself."""

    inside: eqx.Module
    group: Group = eqx.field(static=True)
    in_signature: Signature = eqx.field(static=True)
    out_signature: Signature = eqx.field(static=True)

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """The shifts that the module commutes with; 0 where it does not say."""
        return steps_of(self.inside, grid)

    def __call__(self, *inputs: Any) -> Any:
        return self.inside(*inputs)  # pyright: ignore


class Residual(AbstractTransparentWrapper):
    """Adds what a model predicts to the newest frame of its input.

    At small time steps a flow hardly changes, so the change is the easier target.
    **Exactly equivariant** where the model is, and under the translations that it
    commutes with.
    """

    model: eqx.Module

    @checked
    def __init__(
        self,
        model: eqx.Module,
        *,
        group: Group | None = None,
        in_signature: "Signature | str | None" = None,
        out_signature: "Signature | str | None" = None,
    ):
        """**Arguments:**

        - `model`: from a history `n * flow` to `flow`.
        - `group`, `in_signature`, `out_signature`: of a module of your own that does
            not say them. What does, as a `geomnet.models.AbstractMap`, says them
            itself.

        **Raises:** `TypeError` if they are not known; `ValueError` if the model says
        something else.
        """
        if not callable(model):
            raise TypeError(f"`model` must be a module of images, got {shown(model)}.")
        check_no_galilean("Residual", model)
        given: dict[str, Any] = {"group": group}
        for name, text in (
            ("in_signature", in_signature),
            ("out_signature", out_signature),
        ):
            given[name] = None if text is None else Signature(text)
        for name, value in given.items():
            said = getattr(model, name, None)
            if said is None and value is None:
                raise TypeError(
                    f"`model` must have `{name}`, as `geomnet.UNet` has; "
                    f"{type(model).__name__} has not. Give it, as in "
                    "`geomnet.Residual(model, group=geomnet.hyperoctahedral(2), "
                    "in_signature='2x0+', out_signature='0+')`, or derive the module "
                    "from `geomnet.models.AbstractMap` (docs/own_layers.md)."
                )
            if said is not None and value not in (None, said):
                raise ValueError(f"`{name}` is {value}, but `model` says {said}.")
        stated: dict[str, Any] = {
            n: getattr(model, n, None) or v for n, v in given.items()
        }
        is_complete = all(hasattr(model, name) for name in given)
        self.model = model if is_complete else Stated(model, **stated)  # pyright: ignore

    def __call__(
        self, history: GeometricImage, *inputs: Any, **options: Any
    ) -> GeometricImage:
        """The frame after the newest one of `history`; `inputs` and `options` go to the
        model.

        **Raises:** `ValueError` if the history does not hold frames of the output.
        """
        change = self.model(history, *inputs, **options)  # pyright: ignore
        return latest_frame(history, self.out_signature) + change

    def like(
        self, *, group: Group, hidden: "Signature | str", key: PRNGKeyArray
    ) -> "Residual":
        """The same around a new model of the same shape, made by its own `like` from
        `group`, `hidden` and `key`.
        """
        return Residual(self.model.like(group=group, hidden=hidden, key=key))  # pyright: ignore
