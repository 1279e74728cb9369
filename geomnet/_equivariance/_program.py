"""What JAX's trace of a callable tells: its lines, its depth and products, where it
loses bits.
"""

import dataclasses
import os
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

_LIBRARIES = tuple(
    f"{os.sep}{name}{os.sep}" for name in ("jax", "equinox", "jaxtyping", "flax")
)

# Programs inside of an equation that run once, on its own inputs.
_INLINED = (
    "checkpoint",
    "closed_call",
    "custom_jvp_call",
    "custom_vjp_call",
    "jit",
    "pjit",
    "remat2",
)

# A loop that runs until something holds: nobody knows how often.
_UNKNOWN_LENGTH = 64

_PRODUCTS = frozenset(
    {"conv_general_dilated", "dot_general", "geomnet_outer", "geomnet_times"}
)
_SUMS = _PRODUCTS | frozenset(
    {
        "cumsum",
        "fft",
        "reduce_sum",
        "reduce_window_sum",
        "scatter-add",
    }
)


def rounding_depth(f: Callable[..., Any], *args: Any) -> int:
    """How many sums (convolutions, matrix products, means) follow each other in f.

    The longest way through the program that JAX traces; a `scan` counts once for each
    turn. What can't be traced, such as a NumPy function, counts 0.
    """
    jaxpr = _traced(f, *args)
    return 0 if jaxpr is None else _longest(jaxpr, [0] * len(jaxpr.invars))


def product_precisions(f: Callable[..., Any], *args: Any) -> frozenset[Hashable]:
    """In which precisions f asks for products and convolutions, `None` for JAX's own.

    What can't be traced may do any products, in the precision that JAX is set to.
    """
    jaxpr = _traced(f, *args)
    return frozenset({None}) if jaxpr is None else frozenset(_precisions(jaxpr))


def narrowing_casts(f: Callable[..., Any], *args: Any) -> tuple[str, ...]:
    """Casts to fewer bits than the last argument's:
    `"float32 -> bfloat16 at net.py:9"`.

    A cast commutes with the group, so it is rarely seen as an error on one image; but
    it rounds what is a rounding apart to numbers that are far apart. Empty where JAX
    can't trace f.
    """
    floats = eqx.filter(args[-1], eqx.is_inexact_array)
    leaves = [leaf.dtype for leaf in jax.tree.leaves(floats)]
    jaxpr = _traced(f, *args)
    if jaxpr is None or not leaves:
        return ()
    allowed = max(float(jnp.finfo(dtype).eps) for dtype in leaves)
    return tuple(dict.fromkeys(_casts(jaxpr, allowed)))


def is_traceable(f: Callable[..., Any], *args: Any) -> bool:
    """Whether JAX can trace f, and so its casts and lines can be seen."""
    return _traced(f, *args) is not None


@dataclasses.dataclass(frozen=True)
class Step:
    """One equation of a traced program."""

    place: str
    """`net.py:9`, with the scope that a library names, as in `net.py:9 (CNN/Conv_0)`;
    or `""`."""
    live: tuple[int, ...]
    """Numbers of the values that depend on the input and that later steps use, or the
    result."""


def run_in_steps(f: Callable, x: Any) -> tuple[list[Step], list[np.ndarray]] | None:
    """Runs f and gives all values that depend on x, with the steps that make them.

    `None` where JAX can't trace f.
    """
    try:
        closed, _, _ = eqx.filter_make_jaxpr(f)(x)
    except Exception:
        # Whatever stops the tracing, f has run before: it is not at fault here.
        return None
    jaxpr = closed.jaxpr
    equations: list[tuple[Any, list[Any], list[Any], str]] = []
    count = len(jaxpr.invars)
    start = dict(zip(jaxpr.invars, range(count), strict=True))
    constants = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    results, count = _flattened(jaxpr, {**start, **constants}, equations, count, "")
    arrays = jax.tree.leaves(eqx.filter(x, eqx.is_array))

    depending = set(range(len(arrays)))
    for _, taken, given, _ in equations:
        if any(type(v) is _Number and v in depending for v in taken):
            depending |= set(given)
    last_use: dict[int, int] = {
        v: len(equations) for v in results if type(v) is _Number
    }
    for i, (_, taken, _, _) in reversed(list(enumerate(equations))):
        for v in taken:
            if type(v) is _Number:
                last_use.setdefault(v, i)

    @jax.jit
    def run(arrays: list[Any]) -> list[Any]:
        values: dict[int, Any] = dict(enumerate(arrays))
        for equation, taken, given, _ in equations:
            inputs = [values[v] if type(v) is _Number else v for v in taken]
            bound = equation.primitive.get_bind_params(equation.params)
            # Older versions of JAX give functions too.
            functions, parameters = bound if type(bound) is tuple else ((), bound)
            out = equation.primitive.bind(*functions, *inputs, **parameters)
            several = equation.primitive.multiple_results
            values.update(zip(given, out if several else [out], strict=True))
        return [values[i] if i in values else jnp.zeros(()) for i in range(count)]

    values = [np.asarray(v) for v in run(arrays)]
    steps, alive = [], set(range(len(arrays)))
    for i, (_, _, given, place) in enumerate(equations):
        alive = {v for v in alive | set(given) if last_use.get(v, -1) > i}
        steps.append(Step(place, tuple(sorted(alive & depending))))
    return steps, values


class _Number(int):
    """The number of a value: not to be taken for a literal."""


def _flattened(
    jaxpr: Any, known: dict[Any, Any], equations: list, count: int, place: str
) -> tuple[list[Any], int]:
    """Adds the equations of a program, and of those inside; gives its results.

    **Arguments:** `place` is where the program is called.
    """
    known = {k: _Number(v) if type(v) is int else v for k, v in known.items()}

    def of(variable: Any) -> Any:
        return variable.val if hasattr(variable, "val") else known[variable]

    for equation in jaxpr.eqns:
        taken = [of(v) for v in equation.invars]
        inner = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
        body = getattr(inner, "jaxpr", inner)
        if equation.primitive.name in _INLINED and hasattr(body, "eqns"):
            inside = dict(zip(body.invars, taken, strict=True))
            inside |= dict(
                zip(body.constvars, getattr(inner, "consts", ()), strict=True)
            )
            outer = _place(equation) or place
            results, count = _flattened(body, inside, equations, count, outer)
        else:
            results = [_Number(count + i) for i in range(len(equation.outvars))]
            count += len(results)
            equations.append((equation, taken, results, _place(equation) or place))
        known |= dict(zip(equation.outvars, results, strict=True))
    return [of(v) for v in jaxpr.outvars], count


def _traced(f: Callable[..., Any], *args: Any) -> Any:
    try:
        closed, _, _ = eqx.filter_make_jaxpr(f)(*args)
    except Exception:
        # Whatever stops the tracing, f has run before: it is not at fault here.
        return None
    return closed.jaxpr


def _inner(equation: Any) -> Iterator[Any]:
    """The programs inside of an equation, such as the body of a loop."""
    for parameter in equation.params.values():
        items = parameter if isinstance(parameter, (list, tuple)) else (parameter,)
        for value in items:
            body = getattr(value, "jaxpr", value)
            if hasattr(body, "eqns"):
                yield body


def _precisions(jaxpr: Any) -> Iterator[Hashable]:
    for equation in jaxpr.eqns:
        if equation.primitive.name in _PRODUCTS:
            yield equation.params["precision"]
        for body in _inner(equation):
            yield from _precisions(body)


def _casts(jaxpr: Any, allowed: float) -> Iterator[str]:
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("convert_element_type", "reduce_precision"):
            old, new = equation.invars[0].aval.dtype, equation.outvars[0].aval.dtype
            both = all(jnp.issubdtype(dtype, jnp.inexact) for dtype in (old, new))
            if both and float(jnp.finfo(new).eps) > allowed >= float(
                jnp.finfo(old).eps
            ):
                line = _line(equation)
                yield f"{old} -> {new}" + (f" at {line}" if line else "")
        for body in _inner(equation):
            yield from _casts(body, allowed)


def _longest(jaxpr: Any, depths: list[int]) -> int:
    at: dict[Any, int] = dict(zip(jaxpr.invars, depths, strict=True))

    def of(variable: Any) -> int:
        return 0 if hasattr(variable, "val") else at.get(variable, 0)

    for equation in jaxpr.eqns:
        start = max(map(of, equation.invars), default=0)
        added = 1 if equation.primitive.name in _SUMS else 0
        if inner := list(_inner(equation)):
            added = max(_longest(part, [0] * len(part.invars)) for part in inner)
        if equation.primitive.name == "scan":
            added *= equation.params["length"]
        elif equation.primitive.name == "while":
            added *= _UNKNOWN_LENGTH
        for variable in equation.outvars:
            at[variable] = start + added
    return int(np.max([of(variable) for variable in jaxpr.outvars], initial=0))


def _place(equation: Any) -> str:
    scope = str(getattr(equation.source_info, "name_stack", ""))
    line = _line(equation)
    return line + (f" ({scope})" if scope and line else scope)


def _line(equation: Any) -> str:
    traceback = getattr(getattr(equation, "source_info", None), "traceback", None)
    for frame in getattr(traceback, "frames", ()) or ():
        file = str(frame.file_name)
        if not any(library in file for library in _LIBRARIES):
            return f"{os.path.basename(file)}:{frame.line_num}"
    return ""
