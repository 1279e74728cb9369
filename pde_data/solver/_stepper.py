"""Runge-Kutta steps, for waves and for diffusion; they know no physics.

All are written as the old state plus one increment. The textbook's convex
combination, `(u + 2 u2)/3`, drifts in float32, because 1/3 is rounded: mass would grow
by 3e-8 a step.
"""

from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .._arguments import checked, shown
from ._rounding import rounded

State = TypeVar("State")
# Of the longest stable step, the part that is used.
_SAFETY = 0.9
# The longest step of `rkl2` to take, in explicit ones: of 7 stages. Longer ones are
# stable, but their errors in time were seen beside those in space.
LONGEST = 8.0

Rate = Callable[[State, Float[Array, ""]], State]


@checked
def ssp_rk2(
    rate: Rate, state: State, time: Float[Array, ""], step: Float[Array, ""]
) -> State:
    """One step of Heun's method, order 2, two stages, SSP coefficient 1.

    **Arguments:**

    - `rate`: a function of state and time.
    - `state`: a tree of arrays, such as a `Conserved`.
    - `time`, `step`: of the state, and to the next one.

    **Raises:** `TypeError` if the state is no tree of arrays.

    **Reference:** Gottlieb, Shu and Tadmor (2001), SIAM Review 43, Eq. 4.1.
    """
    _check_state(state)
    k1 = rate(state, time)
    k2 = rate(_add(state, step, k1), time + step)
    return _add(state, step / 2, jax.tree.map(jnp.add, k1, k2))


@checked
def ssp_rk3(
    rate: Rate, state: State, time: Float[Array, ""], step: Float[Array, ""]
) -> State:
    """One step of Shu and Osher's method, order 3, three stages, SSP coefficient 1.

    **Arguments:** as of `ssp_rk2`.

    **Raises:** `TypeError` if the state is no tree of arrays.

    **Reference:** Gottlieb, Shu and Tadmor (2001), SIAM Review 43, Eq. 4.2.
    """
    _check_state(state)
    k1 = rate(state, time)
    k2 = rate(_add(state, step, k1), time + step)
    k12 = jax.tree.map(jnp.add, k1, k2)
    k3 = rate(_add(state, step / 4, k12), time + step / 2)
    return _add(state, step / 6, jax.tree.map(lambda a, b: a + 4 * b, k12, k3))


@checked
def rkl2(
    rate: Callable[[State], State],
    state: State,
    step: Float[Array, ""],
    fastest: Float[Array, ""],
) -> State:
    """One step of the diffusive terms, of any length, order 2, in s stages.

    An explicit step may be `1 / fastest` long, this one `(s² + s - 2) / 4` times that:
    s is the least odd number of stages that is enough, so that the cost grows with the
    root of the length. Stable and damping for rates that are linear with real, negative
    eigenvalues, of which none is below `-2 fastest`. The number of stages is decided in
    the loop: forward mode differentiates it, reverse mode does not.

    **Arguments:**

    - `rate`: of diffusive terms alone.
    - `state`: a tree of arrays, such as a `Conserved`.
    - `step`: some ten explicit ones, for precision; what is rounded grows with s².
    - `fastest`: the largest rate of decay over two, as `CompressibleNavierStokes`
      bounds it: 2ν/Δx² summed over the axes.

    **Raises:** `TypeError` if the state is no tree of arrays.

    **Reference:** Meyer, Balsara and Aslam (2014), J. Comput. Phys. 257, Eq. 15-18.
    """
    _check_state(state)
    stages = _stages(step * fastest)
    # What multiplies the first rate: the step over the sum of the stages' shares.
    whole = 4 * step / (stages * stages + stages - 2)
    first = rate(state)
    one = jax.tree.map(lambda k: rounded((whole / 3) * k), first)
    nothing = jax.tree.map(jnp.zeros_like, state)

    def stage(j: Float[Array, ""], before: State, last: State) -> State:
        now, back, older = (_share(j - i) for i in range(3))
        mu, nu = (2 * j - 1) / j * (now / back), (1 - j) / j * (now / older)
        here = rate(jax.tree.map(jnp.add, state, last))
        return jax.tree.map(
            lambda d, b, k, k1: (
                (rounded(mu * d) + rounded(nu * b))
                + (rounded(mu * whole * k) - rounded((1 - back) * mu * whole * k1))
            ),
            last,
            before,
            here,
            first,
        )

    def on(carry: tuple[Array, State, State]) -> tuple[Array, State, State]:
        j, before, last = carry
        return j + 1, last, stage(j, before, last)

    two = jnp.full_like(step, 2)
    _, _, change = lax.while_loop(
        lambda carry: carry[0] <= stages, on, (two, nothing, one)
    )
    return jax.tree.map(jnp.add, state, change)


def _stages(ratio: Float[Array, ""]) -> Float[Array, ""]:
    """The least odd s >= 3 with (s² + s - 2)/4 above a ratio; 3 where it is none."""
    enough = 0.5 * (jnp.sqrt(9 + (16 / _SAFETY) * ratio) - 1)
    odd = 2 * jnp.ceil(0.5 * (enough - 1)) + 1
    return jnp.where(jnp.isfinite(odd), jnp.maximum(odd, 3), 3)


def _share(j: Float[Array, ""]) -> Float[Array, ""]:
    """b_j = (j² + j - 2) / (2j (j + 1)), and 1/3 for the first three."""
    j = jnp.maximum(j, 2)
    return (j * j + j - 2) / (2 * j * (j + 1))


def _check_state(state: object) -> None:
    """**Raises:** `TypeError` unless the state holds arrays, and nothing else."""
    leaves = jax.tree.leaves(state)
    if not leaves or not all(eqx.is_array(leaf) for leaf in leaves):
        raise TypeError(
            "`state` must be a tree of arrays, such as a Conserved, got "
            f"{shown(state)}."
        )


def _add(state: State, step: Float[Array, ""], rate: State) -> State:
    return jax.tree.map(lambda u, k: u + rounded(step * k), state, rate)
