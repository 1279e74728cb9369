"""What a device can do alone, of the parts of a solver that users write."""

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def local(function: F) -> F:
    """A function marked as local, as a class of forces is with `local = True`.

    - A forcing: the acceleration of a cell follows from the state in it, its place in
      `grid.centers()`, and time.
    - A boundary: a ghost cell follows from the cells on its line across the face.
    """
    function.local = True  # type: ignore[attr-defined]
    return function


def is_local(part: object) -> bool:
    """Whether a forcing or a boundary says that it is local."""
    return getattr(part, "local", False) is True
