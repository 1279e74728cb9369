"""What a flow must keep: its mass, momentum and energy, and signs."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._arguments import checked
from .._image import GeometricImage
from ._fields import (
    check_image,
    check_steps,
    chosen_fields,
    root,
    scalar_values,
    vector_values,
)

CONSERVED = ("mass", "momentum", "energy")


@checked
def drift(
    frames: GeometricImage,
    *,
    gamma: float,
    reference: GeometricImage | None = None,
    density: str = "density",
    velocity: str = "velocity",
    pressure: str = "pressure",
) -> dict[str, Float[Array, "*batch steps"]]:
    """How far mass, momentum and energy of a flow are from those of its first frame.

    With means over cells, mass `M = ⟨ρ⟩`, momentum `P = ⟨ρu⟩` and energy
    `E = ⟨p/(γ-1) + ½ρ|u|²⟩`: `(M - M₀)/M₀`, `|P - P₀|/(M₀ U)` and `(E - E₀)/E₀`. The
    speed U is the root mean square speed `√(⟨ρ|u|²⟩/⟨ρ⟩)` of the reference, and of a
    gas at rest the sound speed `√(γ⟨p⟩/⟨ρ⟩)`. On a periodic grid without forces a flow
    keeps all three, so the truth drifts by rounding and by what averaging to cells
    leaves.

    **Arguments:**

    - `frames`: `(*batch, steps, *grid, features)` in units of the data, not normalised.
    - `gamma`: the ratio of specific heats, above 1.
    - `reference`: the frame compared with, `(*batch, *grid, features)`; by default the
        first of `frames`. For a prediction give the last true frame before it.
    - `density`, `velocity`, `pressure`: the names of these fields.

    **Returns:** `"mass"`, `"momentum"` and `"energy"`, one number for each step; those
    of mass and energy have a sign. Within a few times the truth's own is good.

    **Raises:** `ValueError` if a field is missing or of another order, there is no axis
    of steps, or the reference does not fit.
    """
    check_image("frames", frames)
    check_steps(frames, "A drift")
    if not gamma > 1:
        raise ValueError(f"`gamma` must be above 1, such as 1.4, got {gamma}.")
    d = frames.num_spatial_dims
    shape = (*frames.array.shape[: -d - 2], *frames.array.shape[-d - 1 :])
    if reference is None:
        reference = frames.with_array(jnp.take(frames.array, 0, axis=-d - 2))
    check_image("reference", reference)
    if reference.array.shape != shape or reference.signature != frames.signature:
        raise ValueError(
            f"`reference` must be one frame of '{frames.signature}' for each rollout, "
            f"of shape {shape}; got '{reference.signature}' {reference.array.shape}."
        )
    values = _drifts(frames, reference, gamma, (density, velocity, pressure))
    return dict(zip(CONSERVED, values, strict=True))


@functools.partial(jax.jit, static_argnames=("names",))
def _drifts(
    frames: GeometricImage,
    reference: GeometricImage,
    gamma: Array | float,
    names: tuple[str, str, str],
) -> tuple[Array, Array, Array]:
    d = frames.num_spatial_dims
    axes = tuple(range(-d, 0))
    first = reference.with_array(jnp.expand_dims(reference.array, -d - 2))
    (rho, momentum, energy), (rho_0, momentum_0, energy_0) = (
        conserved_densities(image, gamma, names) for image in (frames, first)
    )
    mass_0 = rho_0.mean(axis=axes)
    # Sums of differences lose fewer digits than differences of sums.
    moved = (momentum - momentum_0).mean(axis=frames.spatial_axes)
    inner = scalar_values(first, names[2], "pressure").mean(axis=axes)
    speed = vector_values(first, names[1], "velocity")
    squares = (rho_0 * jnp.square(speed).sum(-1)).mean(axis=axes)
    scale = mass_0 * jnp.sqrt(jnp.where(squares > 0, squares, gamma * inner) / mass_0)
    return (
        (rho - rho_0).mean(axis=axes) / mass_0,
        root(jnp.square(moved).sum(-1)) / scale,
        (energy - energy_0).mean(axis=axes) / energy_0.mean(axis=axes),
    )


def conserved_densities(
    image: GeometricImage, gamma: Array | float, names: tuple[str, str, str]
) -> tuple[Array, Array, Array]:
    """Density, momentum and energy in each cell, in float32 at least."""
    rho = scalar_values(image, names[0], "density")
    velocity = vector_values(image, names[1], "velocity")
    pressure = scalar_values(image, names[2], "pressure")
    energy = pressure / (gamma - 1) + 0.5 * rho * jnp.square(velocity).sum(-1)
    return rho, rho[..., None] * velocity, energy


@checked
def nonpositive_share(
    image: GeometricImage, fields: str | Sequence[str] = ("density", "pressure")
) -> dict[str, Float[Array, "*batch"]]:
    """For each field the share of cells in which it is not above zero.

    No gas has a negative density or pressure. NaN is not above zero.

    **Arguments:**

    - `image`: in units of the data, not normalised.
    - `fields`: the names of scalars.

    **Returns:** for each field one number from 0, which is good, to 1, or one for each
    leading batch axis.

    **Raises:** `ValueError` if there is no such field, or it is no scalar.
    """
    check_image("image", image)
    axes = tuple(range(-image.num_spatial_dims, 0))
    return {
        name: 1 - (scalar_values(image, name, "fields") > 0).mean(axis=axes)
        for name in chosen_fields(image.signature, fields)
    }
