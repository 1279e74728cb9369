"""The two descriptions of a gas: primitive and conserved variables.

Each component is an array of its own, `(*grid)`. On the way through a scheme that is
three to five times faster than one array with a component axis. There is no batch
axis: use `jax.vmap`.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._arguments import checked, shown


class Primitive(eqx.Module):
    """Density ρ, velocity u and pressure p; optionally a passive tracer per unit mass.

    **Arguments:**

    - `density`, `pressure`: `(*grid)`, positive, non-dimensional.
    - `velocity`: a tuple of `d` arrays `(*grid)`.
    - `tracer`: `(*grid)`, or `None`.

    **Raises:** `TypeError` if the velocity is an array: `primitive` takes one.
    """

    density: Float[Array, " *grid"]
    velocity: tuple[Float[Array, " *grid"], ...]
    pressure: Float[Array, " *grid"]
    tracer: Float[Array, " *grid"] | None = None

    def __check_init__(self):
        if hasattr(self.velocity, "shape"):
            raise TypeError(
                "`velocity` must be a tuple of one array (*grid) for each axis, got "
                f"{shown(self.velocity)}. `pde_data.primitive(density, velocity, "
                "pressure)` takes an array with the components last."
            )

    @property
    def temperature(self) -> Float[Array, " *grid"]:
        """T = p/ρ, with the gas constant equal to one."""
        return self.pressure / self.density


class Conserved(eqx.Module):
    """Density ρ, momentum ρu and total energy E per volume; optionally ρ times tracer.

    Also the type of a flux of these quantities, and of their rate of change.

    **Arguments:**

    - `density`, `energy`: `(*grid)`.
    - `momentum`: a tuple of `d` arrays `(*grid)`.
    - `tracer`: `(*grid)`, or `None`.
    """

    density: Float[Array, " *grid"]
    momentum: tuple[Float[Array, " *grid"], ...]
    energy: Float[Array, " *grid"]
    tracer: Float[Array, " *grid"] | None = None


@checked
def primitive(
    density: Float[Array, " *grid"],
    velocity: Float[Array, "*grid d"],
    pressure: Float[Array, " *grid"],
    tracer: Float[Array, " *grid"] | None = None,
) -> Primitive:
    """A `Primitive` from arrays with the velocity's components on the last axis.

    **Arguments:**

    - `density`, `pressure`, `tracer`: `(*grid)`.
    - `velocity`: `(*grid, d)`, one component per axis.

    **Raises:** `ValueError` if the velocity does not have one component per axis.
    """
    density, velocity = jnp.asarray(density), jnp.asarray(velocity)
    if velocity.shape != (*density.shape, density.ndim):
        raise ValueError(
            f"`velocity` must have shape {(*density.shape, density.ndim)}, the grid "
            f"and one component per axis, got {velocity.shape}."
        )
    components = tuple(velocity[..., i] for i in range(velocity.shape[-1]))
    return Primitive(density, components, jnp.asarray(pressure), tracer)
