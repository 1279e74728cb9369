"""How large an error rounding alone explains, from dtype, products and depth."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import jax.numpy as jnp

from .._arguments import check_number, named_dtype, shown
from ._products import rounding_of_products
from ._program import product_precisions, rounding_depth

TOLERANCES = {"float64": 1e-12, "float32": 2e-5, "bfloat16": 6e-2, "float16": 1e-2}
"""Largest relative error that rounding alone explains, by dtype, at the depth of a
UNet, where products are done in full. `tolerance_for` asks the backend.
"""

# Sums in a row that a UNet with four levels makes: at more, errors add up.
_USUAL_DEPTH = 64

# What products of fewer bits make of a network, over the error of one: 1 to 3 for a new
# UNet and FNO. Steeper networks are measured themselves.
_PRODUCTS_IN_A_NETWORK = 16


def tolerance_for(dtype: Any, depth: int = 0) -> float:
    """The largest relative error that rounding alone explains on this backend.

    That of `TOLERANCES`; more where JAX is set to products with fewer bits, as it is on
    GPUs (TF32) and TPUs (bfloat16) by default. They are measured, by one small product
    and one small convolution. `jax.default_matmul_precision("highest")` makes them
    full.

    **Arguments:**

    - `dtype`: of what is compared. Integers and booleans are exact.
    - `depth`: how many sums (convolutions, matrix products, means) follow each other;
        up to 64 it plays no part, beyond it the tolerance grows with the depth.

    **Raises:** `TypeError` if `dtype` names no type, or the depth is no number.
    """
    return _explained(dtype, depth, (None,))


def _explained(dtype: Any, depth: int, precisions: Iterable[Hashable]) -> float:
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
    products = (rounding_of_products(named, precision) for precision in precisions)
    usual = max(usual, _PRODUCTS_IN_A_NETWORK * max(products, default=0.0))
    return usual * max(1.0, depth / _USUAL_DEPTH)


def deciding_tolerance(
    relative: float,
    dtype: Any,
    depth: Callable[[], int],
    precisions: Callable[[], Iterable[Hashable]] = tuple,
) -> float:
    """The tolerance that decides on an error: of the dtype, or else of the program too.

    **Arguments:** `depth` counts the sums in a row and `precisions` says how products
    are done. They are called only for an error that the dtype alone does not explain:
    they trace the program.
    """
    usual = _explained(dtype, 0, ())
    return usual if relative <= usual else _explained(dtype, depth(), precisions())


def deciding_tolerance_of(
    f: Callable[..., Any], x: Any, relative: float, dtype: Any
) -> float:
    """The tolerance that decides on an error of `f(x)`."""
    return deciding_tolerance(
        relative,
        dtype,
        lambda: rounding_depth(f, x),
        lambda: product_precisions(f, x),
    )


def tolerance_of(f: Callable[..., Any], x: Any, dtype: Any) -> float:
    """The largest relative error of `f(x)` that rounding explains."""
    return deciding_tolerance_of(f, x, float("inf"), dtype)


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
