"""The same model again, with some of the arguments that built it changed."""

import inspect
from typing import Any, TypeVar

import equinox as eqx
import jax
from jaxtyping import PRNGKeyArray

M = TypeVar("M", bound=eqx.Module)

_NOT_KEPT = ("self", "key", "dtype")


def kept_arguments(model: eqx.Module) -> dict[str, Any]:
    """The arguments that built a model, as its attributes of the same names have them.

    **Raises:** `ValueError` if the model does not keep one of them.
    """
    names = inspect.signature(type(model).__init__).parameters
    arguments = {}
    for name in names:
        if name in _NOT_KEPT:
            continue
        if not hasattr(model, name):
            raise ValueError(
                f"`model`: {type(model).__name__} does not keep its argument `{name}`, "
                "so it can't be built again."
            )
        arguments[name] = getattr(model, name)
    return arguments


def rebuilt(model: M, *, key: PRNGKeyArray, **changed: Any) -> M:
    """A new model of the same class, shape and dtype; some arguments changed.

    **Raises:** `ValueError` if the model does not keep its arguments.
    """
    leaves = jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array))
    arguments = {**kept_arguments(model), **changed}
    arguments |= {"key": key, "dtype": leaves[0].dtype}
    return type(model)(**arguments)
