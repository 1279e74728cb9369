"""Blocks that are computed anew for the gradient."""

from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax

from .._stand_in import StandIn
from ..nn._execution import is_accelerator, recomputed

B = TypeVar("B", bound=Callable[..., Any])


def execution_field() -> Any:
    """A static field that decides how a model is executed and not which function it
    is: checkpoints of models that differ in it are each other's.
    """
    return eqx.field(static=True, metadata={"execution": True})


def rematerialised(block: B, remat: bool) -> B:
    """The block, of which the gradient keeps nothing but what it is given, if so asked.

    Stand-ins inside of a block note values that have to outlast it: it then runs as it
    is.
    """
    if not remat or has_stand_in(block):
        return block
    again: Any = eqx.filter_checkpoint(block)
    return again


def joined(run: Callable[..., Any], layers: Any, *arguments: Any) -> Any:
    """`run(*arguments)`, of which the gradient on an accelerator keeps what it is given
    and not what is between its `layers`.

    For layers around one convolution, of which nothing is computed anew but its input.
    A CPU keeps all: there that costs more than it saves. Stand-ins as above.
    """
    if not is_accelerator() or has_stand_in(layers):
        return run(*arguments)
    return recomputed()(run)(*arguments)


def has_stand_in(layers: Any) -> bool:
    """Whether something else stands in place of a layer."""
    return any(isinstance(x, StandIn) for x in jax.tree.leaves(layers))
