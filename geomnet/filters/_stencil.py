"""From differential operators to filters and back: stencils, and reading a kernel."""

from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float

from .._arguments import checked, shown
from ._covariant_basis import Types, monomial_exponents
from ._differential_operator import (
    degree_basis,
    join_terms,
    moments,
    named_operators,
    operator_types,
    scaled,
)
from ._invariants import offset_symbols
from ._polynomial import as_polynomials
from ._rational import solve
from ._subspaces import Space
from ._words import superscript, types_text

_ALIASES = {
    "bilaplacian": "biharmonic",
    "grad div": "gradient of the divergence",
    "strain rate": "strain",
    "symmetric gradient": "strain",
    "vorticity": "curl",
}


@checked
def stencil(
    space: Space,
    operator: Any,
    accuracy: int = 2,
    *,
    spacing: float | int | Fraction = 1,
) -> tuple[Fraction, ...]:
    """The coefficients in a bank of a finite-difference stencil, exactly.

    `Σ_n coefficients[n] filter[n]` is the operator up to O(h^accuracy). Where several
    combinations are, those nearest to the centre are used.

    **Arguments:**

    - `space`: a bank of filters (operators on a scalar) or of kernels.
    - `operator`: a name, such as `"laplacian"`, `"gradient"`, `"divergence"`, `"curl"`,
        `"strain"` or `"gradient of the divergence"`; or a sympy polynomial, of one
        degree, in which x, y, z stand for ∂x, ∂y, ∂z, of shape `(*out, *in)`.
    - `accuracy`: the power of h in the error, 1 or more.
    - `spacing`: the distance h of neighbouring cells.

    **Returns:** one rational number per filter; `np.asarray(c, float)` for a layer.

    **Raises:** `ValueError` if the name is unknown for these types, or the window is
    too small for the operator at this accuracy.
    """
    if accuracy < 1:
        raise ValueError(f"`accuracy` must be 1 or more, got {accuracy}.")
    if not spacing > 0:
        raise ValueError(f"`spacing` must be positive, got {spacing}.")
    name, target, degree = _requested(space, operator)
    d = len(space.window)
    vectors: list[dict[int, Fraction]] = [{} for _ in range(len(space))]
    wanted: dict[int, Fraction] = {}
    start = 0
    for m in range(degree + accuracy):
        rows = moments(space.array, space.window, m)
        for vector, row in zip(vectors, rows, strict=True):
            vector.update({start + i: v for i, v in row.items()})
        if m == degree:
            wanted = {start + i: v for i, v in target.items()}
        start += len(monomial_exponents(d, m)) * _num_components(space.types, d)
    solution = solve(vectors, wanted)
    if solution is None:
        raise ValueError(
            f"{space!r} holds no stencil for `operator` {name!r} with `accuracy` "
            f"{accuracy}. Use a larger `size`, or less accuracy."
        )
    scale = Fraction(spacing) ** degree
    return tuple(value / scale for value in solution)


@checked
def describe(
    what: Any,
    coefficients: Any = None,
    *,
    max_pairs: int = 8,
    max_degree: int = 4,
) -> str:
    """A kernel in words: which filters it is made of, and which operators it reads as.

    **Arguments:**

    - `what`: a bank; or a convolution, of which every pair of types is described. (What
        counts is that it, or its `kernel`, has `coefficients_of_pairs()` and gives the
        bank of a pair by `basis(out, in)`.)
    - `coefficients`: with a bank, an array: one number per filter, or `(filters, out
        channels, in channels)`.
    - `max_pairs`: how many pairs of channels are printed, the largest kernels first.
    - `max_degree`: the Taylor expansion is read up to this many derivatives.

    **Raises:** `ValueError` if there is not one coefficient per filter.
    """
    if isinstance(what, Space):
        return _describe_bank(what, coefficients, max_pairs, max_degree)
    kernel = getattr(what, "kernel", what)
    if coefficients is not None or not hasattr(kernel, "coefficients_of_pairs"):
        raise ValueError(
            f"`what` must be a bank with `coefficients`, or a layer alone, such as "
            f"`geomnet.nn.Conv`; got {type(what).__name__}."
        )
    return "\n\n".join(
        _describe_bank(kernel.basis(*pair), array, max_pairs, max_degree)
        for pair, array in kernel.coefficients_of_pairs().items()
    )


def _describe_bank(
    space: Space, coefficients: Any, max_pairs: int, max_degree: int
) -> str:
    array = np.asarray(np.nan if coefficients is None else coefficients)
    is_real = array.dtype.kind in "fiu"
    if array.ndim == 1:
        array = array[:, None, None]
    if not is_real or array.ndim != 3 or len(array) != len(space):
        raise ValueError(
            f"`coefficients` must have shape ({len(space)},) or ({len(space)}, out, "
            f"in) for {space!r}, got {shown(coefficients)}."
        )
    array = array.astype(float)
    norms = np.sqrt((array**2).sum(axis=0))
    order = np.argsort(-norms, axis=None, kind="stable")[:max_pairs]
    window = "x".join(map(str, space.window))
    lines = [f"{types_text(space.types)} on {window}, {len(space)} filters"]
    if norms.size > 1:
        lines.append(f"{norms.size} pairs of channels, the largest {len(order)}:")
    for out, inn in zip(*np.unravel_index(order, norms.shape), strict=True):
        if norms.size > 1:
            lines.append(f"out {out} <- in {inn}")
        lines += _describe_one(space, array[:, out, inn], max_degree)
    return "\n".join(lines)


def _describe_one(
    space: Space, coefficients: Float[np.ndarray, " filters"], max_degree: int
) -> list[str]:
    filters = [
        scaled(float(c), f"[{place}: {name}]", 0)
        for c, place, name in zip(coefficients, space.places, space.names, strict=True)
        if c
    ]
    terms = []
    tiny = 1e-9 * float(np.abs(coefficients).max(initial=0))
    for degree in range(max_degree + 1):
        total: dict[int, Fraction] = {}
        rows = moments(space.array, space.window, degree)
        for c, row in zip(coefficients, rows, strict=True):
            for i, value in row.items():
                # Exact sums, so that what cancels cancels.
                total[i] = total.get(i, Fraction(0)) + Fraction(float(c)) * value
        basis = degree_basis(space.group, space.types, degree)
        weights = solve([row for _, row in basis], total)
        assert weights is not None, "a moment of an invariant filter is covariant"
        terms += [
            scaled(float(a), name, degree)
            for a, (name, _) in zip(weights, basis, strict=True)
            if abs(a) > tiny
        ]
    error = f" + O(h{superscript(max_degree + 1)})"
    return [f"  = {join_terms(filters)}", f"  ≈ {join_terms(terms)}{error}"]


def _requested(space: Space, operator: Any) -> tuple[str, dict[int, Fraction], int]:
    d = len(space.window)
    if not isinstance(operator, str):
        return _from_polynomial(space.types, operator, d)
    wanted = _ALIASES.get(operator.lower(), operator.lower())
    options = named_operators(d, space.types)
    for name, row, degree in options:
        if name.lower() == wanted:
            return name, row, degree
    out_type, in_type = operator_types(space.types)
    known = ", ".join(repr(name.lower()) for name, _, _ in options)
    raise ValueError(
        f"`operator` {operator!r} is not known from '{in_type}' to '{out_type}' in "
        f"{d}D. Known: {known or 'none'}; or give a sympy polynomial in x, y, z for "
        "∂x, ∂y, ∂z."
    )


def _from_polynomial(
    types: Types, operator: Any, d: int
) -> tuple[str, dict[int, Fraction], int]:
    import sympy

    shape = tuple(n for t in types for n in t.tensor_shape(d))
    array = as_polynomials("operator", operator)
    if array.shape != shape:
        raise ValueError(f"`operator` must have shape {shape}, got {array.shape}.")
    entries = sympy.flatten(array) if shape else [array[()]]
    polynomials = [sympy.Poly(entry, *offset_symbols(d)) for entry in entries]
    terms = [
        (c, exponent, value)
        for c, polynomial in enumerate(polynomials)
        for exponent, value in polynomial.terms()
        if value
    ]
    degrees = {sum(exponent) for _, exponent, _ in terms}
    if len(degrees) != 1:
        raise ValueError(
            f"`operator` {operator} must have derivatives of one degree, got degrees "
            f"{sorted(degrees)}. Add the stencils of its parts."
        )
    degree = degrees.pop()
    place = {tuple(e): i for i, e in enumerate(monomial_exponents(d, degree).tolist())}
    row = {
        place[exponent] * len(entries) + c: Fraction(str(value))
        for c, exponent, value in terms
    }
    return str(operator), row, degree


def _num_components(types: Types, d: int) -> int:
    return d ** sum(t.order for t in types)
