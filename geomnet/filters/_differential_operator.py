"""Which differential operator a small array of numbers is, by its Taylor expansion.

A kernel K acts as `y(p) = Σ_x K(x) f(p + x)`. With `f(p + x) = Σ_a h^|a| x^a/a! ∂^a f`
it is the sum over degrees of its moments `Σ_x K(x) x^a/a!`, times h to the degree. The
lowest degree with a moment is the operator; the gap to the next one, its accuracy.
"""

import dataclasses
import functools
import math
from fractions import Fraction

import numpy as np

from .._arguments import checked
from .._group import Group
from .._signature import TensorType
from ._covariant_basis import Types, covariant_basis, monomial_exponents
from ._isotropic import contract, symmetrise
from ._rational import rank, reduced_rows, solve
from ._window import window_offsets
from ._words import superscript

# Name: factor, then indices of the result, of the input, of the derivatives, of ε. A
# letter that occurs twice is contracted; "*" stands for indices passed through.
_OPERATORS = {
    "identity": [(1, "*", "*", "", "")],
    "Laplacian": [(1, "*", "*", "zz", "")],
    "biharmonic": [(1, "*", "*", "zzww", "")],
    "gradient": [(1, "z*", "*", "z", "")],
    "gradient of the Laplacian": [(1, "z*", "*", "zww", "")],
    "divergence": [(1, "*", "z*", "z", "")],
    "Laplacian of the divergence": [(1, "*", "z*", "zww", "")],
    "Hessian": [(1, "yz*", "*", "yz", "")],
    "double divergence": [(1, "*", "yz*", "yz", "")],
    "gradient of the divergence": [(1, "a", "b", "ab", "")],
    "strain": [(1, "ab", "b", "a", ""), (1, "ab", "a", "b", "")],
    "rotation": [(1, "ab", "b", "a", ""), (-1, "ab", "a", "b", "")],
    "transposed gradient": [(1, "ab", "a", "b", "")],
    "divergence times δ": [(1, "aa", "b", "b", "")],
    "divergence on the last index": [(1, "a", "ab", "b", "")],
    "gradient of the trace": [(1, "a", "bb", "a", "")],
    "δ": [(1, "aa", "", "", "")],
    "Laplacian times δ": [(1, "aa", "", "bb", "")],
    "trace": [(1, "", "aa", "", "")],
    "Laplacian of the trace": [(1, "", "aa", "bb", "")],
    "transpose": [(1, "ab", "ba", "", "")],
    "trace times δ": [(1, "aa", "bb", "", "")],
    # In the plane.
    "rotated gradient": [(1, "a", "", "b", "ba")],
    "curl [2D scalar]": [(1, "a", "", "b", "ab")],
    "curl [2D]": [(1, "", "b", "a", "ab")],
    "quarter turn": [(1, "a", "b", "", "ba")],
    "quarter turn of the Laplacian": [(1, "a", "b", "zz", "ba")],
    "rotated gradient of the divergence": [(1, "a", "c", "bc", "ba")],
    "gradient of the curl": [(1, "a", "c", "ab", "bc")],
    "ε": [(1, "ab", "", "", "ab")],
    "contraction with ε": [(1, "", "ab", "", "ab")],
    # In space.
    "curl": [(1, "a", "c", "b", "abc")],
    "curl of the Laplacian": [(1, "a", "c", "bzz", "abc")],
    "dual of the gradient": [(1, "ab", "", "c", "abc")],
    "dual": [(1, "ab", "c", "", "abc")],
    "axial vector": [(1, "a", "bc", "", "abc")],
}

# The expansion of a filter that is not zero has a moment long before this.
_MAX_DEGREE = 24


@dataclasses.dataclass(frozen=True)
class Operator:
    """What a filter does to a smooth field on a grid of spacing h, to leading order.

    `scale · h^degree · name + O(h^(degree + accuracy))`; `accuracy` is `None` where the
    equality is exact. `is_named` says whether `name` is a name or a formula in ∂.
    """

    name: str
    scale: Fraction
    degree: int
    accuracy: int | None
    is_named: bool

    def __str__(self) -> str:
        error = (
            "" if self.accuracy is None else f" + O({_h(self.degree, self.accuracy)})"
        )
        return f"{scaled(self.scale, self.name, self.degree)}{error}"


def moments(
    arrays: np.ndarray, window: tuple[int, ...], degree: int
) -> list[dict[int, Fraction]]:
    """One degree of the Taylor expansion: `Σ_x K(x) x^a / a!`, exactly.

    **Arguments:**

    - `arrays`: integers, `(n, *window, ...)`.

    **Returns:** for each of the n a sparse row over (monomial a, component), flattened
    as `contract` does.
    """
    exponents = monomial_exponents(len(window), degree)
    cells = math.prod(window)
    width = math.prod(arrays.shape[1:]) // cells
    flat = arrays.reshape(len(arrays), cells, width)
    powers = (window_offsets(window)[:, None, :] ** exponents).prod(axis=-1)
    # In float64 for speed, exact: the sums are far below 2^53.
    sums = np.einsum("ncf,cm->nmf", flat.astype(float), powers.astype(float))
    assert np.abs(sums).max(initial=0) < 2**53, "moments must be exact"
    divisors = [
        2**degree * math.prod(math.factorial(e) for e in exponent)
        for exponent in exponents.tolist()
    ]
    return [
        {
            int(i): Fraction(int(row[i]), divisors[i // width])
            for i in np.flatnonzero(row)
        }
        for row in sums.reshape(len(arrays), len(exponents) * width)
    ]


@checked
def recognise(array: np.ndarray, group: Group, types: Types) -> Operator:
    """The differential operator that one integer filter, `array`, is to leading order.

    Its array has axes `(*window, *tensor)`, and `group` acts on it by `types`: one, or
    `(out, in)` for a kernel.

    **Raises:** `ValueError` if the array has no axis for each of the window and of the
    types.
    """
    types = tuple(types)
    expected = group.num_spatial_dims + sum(t.order for t in types)
    if array.ndim != expected:
        raise ValueError(
            f"`array` must have {expected} axes, {group.num_spatial_dims} of the "
            f"window and one for each index of the types, got shape {array.shape}."
        )
    d = group.num_spatial_dims
    found: list[tuple[int, dict[int, Fraction]]] = []
    for degree in range(_MAX_DEGREE + 1):
        [row] = moments(array[None], array.shape[:d], degree)
        if row:
            found.append((degree, row))
        if len(found) == 2 or _is_central(array, d):
            break
    if not found:
        return Operator("zero", Fraction(0), 0, None, True)
    degree, leading = found[0]
    accuracy = found[1][0] - degree if len(found) == 2 else None
    named = [(name, row) for name, row, m in named_operators(d, types) if m == degree]
    for name, row in named:
        scale = _ratio(leading, row)
        if scale is not None:
            return Operator(name, scale, degree, accuracy, True)
    weights = solve([row for _, row in named], leading)
    if weights is not None:
        terms = [(a, name) for a, (name, _) in zip(weights, named, strict=True) if a]
        scale = abs(terms[0][0])
        name = join_terms([scaled(a / scale, name, 0) for a, name in terms])
        return Operator(f"({name})", scale, degree, accuracy, True)
    scale = functools.reduce(_common, leading.values())
    row = {i: v / scale for i, v in leading.items()}
    return Operator(formula(row, d, degree, types), scale, degree, accuracy, False)


@functools.lru_cache(maxsize=1024)
def named_operators(
    d: int, types: Types
) -> tuple[tuple[str, dict[int, Fraction], int], ...]:
    """`(name, row, degree)` of every operator with a name between two types."""
    out_type, in_type = operator_types(types)
    found: list[tuple[str, dict[int, Fraction], int]] = []
    for name, terms in _OPERATORS.items():
        built = _build(d, terms, out_type, in_type)
        if built is None:
            continue
        row, degree = built
        if row and all((row, degree) != other[1:] for other in found):
            found.append((name.split(" [")[0], row, degree))
    return tuple(found)


def operator_types(types: Types) -> tuple[TensorType, TensorType]:
    """`(out, in)`: a filter of one type is a kernel that takes a scalar to it."""
    return (types[0], types[1] if len(types) == 2 else TensorType(0, 1))


@functools.lru_cache(maxsize=1024)
def degree_basis(
    group: Group, types: Types, degree: int
) -> tuple[tuple[str, dict[int, Fraction]], ...]:
    """All covariant operators of one degree: those with names first, then formulas."""
    d = group.num_spatial_dims
    options = [(name, row) for name, row, m in named_operators(d, types) if m == degree]
    covariants = [
        {i: Fraction(v) for i, v in enumerate(array.ravel().tolist()) if v}
        for array in covariant_basis(group, types, degree).arrays()
    ]
    reached = reduced_rows(covariants)
    options = [o for o in options if rank([*reached, o[1]]) == len(reached)]
    options += [(formula(row, d, degree, types), row) for row in covariants]
    columns: dict[int, dict[int, Fraction]] = {}
    for i, (_, row) in enumerate(options):
        for place, value in row.items():
            columns.setdefault(place, {})[i] = value
    return tuple(options[min(row)] for row in reduced_rows(columns.values()))


def scaled(scale: Fraction | float, name: str, degree: int) -> str:
    """A number times h^degree times a name, without ones."""
    size = abs(scale)
    text = str(size) if isinstance(size, Fraction) else f"{size:.3g}"
    number = "" if size == 1 else f"{text} "
    sign = "-" if scale < 0 else ""
    power = f"{_h(degree)} " if degree else ""
    return f"{sign}{number}{power}{name}"


def join_terms(terms: list[str]) -> str:
    """`a + b - c`."""
    text = " + ".join(terms) if terms else "0"
    return text.replace("+ -", "- ")


def formula(row: dict[int, Fraction], d: int, degree: int, types: Types) -> str:
    """A polynomial tensor in ∂x, ∂y, ∂z as text, nested brackets for tensors."""
    exponents = monomial_exponents(d, degree).tolist()
    shape = tuple(n for t in types for n in t.tensor_shape(d))
    components = math.prod(shape)
    entries = np.full(components, "0", dtype=object)
    for c in range(components):
        terms = [
            scaled(row[i], _monomial(exponents[i // components]), 0)
            for i in sorted(row, reverse=True)
            if i % components == c
        ]
        if terms:
            entries[c] = join_terms(terms)
    return _brackets(entries.reshape(shape))


def _build(
    d: int, terms: list, out_type: TensorType, in_type: TensorType
) -> tuple[dict[int, Fraction], int] | None:
    total, degree = None, 0
    for factor, out, inn, derivatives, epsilon in terms:
        through = out_type.order - len(out.replace("*", ""))
        if "*" not in out and through:
            return None
        rest = "klmn"[: max(through, 0)]
        out, inn = out.replace("*", rest), inn.replace("*", rest)
        if len(out) != out_type.order or len(inn) != in_type.order:
            return None
        if epsilon and len(epsilon) != d:
            return None
        degree = len(derivatives)
        row = factor * contract(d, out + inn, derivatives, epsilon)
        total = row if total is None else total + row
    assert total is not None
    divisor = len(terms)
    # A symmetric input feels only the symmetric part; a symmetric output must be so.
    plain_out = dataclasses.replace(out_type, symmetry="")
    plain_in = dataclasses.replace(in_type, symmetry="")
    if in_type.symmetry:
        total = symmetrise(total, (plain_out, in_type), d)
        divisor *= math.factorial(in_type.order)
    if out_type.symmetry:
        exchanged = symmetrise(total, (out_type, plain_in), d)
        if not np.array_equal(exchanged, math.factorial(out_type.order) * total):
            return None
    flat = total.ravel().tolist()
    return {i: Fraction(v, divisor) for i, v in enumerate(flat) if v}, degree


def _ratio(a: dict[int, Fraction], b: dict[int, Fraction]) -> Fraction | None:
    if a.keys() != b.keys():
        return None
    ratios = {a[i] / b[i] for i in a}
    return ratios.pop() if len(ratios) == 1 else None


def _common(a: Fraction, b: Fraction) -> Fraction:
    """The greatest common divisor of two rationals."""
    numerator = math.gcd(a.numerator * b.denominator, b.numerator * a.denominator)
    return Fraction(numerator, a.denominator * b.denominator)


def _is_central(array: np.ndarray, d: int) -> bool:
    cells = np.abs(array).reshape(*array.shape[:d], -1).sum(axis=-1)
    middle = tuple(n // 2 for n in array.shape[:d])
    return all(n % 2 for n in cells.shape) and bool(cells.sum() == cells[middle])


def _h(degree: int, more: int = 0) -> str:
    power = degree + more
    return "h" if power == 1 else "h" + superscript(power)


def _monomial(exponent: list[int]) -> str:
    parts = [
        f"∂{axis}" + (superscript(e) if e > 1 else "")
        for axis, e in zip("xyz", exponent, strict=False)
        if e
    ]
    return "".join(parts) or "1"


def _brackets(entries: np.ndarray) -> str:
    if entries.ndim == 0:
        text = str(entries.item())
        return f"({text})" if " " in text else text
    inside = [_brackets(e) if entries.ndim > 1 else str(e) for e in entries]
    joined = ", ".join(inside)
    return f"({joined})" if entries.ndim == 1 else f"[{joined}]"
