"""Exact covariance to uniform motion of the observer, for models of periodic flows."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .._arguments import checked
from .._group import Group
from .._history import latest_frame
from .._image import GeometricImage
from .._moving_frame import (
    boosted_frame,
    boosted_history,
    check_velocity,
    mean_velocity,
)
from .._signature import SCALAR, Signature
from .._unit_normaliser import UnitNormaliser
from .._units import Units, parse_dimension
from ..nn import check_image
from ._contract import (
    AbstractTransparentWrapper,
    check_periodic,
    check_says,
    given_parameters,
    own_units_of,
    parts_of,
)

_LENGTH, _TIME = parse_dimension("L"), parse_dimension("T")
_NEEDED = {"cell": _LENGTH, "time_step": _TIME}


class Galilean(AbstractTransparentWrapper):
    """A model that sees each flow at rest, and answers for an observer who does not.

    The mean velocity U of the newest frame is taken off the history, whose older frames
    move along: that of k time steps ago by `+k U Δt`. The prediction is moved by
    `U Δt`, and gets U back. All other fields must look alike to an observer in motion,
    as density, pressure and temperature do, and momentum does not.

    **The law**, for any model and with `B` a boost by any velocity: `f(B h) = B f(h)`
    to rounding,

    - on grids of odd sides, for every history;
    - on even sides for every history if the boost is by whole cells a time step;
    - else for histories without waves of two cells along an axis, and for all waves of
        the prediction but those. The grid does not say where such a wave is: where it
        is moved it is multiplied by `cos(π cells)`.

    Without a mean velocity it is the model itself, bit for bit.

    **Exactly equivariant** where the model is, and under the translations that it
    commutes with. Covariant to units where the model is: around `Nondimensional`.
    """

    model: eqx.Module
    units: Units = eqx.field(static=True)
    parameters: tuple[float, ...] | None = eqx.field(static=True)
    velocity: str = eqx.field(static=True)
    density: str | None = eqx.field(static=True)

    @checked
    def __init__(
        self,
        model: eqx.Module,
        units: Units | None = None,
        parameters: "tuple[float, ...] | None" = None,
        *,
        velocity: str = "velocity",
        density: str | None = "density",
    ):
        """**Arguments:**

        - `model`: from a history `n * flow` to `flow`, periodic, in units of the data;
            such as a `Nondimensional`, or a `Residual` of normalised flows without an
            offset of the velocity. It may take the parameters, or none.
        - `units`: with the parameters `"cell"` and `"time_step"`; by default those of
            the `Nondimensional` inside.
        - `parameters`: those of every sample, if they are always the same, as
            `units.given` orders them; by default those inside. Then calls need none.
        - `velocity`: names the vector of the flow.
        - `density`: names a scalar. Then U is momentum over mass, which a closed
            periodic box keeps, so that all frames of a rollout are seen by one
            observer. `None` for the mean over cells, as of incompressible flow.

        **Raises:** `ValueError` if fields or parameters are missing, or differ from
        those inside; `TypeError` if the model does not say what it takes and gives.
        """
        for name in ("group", "in_signature", "out_signature"):
            check_says(model, name)
        frame = Signature(model.out_signature)  # pyright: ignore
        _check_fields(Signature(model.in_signature), frame, velocity, density)  # pyright: ignore
        self.model, self.velocity, self.density = model, velocity, density
        self.units, self.parameters = _as_inside(model, units, parameters)
        self._check_parameters()

    def __call__(
        self,
        history: GeometricImage,
        parameters: Float[Array, " parameters"] | None = None,
        *inputs: Any,
        **options: Any,
    ) -> GeometricImage:
        """**Arguments:**

        - `history`: of `in_signature`.
        - `parameters`: those of the sample, in the order of `units.parameters`; needed
            if the model was built without. They go on to a model that takes them.
        - `inputs`, `options`: go to the model.

        **Returns:** the next frame, for the same observer.

        **Raises:** `ValueError` if the parameters are missing or too many, or the model
        says that an axis of the grid is not periodic.
        """
        own, given, speed, cells = self._at_rest(history, parameters)
        check_periodic(self.model, own.grid, "A change of the observer's motion")
        passed = (given,) if self.num_parameters else ()
        frame = self.model(own, *passed, *inputs, **options)  # pyright: ignore
        return boosted_frame(frame, self.velocity, speed, cells)

    def own_units(
        self,
        history: GeometricImage,
        parameters: Float[Array, " parameters"] | None = None,
        *inputs: Any,
    ) -> Any:
        """Those of the flow at rest, in which `geomnet.training.unrolled` measures,
        from the arguments of a call: `history`, `parameters` and `inputs`.

        None if the model inside has none.
        """
        own, given, *_ = self._at_rest(history, parameters)
        passed = (given,) if self.num_parameters else ()
        return own_units_of(self.model, own, *passed, *inputs)

    def like(
        self, *, group: Group, hidden: "Signature | str", key: PRNGKeyArray
    ) -> "Galilean":
        """The same around a new model of the same shape, made by its own `like` from
        `group`, `hidden` and `key`.
        """
        inner = self.model.like(group=group, hidden=hidden, key=key)  # pyright: ignore
        return Galilean(
            inner,
            self.units,
            self.parameters,
            velocity=self.velocity,
            density=self.density,
        )

    def _at_rest(
        self, history: GeometricImage, parameters: Any
    ) -> tuple[GeometricImage, jax.Array, jax.Array, jax.Array]:
        """The history without its mean velocity, the parameters, that velocity, and by
        how many cells it moves in a time step.
        """
        check_image(history, self.source, "Galilean")
        named = GeometricImage(self.in_signature, history.array, len(history.grid))
        given = self._given(parameters, history.dtype)
        newest = latest_frame(named, self.out_signature)
        speed = mean_velocity(newest, self.velocity, self.density)
        names = list(dict(self.units.parameters))
        cell, time_step = (given[names.index(name)] for name in _NEEDED)
        cells = speed * (time_step / cell).astype(speed.dtype)
        own = boosted_history(named, self.out_signature, self.velocity, -speed, -cells)
        return own, given, speed, cells

    def _given(self, parameters: Any, dtype: Any) -> jax.Array:
        return given_parameters(
            "Galilean", self.units, parameters, self.parameters, dtype
        )

    def _check_parameters(self) -> None:
        known = {name: parse_dimension(text) for name, text in self.units.parameters}
        if any(known.get(name) != dimension for name, dimension in _NEEDED.items()):
            raise ValueError(
                "`units` must have the parameters 'cell' of dimension L and "
                "'time_step' of dimension T, which say how far a velocity carries, got "
                f"{dict(self.units.parameters)}."
            )
        if self.parameters is not None:
            self._given(self.parameters, jnp.dtype(jnp.float32))
        if self.num_parameters not in (0, len(known)):
            raise ValueError(
                f"`model` must take {len(known)} parameters, {list(known)}, or none; "
                f"it takes {self.num_parameters}."
            )


def check_no_galilean(outer: str, model: Any) -> None:
    """**Raises:** `ValueError` if a `Galilean` is where it does not belong."""
    if any(isinstance(part, Galilean) for part in parts_of(model)):
        raise ValueError(
            f"`model` has a Galilean inside of {outer}, where velocities are not those "
            f"of the flow: write `geomnet.Galilean(geomnet.{outer}(...))`."
        )


def _check_fields(
    history: Signature, frame: Signature, velocity: str, density: str | None
) -> None:
    times = history.entries[0].channels // frame.entries[0].channels
    if times < 1 or history != times * frame:
        raise ValueError(
            "`model` must take frames of what it predicts and nothing besides, `n * "
            f"Signature('{frame}')`; it takes '{history}'. Other fields would stay "
            "where they are while the observer moves."
        )
    check_velocity(frame, velocity)
    scalars = [e.name for e in frame if e.type == SCALAR and e.channels == 1]
    if density is not None and density not in scalars:
        raise ValueError(
            f"`density` must name one scalar of a frame '{frame}', got {density!r}: or "
            "None, for the mean velocity over cells."
        )


def _as_inside(
    model: Any, units: Units | None, parameters: Any
) -> tuple[Units, tuple[float, ...] | None]:
    """Units and parameters, by default those of a `Nondimensional` inside."""
    inside = next(
        (
            part
            for part in parts_of(model)
            if isinstance(getattr(part, "normaliser", None), UnitNormaliser)
        ),
        None,
    )
    given = None if parameters is None else tuple(float(x) for x in parameters)
    if inside is None and units is None:
        raise ValueError(
            "`units` must say in which order the parameters come, such as "
            "`geomnet.flow_units('time_step')`: the model has none inside."
        )
    if inside is None:
        return units, given  # pyright: ignore
    for name, ours, theirs in (
        ("units", units, inside.normaliser.units),
        ("parameters", given, inside.parameters),
    ):
        if ours is not None and theirs not in (None, ours):
            raise ValueError(
                f"`{name}` must be those of the model inside, {theirs}, got {ours}: "
                "leave them out."
            )
    return inside.normaliser.units, inside.parameters if given is None else given
