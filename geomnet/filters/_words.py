"""Words for a report: tensor types, cells and polynomials as plain text."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._signature import TensorType

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def superscript(number: int) -> str:
    """`²` for 2."""
    return str(number).translate(_SUPERSCRIPTS)


def type_name(tensor_type: TensorType) -> str:
    """`pseudovector` for `1-`."""
    pseudo = "pseudo" if tensor_type.parity < 0 else ""
    if tensor_type.order == 0:
        return f"{pseudo}scalar"
    if tensor_type.order == 1:
        return f"{pseudo}vector"
    symmetry = {"": "", "s": "symmetric ", "a": "antisymmetric "}
    return (
        f"{symmetry[tensor_type.symmetry]}{pseudo}tensor of order {tensor_type.order}"
    )


def types_text(types: Sequence[TensorType]) -> str:
    """`1- (pseudovector)`, or `1+ (vector) <- 0+ (scalar)` for a kernel."""
    return " <- ".join(f"{t} ({type_name(t)})" for t in types)


def cell_text(offset: Sequence[float] | np.ndarray) -> str:
    """`(1, 0)`."""
    return f"({', '.join(f'{value:g}' for value in offset)})"


def radius_text(offset: Sequence[float] | np.ndarray) -> str:
    """`√2` for the cell (1, 1)."""
    # Four times the square is whole, also where the centre is a corner of cells.
    quarters = round(4 * sum(value * value for value in offset))
    root = math.isqrt(quarters)
    if root * root == quarters:
        return f"{root / 2:g}"
    return f"√{quarters // 4}" if quarters % 4 == 0 else f"√{quarters / 4:g}"


def polynomial_text(polynomial: Any) -> str:
    """`(-y, x)`: a sympy expression or array on one line, without `*`."""
    if getattr(polynomial, "shape", ()) == ():
        return _expression_text(polynomial)
    if len(polynomial.shape) == 1:
        return f"({', '.join(map(_expression_text, polynomial))})"
    return f"[{', '.join(polynomial_text(row) for row in polynomial)}]"


def filter_lines(bank: Any) -> list[str]:
    """One line per filter of a bank or a subspace: polynomial and name."""
    return [
        f"{n:>4}  {where}  {polynomial_text(polynomial)}  |  {operator}"
        for n, (where, polynomial, operator) in enumerate(
            zip(bank.places, bank.polynomials, bank.operators, strict=True)
        )
    ]


def filter_data(bank: Any) -> dict[str, Any]:
    """What a bank or a subspace is and its filters, as JSON can say it."""
    words = zip(bank.places, bank.polynomials, bank.operators, bank.array, strict=True)
    return {
        "group": {"name": bank.group.name, "order": bank.group.order},
        "types": [str(t) for t in bank.types],
        "window": list(bank.window),
        "filters": [
            {
                "place": where,
                "polynomial": polynomial_text(polynomial),
                "operator": str(operator),
                "array": array.tolist(),
            }
            for where, polynomial, operator, array in words
        ],
    }


@functools.lru_cache(maxsize=4096)
def shortest(expression: Any) -> Any:
    """The expanded or the factored form, whichever is shorter to write."""
    expanded = expression.expand()
    if not expanded.is_Add:
        return expanded
    return min(expanded, expression.factor(), key=lambda form: len(str(form)))


def _expression_text(expression: Any) -> str:
    text = str(shortest(expression))
    for power in range(9, 1, -1):
        text = text.replace(f"**{power}", superscript(power))
    return text.replace("*", " ")
