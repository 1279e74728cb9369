"""Exact conservation of mass, momentum and energy, as a last step."""

from typing import Any

import equinox as eqx
from jaxtyping import Array, PRNGKeyArray

from .._arguments import checked_positive
from .._arithmetic import accumulator
from .._group import Group
from .._history import latest_frame
from .._image import GeometricImage
from .._signature import Signature, TensorType
from ._contract import AbstractWrapper, steps_of

FLOW_TYPES = {
    "density": TensorType(0, 1),
    "pressure": TensorType(0, 1),
    "velocity": TensorType(1, 1),
}


class Conserving(AbstractWrapper):
    """Gives a predicted flow the mass, momentum and energy of the newest frame.

    By the smallest uniform change: of the density, then of the velocity, then of the
    pressure. What a closed periodic box conserves, its prediction then conserves too,
    to rounding. Not for flows with walls, forces, sources or sinks.

    **Exactly equivariant** where the model is, under the translations that it commutes
    with, and under changes of units where it is.
    """

    model: eqx.Module
    gamma: float = eqx.field(static=True)

    def __init__(self, model: eqx.Module, gamma: float):
        """**Arguments:**

        - `model`: from a history to a frame with the fields `density`, `pressure` and
            `velocity`, in units of the data, not normalised.
        - `gamma`: the ratio of specific heats, above 1.

        **Raises:** `ValueError` if the model's output has no such fields.
        """
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

    @property
    def group(self) -> Group:
        """The group that the model commutes with."""
        return self.model.group  # pyright: ignore

    @property
    def hidden(self) -> Signature:
        """The fields inside the model."""
        return self.model.hidden  # pyright: ignore

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """The shifts that the model commutes with; 0 where it does not say.

        **Raises:** `ValueError` if the model refuses the grid, with the mend.
        """
        return steps_of(self.model, grid)

    def __call__(
        self, history: GeometricImage, *inputs: Any, **options: Any
    ) -> GeometricImage:
        """The next frame; all but the history goes to the model as it is."""
        frame = self.model(history, *inputs, **options)  # pyright: ignore
        return conserved(frame, latest_frame(history, frame.signature), self.gamma)

    def like(
        self, *, group: Group, hidden: "Signature | str", key: PRNGKeyArray
    ) -> "Conserving":
        """The same around a new model of the same shape."""
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
    dtype = accumulator(image.dtype)
    density, pressure, velocity = (image[n].astype(dtype) for n in FLOW_TYPES)
    axes = tuple(range(image.num_spatial_dims))
    momentum = density[..., None] * velocity
    kinetic = 0.5 * (momentum * velocity).sum(axis=-1)
    energy = pressure / (gamma - 1) + kinetic
    return density.mean(axis=axes), momentum.mean(axis=axes), energy.mean(axis=axes)
