"""How large an error rounding alone explains, from dtype and depth."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

TOLERANCES = {"float64": 1e-12, "float32": 2e-5, "bfloat16": 6e-2, "float16": 1e-2}
"""Largest relative error that rounding alone explains, by dtype, at the depth of a
UNet.
"""

# Sums in a row that a UNet with four levels makes: at more, errors add up.
_USUAL_DEPTH = 64

# A loop that runs until something holds: nobody knows how often.
_UNKNOWN_LENGTH = 64

_SUMS = frozenset(
    {
        "conv_general_dilated",
        "cumsum",
        "dot_general",
        "fft",
        "reduce_sum",
        "reduce_window_sum",
        "scatter-add",
    }
)


def tolerance_for(dtype: Any, depth: int = 0) -> float:
    """The largest relative error that rounding alone explains.

    **Arguments:**

    - `dtype`: of what is compared. Integers and booleans are exact.
    - `depth`: how many sums (convolutions, matrix products, means) follow each other;
        up to 64 it is that of `TOLERANCES`, beyond it grows with the depth.
    """
    dtype = jnp.dtype(dtype)
    if not jnp.issubdtype(dtype, jnp.inexact):
        return 0.0
    # Not every floating type has a name here: 8 bits, or complex numbers.
    usual = TOLERANCES.get(dtype.name, 8 * float(jnp.finfo(dtype).eps))
    return usual * max(1.0, depth / _USUAL_DEPTH)


def rounding_depth(f: Callable[..., Any], *args: Any) -> int:
    """How many sums (convolutions, matrix products, means) follow each other in f.

    The longest way through the program that JAX traces; a `scan` counts once for each
    turn. What can't be traced, such as a NumPy function, counts 0.
    """
    try:
        closed, _, _ = eqx.filter_make_jaxpr(f)(*args)
    except Exception:
        # Whatever stops the tracing, f has run before: it is not at fault here.
        return 0
    return _longest(closed.jaxpr, [0] * len(closed.jaxpr.invars))


def lower_precision(*dtypes: Any) -> Any:
    """The dtype with the largest rounding error."""
    inexact = [d for d in map(jnp.dtype, dtypes) if jnp.issubdtype(d, jnp.inexact)]
    if not inexact:
        return jnp.dtype(dtypes[0])
    return max(inexact, key=lambda d: float(jnp.finfo(d).eps))


def _longest(jaxpr: Any, depths: list[int]) -> int:
    at: dict[Any, int] = dict(zip(jaxpr.invars, depths, strict=True))

    def of(variable: Any) -> int:
        return 0 if hasattr(variable, "val") else at.get(variable, 0)

    for equation in jaxpr.eqns:
        start = max(map(of, equation.invars), default=0)
        inner = [
            getattr(value, "jaxpr", value)
            for parameter in equation.params.values()
            for value in (
                parameter if isinstance(parameter, (list, tuple)) else (parameter,)
            )
            if hasattr(getattr(value, "jaxpr", value), "eqns")
        ]
        added = 1 if equation.primitive.name in _SUMS else 0
        if inner:
            added = max(_longest(part, [0] * len(part.invars)) for part in inner)
        if equation.primitive.name == "scan":
            added *= equation.params["length"]
        elif equation.primitive.name == "while":
            added *= _UNKNOWN_LENGTH
        for variable in equation.outvars:
            at[variable] = start + added
    return int(np.max([of(variable) for variable in jaxpr.outvars], initial=0))
