"""The ideal gas: its two descriptions, its sound speed, its inviscid flux."""

import functools
from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from .._arguments import check_number
from ._rounding import rounded, symmetric_sum
from ._state import Conserved, Primitive


def as_parameter(
    value: "float | np.ndarray | Array", name: str = "parameter"
) -> "np.ndarray | Array":
    """A physical parameter as an array leaf, so that new values do not recompile.

    **Raises:** `TypeError` unless it is one number.
    """
    if isinstance(value, jax.Array):
        return value
    check_number(name, value)
    return np.asarray(value, np.float64)


def named(
    name: str,
) -> "Callable[[float | np.ndarray | Array], np.ndarray | Array]":
    """`as_parameter` for a field of a module, which its refusal names."""
    return functools.partial(as_parameter, name=name)


def as_scalar(value: "np.ndarray | Array", dtype: np.dtype) -> Float[Array, ""]:
    """A parameter in the precision of the state it meets."""
    return jnp.asarray(value, dtype)


class IdealGas(eqx.Module):
    """A gas with E = p/(γ−1) + ρ|u|²/2 and T = p/ρ, everything non-dimensional.

    **Arguments:**

    - `gamma`: the ratio of specific heats, greater than 1.

    **Raises:** `ValueError` for another ratio.

    **Good values:** 5/3 for a monatomic gas, 1.4 for air.
    """

    gamma: Shaped[np.ndarray, ""] | Shaped[Array, ""] = eqx.field(
        converter=named("gamma"), default=5 / 3
    )

    def __check_init__(self):
        if isinstance(self.gamma, np.ndarray) and not self.gamma > 1:
            raise ValueError(f"`gamma` must be greater than 1, got {self.gamma}.")

    def sound_speed(self, state: Primitive) -> Float[Array, " *grid"]:
        """c = √(γ p/ρ) of a `state`."""
        gamma = as_scalar(self.gamma, state.density.dtype)
        return jnp.sqrt(gamma * state.pressure / state.density)

    def primitive(self, state: Conserved) -> Primitive:
        """Density, velocity and pressure of a conserved `state`."""
        velocity = tuple(m / state.density for m in state.momentum)
        kinetic = 0.5 * dot(state.momentum, velocity)
        tracer = None if state.tracer is None else state.tracer / state.density
        pressure = self.pressure(state.energy, kinetic)
        return Primitive(state.density, velocity, pressure, tracer)

    def conserved(self, state: Primitive) -> Conserved:
        """Density, momentum and energy of a primitive `state`."""
        return Conserved(
            state.density,
            tuple(rounded(state.density * u) for u in state.velocity),
            self.energy(state),
            None if state.tracer is None else rounded(state.density * state.tracer),
        )

    def pressure(
        self, energy: Float[Array, " *grid"], kinetic: Float[Array, " *grid"]
    ) -> Float[Array, " *grid"]:
        """(γ−1)(E − ρ|u|²/2), from the total `energy` and the `kinetic` per volume."""
        return rounded((as_scalar(self.gamma, energy.dtype) - 1) * (energy - kinetic))

    def energy(self, state: Primitive) -> Float[Array, " *grid"]:
        """Total energy per volume of a `state`, p/(γ−1) + ρ|u|²/2."""
        gamma = as_scalar(self.gamma, state.density.dtype)
        kinetic = 0.5 * rounded(state.density * dot(state.velocity, state.velocity))
        # Left to XLA, a division by one number becomes this product in some programs.
        return rounded(state.pressure * (1 / (gamma - 1))) + kinetic

    def flux(self, state: Primitive, axis: int) -> Conserved:
        """The inviscid flux along `axis` of a primitive `state`."""
        return advective_flux(state, self.energy(state), axis)


def dot(
    a: Sequence[Float[Array, "*grid"]], b: Sequence[Float[Array, "*grid"]]
) -> Float[Array, "*grid"]:
    """Σᵢ aᵢ bᵢ, the same bits whatever the order of the axes."""
    return symmetric_sum([rounded(x * y) for x, y in zip(a, b, strict=True)])


def advective_flux(
    state: Primitive, energy: Float[Array, " *grid"], axis: int
) -> Conserved:
    """The inviscid flux along `axis`, when the energy is known (Toro 2009, Eq. 3.2)."""
    normal = state.velocity[axis]
    mass = state.density * normal
    momentum = tuple(
        rounded(mass * u) + state.pressure if i == axis else mass * u
        for i, u in enumerate(state.velocity)
    )
    tracer = None if state.tracer is None else mass * state.tracer
    return Conserved(mass, momentum, normal * (energy + state.pressure), tracer)
