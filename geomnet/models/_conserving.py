"""Exact conservation of mass, momentum and energy, as a last step."""

from typing import Any

import equinox as eqx
from jaxtyping import Array, PRNGKeyArray

from .._arguments import checked, checked_positive
from .._group import Group
from .._history import latest_frame
from .._image import GeometricImage
from .._signature import Signature, TensorType
from ..metrics._conservation import conserved_densities
from ._contract import AbstractTransparentWrapper, check_says

FLOW_TYPES = {
    "density": TensorType(0, 1),
    "pressure": TensorType(0, 1),
    "velocity": TensorType(1, 1),
}


class Conserving(AbstractTransparentWrapper):
    """Gives a predicted flow the mass, momentum and energy of the newest frame.

    By the smallest uniform change: of the density, then of the velocity, then of the
    pressure. What a closed periodic box conserves, its prediction then conserves too,
    to rounding. Not for flows with walls, forces, sources or sinks.

    **Exactly equivariant** where the model is, under the translations that it commutes
    with, and under changes of units where it is.
    """

    model: eqx.Module
    gamma: float = eqx.field(static=True)

    @checked
    def __init__(self, model: eqx.Module, gamma: float):
        """**Arguments:**

        - `model`: from a history to a frame with the fields `density`, `pressure` and
            `velocity`, in units of the data, not normalised.
        - `gamma`: the ratio of specific heats, above 1.

        **Raises:** `ValueError` if the model's output has no such fields; `TypeError`
        if it does not say what its output is.
        """
        check_says(model, "out_signature")
        checked_positive("gamma - 1", gamma - 1)
        signature = Signature(model.out_signature)  # pyright: ignore
        found = {e.name: e.type for e in signature if e.channels == 1}
        missing = [f"{n}:{t}" for n, t in FLOW_TYPES.items() if found.get(n) != t]
        if missing:
            raise ValueError(
                f"`model` must predict {', '.join(missing)}, in units of the data; it "
                f"predicts '{signature}'."
            )
        self.model, self.gamma = model, float(gamma)

    def __call__(
        self, history: GeometricImage, *inputs: Any, **options: Any
    ) -> GeometricImage:
        """The frame after the newest one of `history`; `inputs` and `options` go to the
        model as they are.

        **Raises:** `ValueError` if the history does not hold frames of the output.
        """
        frame = self.model(history, *inputs, **options)  # pyright: ignore
        return conserved(frame, latest_frame(history, frame.signature), self.gamma)

    def like(
        self, *, group: Group, hidden: "Signature | str", key: PRNGKeyArray
    ) -> "Conserving":
        """The same around a new model of the same shape, made by its own `like` from
        `group`, `hidden` and `key`.
        """
        inner = self.model.like(group=group, hidden=hidden, key=key)  # pyright: ignore
        return Conserving(inner, self.gamma)


def conserved(
    frame: GeometricImage, reference: GeometricImage, gamma: float
) -> GeometricImage:
    """The frame with the mass, momentum and energy of the reference."""
    mass, momentum, energy = _totals(reference, gamma)
    parts = {name: frame[name] for name in frame.signature.names}

    def now() -> tuple[Array, Array, Array]:
        return _totals(
            GeometricImage.from_fields(frame.signature, parts, frame.num_spatial_dims),
            gamma,
        )

    parts["density"] = parts["density"] + (mass - now()[0])
    parts["velocity"] = parts["velocity"] + (momentum - now()[1]) / mass
    parts["pressure"] = parts["pressure"] + (gamma - 1) * (energy - now()[2])
    result = GeometricImage.from_fields(frame.signature, parts, frame.num_spatial_dims)
    return result.astype(frame.dtype)


def _totals(image: GeometricImage, gamma: float) -> tuple[Array, Array, Array]:
    """Means over the grid of density, momentum and energy, in float32 at least."""
    names = ("density", "velocity", "pressure")
    axes = tuple(range(image.num_spatial_dims))
    mass, momentum, energy = (
        x.mean(axis=axes) for x in conserved_densities(image, gamma, names)
    )
    return mass, momentum, energy
