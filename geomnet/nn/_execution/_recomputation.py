"""What is computed anew for the gradient instead of being kept for it."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import jax
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array

F = TypeVar("F", bound=Callable[..., Any])

_KEPT = "geomnet_kept"


def recomputed(*static: str) -> Callable[[F], F]:
    """A function of which the gradient keeps its arrays and what is `kept` inside.

    For what works on each cell by itself: to compute that again is cheaper than to
    write and to read it. Values, both modes of derivatives of any order and `jax.vmap`
    are those of the function.

    **Arguments:** `static`: names of the arguments that are no arrays; traces are
    looked up by them.
    """
    policy = jax.checkpoint_policies.save_only_these_names(_KEPT)

    def wrapped(function: F) -> F:
        names = list(inspect.signature(function).parameters)
        numbers = tuple(map(names.index, static))
        again: Any = jax.checkpoint(function, policy=policy, static_argnums=numbers)
        return again

    return wrapped


def kept(array: Array) -> Array:
    """The same array, which the gradient of what is `recomputed` keeps."""
    return checkpoint_name(array, _KEPT)
