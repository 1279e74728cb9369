"""Numerical fluxes between two states: Rusanov, HLL, HLLC, and a low-Mach fix.

Each is `(left, right, axis, gas) -> flux`, consistent with the inviscid flux, and the
mirror image of itself bit for bit when the sides are exchanged.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .._arguments import check_axis, checked
from ._gas import IdealGas, as_scalar, dot
from ._materialisation import materialised
from ._rounding import rounded
from ._state import Conserved, Primitive

RiemannSolver = Callable[[Primitive, Primitive, int, IdealGas], Conserved]


@checked
def rusanov(left: Primitive, right: Primitive, axis: int, gas: IdealGas) -> Conserved:
    """The local Lax-Friedrichs flux: most robust, most dissipative.

    **Arguments:**

    - `left`, `right`: the states on either side of each face.
    - `axis`: the one that the faces are normal to.
    - `gas`: gives energy and speed of sound.

    **Raises:** `ValueError` for an axis that there is not; `TypeError` for another kind
    of argument.

    **Reference:** Toro (2009), Sec. 10.5.1, Eq. 10.55-10.56.
    """
    check_axis("axis", axis, len(left.velocity))
    speed = jnp.maximum(
        jnp.abs(left.velocity[axis]) + gas.sound_speed(left),
        jnp.abs(right.velocity[axis]) + gas.sound_speed(right),
    )
    return jax.tree.map(
        lambda fl, fr, ul, ur: materialised(
            0.5 * (fl + fr) - rounded(0.5 * speed * (ur - ul)), speed
        ),
        *_fluxes_and_states(left, right, axis, gas),
    )


@checked
def hll(left: Primitive, right: Primitive, axis: int, gas: IdealGas) -> Conserved:
    """The two-wave flux of Harten, Lax and van Leer: smears contacts, never fails.

    **Arguments:** as of `rusanov`.

    **Raises:** `TypeError` for another kind of argument.

    **Reference:** Toro (2009), Sec. 10.3, with Davis's wave speeds (Sec. 10.5.1).
    """
    slowest, fastest = _wave_speeds(left, right, axis, gas)
    s_l, s_r = jnp.minimum(slowest, 0), jnp.maximum(fastest, 0)
    return jax.tree.map(
        lambda fl, fr, ul, ur: (
            ((rounded(s_r * fl) - rounded(s_l * fr)) + rounded(s_l * s_r * (ur - ul)))
            / (s_r - s_l)
        ),
        *_fluxes_and_states(left, right, axis, gas),
    )


@checked
def hllc(left: Primitive, right: Primitive, axis: int, gas: IdealGas) -> Conserved:
    """The three-wave flux that keeps contacts and shear waves sharp.

    It is the inviscid flux of the state that the three-wave fan leaves at the face; the
    pressure behind both outer waves is the mean of its two expressions, so that a
    contact at rest has no preferred side.

    **Arguments:** as of `rusanov`.

    **Raises:** `TypeError` for another kind of argument.

    **Reference:** Toro (2009), Sec. 10.4, with Davis's wave speeds (Sec. 10.5.1).
    """
    s_l, s_r = _wave_speeds(left, right, axis, gas)
    u_l, u_r = left.velocity[axis], right.velocity[axis]
    mass_l, mass_r = left.density * (s_l - u_l), right.density * (s_r - u_r)
    contact = (
        (right.pressure - left.pressure)
        + (rounded(mass_l * u_l) - rounded(mass_r * u_r))
    ) / (rounded(mass_l) - rounded(mass_r))
    pressure = 0.5 * (
        (left.pressure + rounded(mass_l * (contact - u_l)))
        + (right.pressure + rounded(mass_r * (contact - u_r)))
    )

    from_left = contact > 0
    side = _select(from_left, left, right)
    speed = jnp.where(from_left, s_l, s_r)
    mass = jnp.where(from_left, mass_l, mass_r)
    own = side.velocity[axis]
    energy = gas.energy(side)
    work = rounded(pressure * contact) - rounded(side.pressure * own)
    fan_energy = rounded(energy * (speed - own)) + work

    # Density and energy behind the outer wave are over `speed - contact`. The division
    # comes last, as XLA computes one only once.
    supersonic = (s_l > 0) | (s_r < 0)
    width = jnp.where(supersonic, 1, speed - contact)
    normal = jnp.where(supersonic, own, contact)
    face_pressure = jnp.where(supersonic, side.pressure, pressure)
    carried = jnp.where(supersonic, side.density, mass) * normal
    mass_flux = carried / width
    heat = jnp.where(supersonic, energy, fan_energy) + rounded(face_pressure * width)
    along = materialised(rounded(mass_flux * normal) + face_pressure, mass_flux)
    momentum = tuple(
        along if i == axis else mass_flux * u for i, u in enumerate(side.velocity)
    )
    tracer = None if side.tracer is None else mass_flux * side.tracer
    return Conserved(mass_flux, momentum, normal * heat / width, tracer)


def low_mach(solver: RiemannSolver) -> RiemannSolver:
    """A Riemann solver whose dissipation does not grow as the Mach number falls.

    The jump of velocity is multiplied by min(1, local Mach number) before `solver`
    sees it.

    **Reference:** Thornber et al. (2008), J. Comput. Phys. 227, 4873-4894.
    """

    def fixed(left: Primitive, right: Primitive, axis: int, gas: IdealGas) -> Conserved:
        mach_squared = jnp.maximum(_mach_squared(left, gas), _mach_squared(right, gas))
        # Gas at rest: the root of zero has no derivative.
        least = jnp.finfo(mach_squared.dtype).tiny
        factor = jnp.minimum(1, jnp.sqrt(jnp.maximum(mach_squared, least)))
        return solver(
            _with_velocity(left, right, factor),
            _with_velocity(right, left, factor),
            axis,
            gas,
        )

    return fixed


def _fluxes_and_states(
    left: Primitive, right: Primitive, axis: int, gas: IdealGas
) -> tuple[Conserved, Conserved, Conserved, Conserved]:
    """Fluxes and conserved variables of both sides, fit for sums."""
    return jax.tree.map(
        rounded,
        (
            gas.flux(left, axis),
            gas.flux(right, axis),
            gas.conserved(left),
            gas.conserved(right),
        ),
    )


def _with_velocity(
    state: Primitive, other: Primitive, factor: Float[Array, " *faces"]
) -> Primitive:
    velocity = tuple(
        0.5 * (u + v) + rounded(0.5 * factor * (u - v))
        for u, v in zip(state.velocity, other.velocity, strict=True)
    )
    return Primitive(state.density, velocity, state.pressure, state.tracer)


def _mach_squared(state: Primitive, gas: IdealGas) -> Float[Array, " *faces"]:
    speed_squared = dot(state.velocity, state.velocity)
    gamma = as_scalar(gas.gamma, state.density.dtype)
    return speed_squared * state.density / (gamma * state.pressure)


def _wave_speeds(
    left: Primitive, right: Primitive, axis: int, gas: IdealGas
) -> tuple[Float[Array, " *faces"], Float[Array, " *faces"]]:
    check_axis("axis", axis, len(left.velocity))
    c_l, c_r = gas.sound_speed(left), gas.sound_speed(right)
    u_l, u_r = left.velocity[axis], right.velocity[axis]
    return jnp.minimum(u_l - c_l, u_r - c_r), jnp.maximum(u_l + c_l, u_r + c_r)


def _select(where: Bool[Array, " *faces"], a: Primitive, b: Primitive) -> Primitive:
    return jax.tree.map(lambda x, y: jnp.where(where, x, y), a, b)
