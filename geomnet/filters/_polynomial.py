"""Polynomials as users give them."""

from typing import Any


def as_polynomials(name: str, value: Any) -> Any:
    """A sympy expression, or nested lists of such, as a sympy array.

    **Raises:** `TypeError` for what is no polynomial in x, y and z.
    """
    import sympy

    try:
        # Texts are what sympy would look into for ever.
        array: Any = sympy.Array(None if isinstance(value, str) else value)
        entries = [array[()]] if array.shape == () else sympy.flatten(array)
        if all(entry.is_polynomial(*sympy.symbols("x y z")) for entry in entries):
            return array
    except (TypeError, ValueError, AttributeError):
        pass
    raise TypeError(
        f"`{name}` must be a sympy polynomial in x, y, z, or nested lists of such, got "
        f"{value!r:.60}."
    )
