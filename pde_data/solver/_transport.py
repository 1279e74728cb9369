"""Viscous stress and heat flux through the faces, unsplit and isotropic.

σ = η (∇u + ∇uᵀ - (2/3) div u) + ζ div u,  q = -κ ∇T.
"""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from ._boundary import trimmed_beside
from ._gas import IdealGas, as_parameter, as_scalar, dot, named
from ._materialisation import materialised
from ._reconstruction import shifted
from ._rounding import rounded, symmetric_sum
from ._state import Conserved, Primitive
from ._viscous_stencils import STENCILS, Stencils, ViscousOrder

ViscosityModel = Literal["dynamic", "kinematic"]


class Transport(eqx.Module):
    """Viscosities and heat conduction of a gas.

    The trace-free part of the stress has the factor 2/3 in every number of dimensions.

    **Arguments:**

    - `shear_viscosity`, `bulk_viscosity`: η and ζ, non-dimensional, finite and >= 0;
      dynamic viscosities with `model="dynamic"`, and with `"kinematic"` multiplied by
      the local density.
    - `prandtl_number`: Pr = η cₚ/κ with cₚ = γ/(γ-1), or `None` for no heat conduction.
    - `model`: "dynamic" or "kinematic".
    - `order`: of the fluxes in space, 2 or 4.

    **Raises:** `ValueError` naming the argument that has no meaning.

    **Good values:** viscosities 0.01 on a unit box; Prandtl number 0.7, that of air.
    """

    shear_viscosity: Shaped[np.ndarray, ""] | Shaped[Array, ""] = eqx.field(
        converter=named("shear_viscosity")
    )
    bulk_viscosity: Shaped[np.ndarray, ""] | Shaped[Array, ""] = eqx.field(
        converter=named("bulk_viscosity")
    )
    prandtl_number: Shaped[np.ndarray, ""] | Shaped[Array, ""] | None = eqx.field(
        converter=lambda x: None if x is None else as_parameter(x, "prandtl_number"),
        default=None,
    )
    model: ViscosityModel = eqx.field(static=True, default="dynamic")
    order: ViscousOrder = eqx.field(static=True, default=2)

    def __check_init__(self):
        for name in ("shear_viscosity", "bulk_viscosity"):
            value = getattr(self, name)
            if isinstance(value, np.ndarray) and not (
                value >= 0 and np.isfinite(value)
            ):
                raise ValueError(f"`{name}` must be finite and >= 0, got {value}.")
        number = self.prandtl_number
        if isinstance(number, np.ndarray) and not number > 0:
            raise ValueError(
                f"`prandtl_number` must be positive, got {number}; "
                "use None for no heat conduction."
            )
        if self.model not in ("dynamic", "kinematic"):
            raise ValueError(
                f"`viscosity` must be 'dynamic' or 'kinematic', got {self.model!r}."
            )
        if self.order not in STENCILS:
            raise ValueError(f"`viscous_order` must be 2 or 4, got {self.order!r}.")

    @property
    def stencils(self) -> Stencils:
        """The means and derivatives on faces, of its order."""
        return STENCILS[self.order]

    def max_diffusivity(
        self, state: Primitive, gas: IdealGas
    ) -> Float[Array, " *grid"]:
        """The largest diffusivity in each cell: (4η/3 + ζ)/ρ, or that of heat."""
        dtype = state.density.dtype
        shear = as_scalar(self.shear_viscosity, dtype)
        viscous = shear * (4 / 3) + as_scalar(self.bulk_viscosity, dtype)
        if self.prandtl_number is not None:
            gamma = as_scalar(gas.gamma, dtype)
            thermal = gamma * shear / as_scalar(self.prandtl_number, dtype)
            viscous = jnp.maximum(viscous, thermal)
        if self.model == "kinematic":
            return jnp.broadcast_to(viscous, state.density.shape)
        return viscous / state.density

    def flux(
        self, state: Primitive, axis: int, spacing: tuple[float, ...], gas: IdealGas
    ) -> Conserved:
        """Minus the viscous and conductive flux along `axis`.

        `state` has as many ghost cells beyond every face as the stencils reach. The
        result lives on the `n + 1` faces of `axis` and has none along the other axes.
        """
        d, dtype = len(state.velocity), state.density.dtype
        _, _, mean, derivative, corrected = self.stencils
        gradient = [
            [derivative(u, axis, j, spacing[j]) for j in range(d)]
            if i == axis
            else {axis: derivative(u, axis, axis, spacing[axis])}
            for i, u in enumerate(state.velocity)
        ]
        # Transverse diagonal derivatives complete the divergence.
        diagonal = [
            derivative(state.velocity[j], axis, j, spacing[j])
            if j != axis
            else gradient[axis][axis]
            for j in range(d)
        ]
        shear = as_scalar(self.shear_viscosity, dtype)
        bulk = as_scalar(self.bulk_viscosity, dtype)
        compression = (bulk - shear * (2 / 3)) * symmetric_sum(diagonal)
        stress = [
            2 * rounded(shear * gradient[axis][axis]) + rounded(compression)
            if j == axis
            else shear * (gradient[j][axis] + gradient[axis][j])
            for j in range(d)
        ]
        face_velocity = [mean(u, axis) for u in state.velocity]
        if self.model == "kinematic":
            density = mean(state.density, axis)
            stress = [density * s for s in stress]
        energy = dot(face_velocity, stress)
        if self.prandtl_number is not None:
            gamma = as_scalar(gas.gamma, dtype)
            heat_capacity = gamma / (gamma - 1)
            conductivity = shear * heat_capacity / as_scalar(self.prandtl_number, dtype)
            if self.model == "kinematic":
                conductivity = conductivity * mean(state.density, axis)
            slope = derivative(state.temperature, axis, axis, spacing[axis])
            energy = energy + rounded(conductivity * slope)
        energy = corrected(energy, axis, state.density)
        tracer = None if state.tracer is None else jnp.zeros_like(energy)
        momentum = tuple(corrected(rounded(s), axis, state.density) for s in stress)
        return Conserved(jnp.zeros_like(energy), momentum, energy, tracer)

    def rate(
        self, state: Primitive, spacing: tuple[float, ...], gas: IdealGas
    ) -> Conserved:
        """The rate of change that the fluxes along all axes make; `state` as there."""
        changes = []
        reach = self.stencils.reach
        for axis, dx in enumerate(spacing):
            beside = trimmed_beside(state.density, axis, reach, reach - 1)
            below, _ = shifted(beside, axis, 1)

            def gained(
                flux: Float[Array, " *faces"],
                axis: int = axis,
                dx: float = dx,
                below: Float[Array, " *faces"] = below,
            ) -> Float[Array, "..."]:
                low, high = shifted(materialised(flux, below), axis, 1)
                return rounded((high - low) * (1 / dx))

            flux = self.flux(state, axis, spacing, gas)
            changes.append(jax.tree.map(gained, flux))
        return jax.tree.map(lambda *terms: symmetric_sum(list(terms)), *changes)


def transport_of(
    shear: "float | np.ndarray | Array",
    bulk: "float | np.ndarray | Array",
    prandtl: "float | np.ndarray | Array | None",
    model: ViscosityModel,
    order: ViscousOrder,
) -> Transport | None:
    """Viscosities and conduction; `None` for plain zeros, which are known before
    compilation: then the terms are left out altogether.
    """
    transport = Transport(shear, bulk, prandtl, model, order)
    absent = all(isinstance(x, (int, float)) and x == 0 for x in (shear, bulk))
    return None if absent else transport
