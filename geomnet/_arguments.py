"""Checks of arguments that are numbers or keys, with one voice."""

import jax
import jax.export
import jax.numpy as jnp
import numpy as np


def check_count(name: str, value: int, *, at_least: int = 1) -> None:
    """**Raises:** `ValueError` unless the value is an integer and not too small."""
    is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_integer or value < at_least:
        kind = (
            "a positive integer" if at_least == 1 else f"an integer, {at_least} or more"
        )
        raise ValueError(f"`{name}` must be {kind}, got {value!r}.")


def checked_positive(name: str, value: float, reason: str = "") -> float:
    """The value. **Raises:** `ValueError` unless it is above zero; NaN is not.

    **Arguments:** `reason`: what goes wrong otherwise, for the message.
    """
    if not value > 0:
        because = f": {reason}" if reason else ""
        raise ValueError(f"`{name}` must be positive, got {value}{because}.")
    return value


def check_grid(name: str, value: object, num_spatial_dims: int = 2) -> None:
    """**Raises:** `TypeError` unless the value is a tuple of whole numbers of cells."""
    sides = value if isinstance(value, tuple | list) else ()
    if any(jax.export.is_symbolic_dim(n) for n in sides):
        raise TypeError(
            f"`{name}` must hold numbers of cells, got {value!r}: where windows lie "
            "depends on the sides, so a program is exported for one grid, of which "
            "only batch axes may be symbolic. Export one program for each grid."
        )
    if not sides or not all(isinstance(n, int | np.integer) for n in sides):
        side = value if isinstance(value, int) else 32
        raise TypeError(
            f"`{name}` must hold the cells along each axis, such as "
            f"{(side,) * num_spatial_dims}, got {value!r}."
        )


def check_number(name: str, value: object) -> None:
    """**Raises:** `TypeError` unless the value is one real number, and no text."""
    is_number = isinstance(value, int | float | np.integer | np.floating)
    if not is_number or isinstance(value, bool):
        raise TypeError(f"`{name}` must be a number, got {value!r}.")


def check_key(name: str, value: object) -> None:
    """**Raises:** `TypeError` unless the value is a random key."""
    dtype = getattr(value, "dtype", None)
    is_typed = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
    is_raw = dtype == np.uint32 and getattr(value, "ndim", 0) == 1
    if not ((is_typed and getattr(value, "ndim", 0) == 0) or is_raw):
        shown = value if isinstance(value, int | float | str) else type(value).__name__
        mend = f"jax.random.key({value if isinstance(value, int) else 0})"
        raise TypeError(f"`{name}` must be one random key, `{mend}`, got {shown!r}.")
