"""Make XLA compute a value once, where its fusion would compute it for every user."""

from jax import lax
from jaxtyping import Array, Float


def materialised(
    x: Float[Array, "*shape"], stored: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """The same array, bit for bit, which every user reads from memory.

    XLA on CPU fuses cheap producers into each of their consumers, and drops
    `lax.optimization_barrier` before it does: slopes and fluxes were computed ten times
    over. It never duplicates a division. So divide by ones that it cannot foresee, made
    from `stored`, an array of the same shape that is in memory already. (A division by
    a scalar does not do: XLA turns it into a product.) Where `stored` is infinite or
    NaN, the state has failed and the result is NaN.
    """
    return x / (1 + 0 * lax.stop_gradient(stored))
