"""What is computed anew for the gradient instead of being kept for it."""

import contextvars
import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import jax
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array

F = TypeVar("F", bound=Callable[..., Any])

_KEPT = "geomnet_kept"

_is_inside: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "is_inside", default=False
)


def recomputed(*static: str) -> Callable[[F], F]:
    """A function of which the gradient keeps its arrays and what is `kept` inside.

    For what works on each cell by itself: to compute that again is cheaper than to
    write and to read it. Values, both modes of derivatives of any order and `jax.vmap`
    are those of the function. Inside of another such function it is a part of that one,
    or it would be computed twice.

    **Arguments:** `static`: names of the arguments that are no arrays; traces are
    looked up by them.
    """
    policy = jax.checkpoint_policies.save_only_these_names(_KEPT)

    def wrapped(function: F) -> F:
        names = list(inspect.signature(function).parameters)
        numbers = tuple(map(names.index, static))

        @functools.wraps(function)
        def inside(*arguments: Any) -> Any:
            token = _is_inside.set(True)
            try:
                return function(*arguments)
            finally:
                _is_inside.reset(token)

        again: Any = jax.checkpoint(inside, policy=policy, static_argnums=numbers)

        @functools.wraps(function)
        def chosen(*arguments: Any) -> Any:
            return (function if _is_inside.get() else again)(*arguments)

        return chosen  # pyright: ignore

    return wrapped


def kept(array: Array) -> Array:
    """The same array, which the gradient of what is `recomputed` keeps."""
    return checkpoint_name(array, _KEPT)
