"""Keep density and pressure positive by limiting fluxes: conservative, no floors."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ._gas import IdealGas, dot
from ._riemann import rusanov
from ._rounding import rounded
from ._state import Conserved, Primitive

# The limited cell keeps at least this share of its density and pressure.
_SHARE = 1e-5


def positive_flux(
    flux: Conserved,
    left: Primitive,
    right: Primitive,
    axis: int,
    gas: IdealGas,
    ratio: Float[Array, ""],
) -> Conserved:
    """The flux, blended with Rusanov's where a cell would lose its sign.

    `left` and `right` are the cells beside each face. A cell is split into parts, one
    per face, and each part is kept positive; `ratio` is Δt/Δx over the share of a part
    (2d Δt/Δx for equal parts). Guaranteed for a Courant number of at most 1/2.

    **Reference:** Hu, Adams and Shu (2013), J. Comput. Phys. 242, Sec. 2.
    """
    sides = [
        (left, jax.tree.map(rounded, gas.conserved(left)), -ratio),
        (right, jax.tree.map(rounded, gas.conserved(right)), ratio),
    ]
    danger = [
        jnp.any(quantity(_updated(state, flux, signed), gas) < _SHARE * least(cell))
        for quantity, least in _KEPT
        for cell, state, signed in sides
    ]

    # Most steps endanger no cell: then nothing else is computed.
    def limited() -> Conserved:
        safe = jax.tree.map(rounded, rusanov(left, right, axis, gas))
        return _limited(flux, safe, sides, gas)

    return lax.cond(jnp.any(jnp.stack(danger)), limited, lambda: flux)


def _limited(
    flux: Conserved,
    safe: Conserved,
    sides: list[tuple[Primitive, Conserved, Float[Array, ""]]],
    gas: IdealGas,
) -> Conserved:
    for quantity, least in _KEPT:
        shares = []
        for cell, state, signed in sides:
            bound = rounded(_SHARE * least(cell))
            bad = quantity(_updated(state, flux, signed), gas)
            good = quantity(_updated(state, safe, signed), gas)
            endangered = bad < bound
            # Elsewhere no tiny gap may stand below: its derivative is not finite.
            gap = jnp.maximum(good - bad, jnp.finfo(bad.dtype).tiny)
            share = (good - bound) / jnp.where(endangered, gap, 1)
            share = jnp.minimum(jnp.maximum(share, 0), 1)
            shares.append(jnp.where(endangered, share, 1))
        share = jnp.minimum(*shares)
        flux = jax.tree.map(
            lambda f, g, s=share: jnp.where(s < 1, g + rounded(s * (f - g)), f),
            flux,
            safe,
        )
    return flux


def _updated(state: Conserved, flux: Conserved, ratio: Float[Array, ""]) -> Conserved:
    return jax.tree.map(lambda u, f: u + rounded(ratio * f), state, flux)


def _pressure(state: Conserved, gas: IdealGas) -> Float[Array, " *faces"]:
    """(γ-1)(E - m²/2ρ), concave in the conserved variables where ρ > 0."""
    kinetic = 0.5 * dot(state.momentum, state.momentum) / state.density
    return gas.pressure(state.energy, kinetic)


def _density(state: Conserved, gas: IdealGas) -> Float[Array, " *faces"]:
    del gas
    return state.density


# What is kept positive, one after the other, and what it is in a cell.
_KEPT: tuple[tuple[Callable, Callable[[Primitive], Array]], ...] = (
    (_density, lambda cell: cell.density),
    (_pressure, lambda cell: cell.pressure),
)
