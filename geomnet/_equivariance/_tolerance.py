"""How large an error rounding alone explains, from dtype and depth."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from .._arguments import check_number, named_dtype, shown

TOLERANCES = {"float64": 1e-12, "float32": 2e-5, "bfloat16": 6e-2, "float16": 1e-2}
"""Largest relative error that rounding alone explains, by dtype, at the depth of a
UNet.
"""

# Sums in a row that a UNet with four levels makes: at more, errors add up.
_USUAL_DEPTH = 64


def tolerance_for(dtype: Any, depth: int = 0) -> float:
    """The largest relative error that rounding alone explains.

    **Arguments:**

    - `dtype`: of what is compared. Integers and booleans are exact.
    - `depth`: how many sums (convolutions, matrix products, means) follow each other;
        up to 64 it is that of `TOLERANCES`, beyond it grows with the depth.

    **Raises:** `TypeError` if `dtype` names no type, or the depth is no number.
    """
    check_number("depth", depth)
    named = named_dtype(dtype)
    if named is None:
        raise TypeError(
            "`dtype` must be the type of an array, such as 'float32', got "
            f"{shown(dtype)}."
        )
    if not jnp.issubdtype(named, jnp.inexact):
        return 0.0
    # Not every floating type has a name here: 8 bits, or complex numbers.
    usual = TOLERANCES.get(named.name, 8 * float(jnp.finfo(named).eps))
    return usual * max(1.0, depth / _USUAL_DEPTH)


def deciding_tolerance(relative: float, dtype: Any, depth: Callable[[], int]) -> float:
    """The tolerance that decides on an error: of the dtype, or else of the depth too.

    **Arguments:** `depth` counts the sums in a row, and is called only for an error
    that the dtype alone does not explain: counting traces the program.
    """
    usual = tolerance_for(dtype)
    return usual if relative <= usual else tolerance_for(dtype, depth())


def lower_precision(*dtypes: Any) -> Any:
    """The dtype with the largest rounding error."""
    inexact = [d for d in map(jnp.dtype, dtypes) if jnp.issubdtype(d, jnp.inexact)]
    if not inexact:
        return jnp.dtype(dtypes[0])
    return max(inexact, key=lambda d: float(jnp.finfo(d).eps))


def like_fewer_bits(relative: float, dtype: Any) -> str:
    """The dtype with fewer bits whose rounding an error looks like, or `""`."""
    own = float(jnp.finfo(dtype).eps) if jnp.issubdtype(dtype, jnp.inexact) else 1.0
    for name in ("float32", "float16", "bfloat16"):
        if own < float(jnp.finfo(name).eps) and relative <= TOLERANCES[name]:
            return name
    return ""
