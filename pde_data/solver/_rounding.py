"""Sums and products whose rounding does not depend on the order of axes or sides.

A compiler may contract `a*b + c*d` into `fma(a, b, c*d)`, which is not the mirror
image of `fma(c, d, a*b)`. The scheme commutes with rotations and reflections bit for
bit only because every such product is rounded on its own, with `rounded`. That holds
for `a*b + c` too: a vector loop may contract it where the scalar loop over the last few
cells does not, and a reflection moves cells from one to the other.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


def rounded(product: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A product that is rounded before it enters a sum: never half of an FMA.

    `max` with the most negative finite number changes no finite value and no NaN, and
    unlike `lax.optimization_barrier` no XLA backend looks through it.
    """
    return lax.max(product, jnp.asarray(-jnp.finfo(product.dtype).max, product.dtype))


def symmetric_sum(terms: list[Float[Array, "*shape"]]) -> Float[Array, "*shape"]:
    """The sum of one to three terms, the same bits whatever their order.

    Two terms commute. Three do not associate, so take the median of the three
    possible associations: unchanged by permutations, odd under a change of all signs.
    """
    if len(terms) == 1:
        return terms[0]
    if len(terms) == 2:
        return terms[0] + terms[1]
    if len(terms) == 3:
        a, b, c = terms
        first, second, third = (a + b) + c, (b + c) + a, (c + a) + b
        low, high = lax.min(first, second), lax.max(first, second)
        return lax.max(low, lax.min(high, third))
    raise ValueError(f"`terms` must hold 1 to 3 arrays, got {len(terms)}.")
