"""What a callable says of itself: its name, its group, what it takes."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx

from .._group import Group, check_group
from .._signature import Signature

# Its refusals are about what a test gave: pytest shows the test.
__tracebackhide__ = True

Map = Callable[[Any], Any]


def find_group(
    f: Map, group: Group | None, grid: tuple[int, ...] | None = None
) -> Group:
    """`group`, or else f's own; where f has none, what it states for the grid.

    **Raises:** `ValueError` if there is none, `TypeError` if it is something else.
    """
    if group is not None:
        check_group(group)
        return group
    own = unwrapped(f)
    found = getattr(own, "group", None)
    if not isinstance(found, Group) and grid is not None:
        found = group_on(f, grid)
    if not isinstance(found, Group):
        raise ValueError(
            f"`group` is not given and {name_of(f)} has no `group` of its own. Pass "
            "the group to check, such as `group=geomnet.hyperoctahedral(2)`."
        )
    return found


def group_on(f: Map, grid: tuple[int, ...]) -> Group | None:
    """What f says that it commutes with on a grid; `None` if it does not say."""
    stated = getattr(unwrapped(f), "equivariant_under", None)
    return None if stated is None else stated(grid)


def stated_signature(f: Map) -> Signature | None:
    """What f says that it takes; `None` if it does not say."""
    own = unwrapped(f)
    # Layers that give what they take have one signature.
    for name in ("in_signature", "signature"):
        if (stated := getattr(own, name, None)) is not None:
            return Signature(stated)
    return None


def unwrapped(f: Any) -> Any:
    """What `jax.vmap`, `jax.jit`, their Equinox forms and `partial` were put around."""
    while True:
        if isinstance(f, functools.partial):
            f = f.func
        elif callable(getattr(f, "__wrapped__", None)):
            f = f.__wrapped__
        else:
            return f


def name_of(f: Any) -> str:
    """A function's name, or the class of anything else."""
    f = unwrapped(f)
    return getattr(f, "__name__", type(f).__name__)


def hashable(f: Any) -> Any:
    """f, or a function around it where f itself has no hash, as compiling needs."""
    if not isinstance(f, eqx.Module):
        try:
            hash(f)
        except TypeError:
            return lambda x: f(x)
    return f
