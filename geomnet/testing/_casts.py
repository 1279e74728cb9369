"""Where a program computes with fewer bits than it is given.

A cast commutes with the group, so it is rarely seen as an error on one image; but it
rounds what is a rounding apart to numbers that are far apart.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

_LIBRARIES = (f"{os.sep}jax{os.sep}", f"{os.sep}equinox{os.sep}", f"{os.sep}jaxtyping")


def narrowing_casts(f: Callable[..., Any], *args: Any) -> tuple[str, ...]:
    """Casts to fewer bits than the last argument's:
    `"float32 -> bfloat16 at net.py:9"`.

    Empty where JAX can't trace f.
    """
    floats = eqx.filter(args[-1], eqx.is_inexact_array)
    leaves = [leaf.dtype for leaf in jax.tree.leaves(floats)]
    try:
        closed, _, _ = eqx.filter_make_jaxpr(f)(*args)
    except Exception:
        # Whatever stops the tracing, f has run before: it is not at fault here.
        return ()
    if not leaves:
        return ()
    allowed = max(float(jnp.finfo(dtype).eps) for dtype in leaves)
    return tuple(dict.fromkeys(_casts(closed.jaxpr, allowed)))


def _casts(jaxpr: Any, allowed: float) -> Iterator[str]:
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("convert_element_type", "reduce_precision"):
            old, new = equation.invars[0].aval.dtype, equation.outvars[0].aval.dtype
            both = all(jnp.issubdtype(dtype, jnp.inexact) for dtype in (old, new))
            if both and float(jnp.finfo(new).eps) > allowed >= float(
                jnp.finfo(old).eps
            ):
                yield f"{old} -> {new}{_line(equation)}"
        for parameter in equation.params.values():
            items = parameter if isinstance(parameter, (list, tuple)) else (parameter,)
            for value in items:
                inner = getattr(value, "jaxpr", value)
                if hasattr(inner, "eqns"):
                    yield from _casts(inner, allowed)


def _line(equation: Any) -> str:
    traceback = getattr(getattr(equation, "source_info", None), "traceback", None)
    for frame in getattr(traceback, "frames", ()) or ():
        file = str(frame.file_name)
        if not any(library in file for library in _LIBRARIES):
            return f" at {os.path.basename(file)}:{frame.line_num}"
    return ""
