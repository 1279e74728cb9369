"""Make XLA compute a value once, and compile a long loop in parts.

Left alone on a CPU, its fusion computes a value anew for every user, and a loop over
small arrays becomes a single function. On an accelerator arithmetic costs nothing and
memory all: there the best is one function for everything between two states.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


def in_one_function() -> bool:
    """Whether values are computed anew at each face that needs them, from cells alone.

    So XLA makes one function for an accelerator of what it would otherwise split at
    every array that has users at several places. The bits are the same.
    """
    return jax.default_backend() != "cpu"


def materialised(
    x: Float[Array, "*shape"], stored: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """The same array, bit for bit, which every user reads from memory.

    XLA on CPU fuses cheap producers into each of their consumers, and drops
    `lax.optimization_barrier` before it does: slopes and fluxes were computed ten times
    over. It never duplicates a division. So divide by ones that it cannot foresee, made
    from `stored`, an array of the same shape that is in memory already. (A division by
    a scalar does not do: XLA turns it into a product.) Where `stored` is infinite or
    NaN, the state has failed and the result is NaN. On an accelerator nothing is done.
    """
    if in_one_function():
        return x
    return x / (1 + 0 * lax.stop_gradient(stored))


def compiled_in_parts(number: Float[Array, ""]) -> Float[Array, ""]:
    """The same number, bit for bit; the loop whose body uses it is no single function.

    XLA on CPU turns a loop over small arrays, such as states of 32² cells, into one
    function for LLVM, whose time to compile grows with the square of its length: 40 to
    55 s instead of 7 s for a scheme of type WENO under JAX 0.12. It does so only where
    every operation can be part of a function, and a sort cannot.
    """
    return lax.platform_dependent(
        number, cpu=lambda x: lax.sort(jnp.stack([x, x]))[0], default=lambda x: x
    )
