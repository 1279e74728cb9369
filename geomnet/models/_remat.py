"""Blocks that are computed anew for the gradient."""

from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax

from .._stand_in import StandIn

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
    if not remat or any(isinstance(x, StandIn) for x in jax.tree.leaves(block)):
        return block
    again: Any = eqx.filter_checkpoint(block)
    return again
