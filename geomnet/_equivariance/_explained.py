"""How large an error rounding explains in one map: measured on the map itself."""

import jax.numpy as jnp
import numpy as np

from ._deviation import Unmoved
from ._difference import difference
from ._field import widened
from ._products import rounding_of_products
from ._program import is_traceable, narrowing_casts, product_precisions
from ._tolerance import deciding_tolerance_of

# Errors of correct networks are up to 3 times what a rounding of the input makes.
_ROUNDINGS = 8

# A map that enlarges a rounding by more than that is to blame for it.
_STEEPEST = 1000

# Larger errors are those of broken filters, whatever rounding does.
_LARGEST = 3e-2


def explained(unmoved: Unmoved, relative: float) -> float:
    """The tolerance that decides on an error of a map.

    That of its dtype, products and depth; for an error that these do not explain, also
    what the map makes of a rounding of its input, which deep networks enlarge. Not
    where it casts to fewer bits inside, or can't be traced to tell: that is a fault.
    """
    field_map, x = unmoved.field_map, unmoved.x
    f, given, dtype = field_map.f, field_map.given(x), unmoved.dtype
    usual = deciding_tolerance_of(f, given, relative, dtype)
    if not usual < relative <= _LARGEST or not jnp.issubdtype(dtype, jnp.inexact):
        return usual
    if not is_traceable(f, given) or narrowing_casts(f, given):
        return usual
    products = [rounding_of_products(dtype, p) for p in product_precisions(f, given)]
    unit = max(float(jnp.finfo(dtype).eps), *products, 0.0)
    random = np.random.default_rng(0)
    enlarged = 0.0
    for _ in range(3):
        signs = random.choice((-1, 1), x.array.shape)
        nearby = (widened(x.array) * (1 + unit * signs)).astype(x.array.dtype)
        y = field_map(x.with_array(nearby))
        enlarged = max(enlarged, difference(y, unmoved.y, unmoved.zero).relative)
    return min(_LARGEST, max(usual, _ROUNDINGS * min(enlarged, _STEEPEST * unit)))
