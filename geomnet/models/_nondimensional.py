"""Exact covariance to a change of units, for any model."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .._arguments import check_kind, checked
from .._group import Group
from .._image import GeometricImage
from .._signature import SCALAR, Entry, Signature
from .._unit_normaliser import OwnUnits, UnitNormaliser
from ._contract import AbstractTransparentWrapper, check_says, given_parameters
from ._galilean import check_no_galilean

NUMBERS = "numbers"


class Nondimensional(AbstractTransparentWrapper):
    """A model that sees each sample in units of its own, and answers in those given.

    The laws of physics hold in any units; so does this model, whatever is inside:
    density, velocity, length and time rescaled give rescaled predictions, bit for bit
    where it is by powers of two. What the units take away is told to the model as
    dimensionless numbers (logarithms, of unit variance): as constant scalars after its
    input, or as the parameters that condition it.

    **Exactly equivariant** where the model is, and under the translations that it
    commutes with.
    """

    model: eqx.Module
    normaliser: UnitNormaliser = eqx.field(static=True)
    parameters: tuple[float, ...] | None = eqx.field(static=True)

    @checked
    def __init__(
        self,
        model: eqx.Module,
        normaliser: UnitNormaliser,
        parameters: "tuple[float, ...] | None" = None,
    ):
        """**Arguments:**

        - `model`: from a history to a frame, both normalised, such as
            `geomnet.Residual(geomnet.UNet(group, 4 * flow + "numbers:2x0+", flow,
            ...))`, with one channel of `numbers` for each of `normaliser.units.numbers`
            in its input; or conditioned by as many parameters, such as
            `geomnet.ResUNet(..., num_parameters=2)`.
        - `normaliser`: of `fit_unit_normaliser`.
        - `parameters`: those of every sample, if they are always the same, as
            `normaliser.units.given` orders them. Then calls need none.

        **Raises:** `ValueError` if the model takes no such numbers.
        """
        check_says(model, "in_signature")
        check_no_galilean("Nondimensional", model)
        self.model = model
        self.normaliser = normaliser
        wanted = len(normaliser.units.parameters)
        if parameters is not None:
            parameters = tuple(float(x) for x in parameters)
            if len(parameters) != wanted:
                raise ValueError(
                    f"`parameters` must hold {wanted} numbers, in the order of "
                    f"{list(dict(normaliser.units.parameters))}, got {parameters}."
                )
        self.parameters = parameters
        self._check_numbers()

    @property
    def in_signature(self) -> Signature:
        """What the model takes, without the numbers."""
        entries = self.model.in_signature.entries  # pyright: ignore
        return Signature(e for e in entries if e.name != NUMBERS)

    @property
    def num_parameters(self) -> int:
        """How many it is called with, unless it was built with them."""
        return len(self.normaliser.units.parameters)

    def __call__(
        self,
        history: GeometricImage,
        parameters: Float[Array, " parameters"] | None = None,
        **options: Any,
    ) -> GeometricImage:
        """**Arguments:**

        - `history`: in any units, of `in_signature`.
        - `parameters`: those of the sample in the same units, in the order of
            `normaliser.units.parameters`; needed if the model was built without.
        - `options`: go to the model, such as a `key`.

        **Returns:** the next frame, in the same units.

        **Raises:** `ValueError` if the parameters are missing or too many.
        """
        own = self.own_units(history, parameters)
        inside = own.normalise(history)
        numbers = own.numbers.astype(inside.dtype)
        if not self._takes_channels:
            inputs = (inside, numbers) if numbers.size else (inside,)
        else:
            constant = jnp.broadcast_to(numbers, (*inside.grid, numbers.size))
            array = jnp.concatenate([inside.array, constant], axis=-1)
            signature = self.model.in_signature  # pyright: ignore
            inputs = (GeometricImage(signature, array, inside.num_spatial_dims),)
        return own.restore(self.model(*inputs, **options))  # pyright: ignore

    def own_units(
        self,
        history: GeometricImage,
        parameters: Float[Array, " parameters"] | None = None,
    ) -> OwnUnits:
        """The units of a sample, in which `geomnet.training.unrolled` measures: a
        `history` and its `parameters`, as in a call.

        **Raises:** `ValueError` if the parameters are missing or too many; `TypeError`
        if the history is no image.
        """
        check_kind("history", history, GeometricImage)
        given = self._given(parameters, history.dtype)
        return self.normaliser.own_units(history, given)

    def like(
        self, *, group: Group, hidden: "Signature | str", key: PRNGKeyArray
    ) -> "Nondimensional":
        """The same around a new model of the same shape, made by its own `like` from
        `group`, `hidden` and `key`.
        """
        inner = self.model.like(group=group, hidden=hidden, key=key)  # pyright: ignore
        return Nondimensional(inner, self.normaliser, self.parameters)

    @property
    def _takes_channels(self) -> bool:
        return NUMBERS in self.model.in_signature.names  # pyright: ignore

    def _given(self, parameters: Any, dtype: Any) -> jax.Array:
        units = self.normaliser.units
        return given_parameters(
            "Nondimensional", units, parameters, self.parameters, dtype
        )

    def _check_numbers(self) -> None:
        numbers = self.normaliser.units.numbers
        expected = Entry(NUMBERS, len(numbers), SCALAR) if numbers else None
        entries = self.model.in_signature.entries  # pyright: ignore
        found = entries[-1] if NUMBERS in (e.name for e in entries) else None
        conditioned = getattr(self.model, "num_parameters", 0)
        fits = found == expected if found else conditioned == len(numbers)
        if not fits:
            raise ValueError(
                f"`model` must take {len(numbers)} numbers, {list(numbers)}: either "
                f"as constant fields, the last entry of its input being '{expected}', "
                f"or as parameters, `num_parameters={len(numbers)}`; it takes "
                f"'{found or 'none'}' and {conditioned} parameters."
            )
