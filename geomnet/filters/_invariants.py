"""The theory: covariant polynomials, their generators, and the Molien series.

A polynomial tensor p is covariant if `p(g x) = ρ(g) p(x)` for all g. A group of signed
permutations moves pairs (monomial, tensor component) by signed permutations, so the
covariants of one degree are signed orbit sums, as the filters are. `sympy` is loaded
when an expression is asked for, not before.
"""

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from .._arguments import checked
from .._group import Group, determinants, hyperoctahedral, signed_permutation
from .._signature import TensorType
from ._characters import count_covariants
from ._covariant_basis import Types, covariant_basis, monomial_exponents
from ._polynomial import as_polynomials
from ._rational import reduced_rows, solve


@checked
def molien_series(group: Group, type: "str | TensorType") -> Any:
    """How many independent covariants of a `group` and `type` there are of each degree,
    as a function of t.

    `M(t) = (1/|G|) Σ_g character(g) / det(1 - t g)`, exactly, as a sympy expression
    over the degrees 2, 4, … of the primary invariants: `M = N(t) / Π_i (1 - t^2i)`.
    The numerator counts the generators over the primary invariants.

    **Raises:** `ValueError` for a type that is not understood.

    **Reference:** Stanley (1979), *Invariants of finite groups and their applications
    to combinatorics*, Bull. AMS 1, 475-511.
    """
    import sympy

    t = sympy.Symbol("t")
    coefficients = _numerator(group, (TensorType.parse(type),))
    numerator = sum(c * t**m for m, c in enumerate(coefficients))
    d = group.num_spatial_dims
    return numerator / sympy.prod([1 - t ** (2 * i) for i in range(1, d + 1)])


@checked
def molien_coefficients(
    group: Group, type: "str | TensorType", max_degree: int
) -> tuple[int, ...]:
    """The first coefficients of the Molien series of a `group` and `type`, of degree 0
    to `max_degree`.

    **Raises:** `ValueError` for a negative degree, or a type that is not understood.
    """
    if max_degree < 0:
        raise ValueError(f"`max_degree` must be 0 or more, got {max_degree}.")
    return count_covariants(group, (TensorType.parse(type),), max_degree)


@checked
def covariants(group: Group, type: "str | TensorType", degree: int) -> tuple[Any, ...]:
    """A basis of a `group`'s covariant polynomials of one `type` and `degree`, in the
    offset x, y, z.

    **Returns:** sympy expressions for scalars, sympy arrays `(d,) * order` for tensors.

    **Raises:** `ValueError` for a negative degree, or a type that is not understood.
    """
    if degree < 0:
        raise ValueError(f"`degree` must be 0 or more, got {degree}.")
    types = (TensorType.parse(type),)
    basis = covariant_basis(group, types, degree)
    return tuple(as_sympy(basis.exponents, row, types) for row in basis.arrays())


@checked
def covariant_generators(
    group: Group,
    type: "str | TensorType",
    *,
    over: Group | None = None,
    max_degree: int | None = None,
) -> tuple[Any, ...]:
    """A minimal set of a `group`'s covariants of one `type` that generates all of them
    over the invariants.

    **Arguments:**

    - `over`: the group whose invariants are the coefficients; the group itself if left
        out. Over `hyperoctahedral(d)`, whose invariants are the primary ones, the
        module is free and the Molien numerator counts the generators.
    - `max_degree`: up to which degree; by default d², which suffices for every group.

    **Returns:** sympy expressions or arrays, lowest degree first: `(x, y)` for vectors
    of the square.

    **Raises:** `ValueError` if the group is no subgroup of `over`.
    """
    over = group if over is None else over
    d = group.num_spatial_dims
    if over.num_spatial_dims != d or not group.is_subgroup(over):
        raise ValueError(f"`over` must contain {group}, got {over}.")
    types = (TensorType.parse(type),)
    top = d * d if max_degree is None else max_degree
    generators = _generators(group, types, over, top)
    return tuple(
        as_sympy(monomial_exponents(d, degree), row, types)
        for degree, row in generators
    )


@checked
def primary_invariants(num_spatial_dims: int) -> tuple[Any, ...]:
    """`Σ x_i^2, Σ x_i^4, …`: they generate the invariants of the hyperoctahedral group.

    In `num_spatial_dims` variables. For every subgroup they are primary invariants: all
    covariants are finitely many polynomials times polynomials of these.

    **Raises:** `TypeError` if that is no integer.
    """
    x = offset_symbols(num_spatial_dims)
    return tuple(
        sum(symbol ** (2 * i) for symbol in x) for i in range(1, num_spatial_dims + 1)
    )


@checked
def secondary_invariants(group: Group) -> tuple[Any, ...]:
    """A basis of the invariant polynomials of a `group` over the primary invariants.

    **Raises:** `TypeError` if it is no group.
    """
    return covariant_generators(
        group, "0+", over=hyperoctahedral(group.num_spatial_dims)
    )


@checked
def reynolds_operator(group: Group, type: "str | TensorType", polynomial: Any) -> Any:
    """The mean of `g·p` over the group: the projection onto the covariants.

    **Arguments:**

    - `group`, `type`: which covariants.
    - `polynomial`: in x, y, z; a sympy expression for a scalar, else a sympy array or
        nested lists of shape `(d,) * order`.

    **Raises:** `ValueError` if the shape is not that of the type.
    """
    import sympy

    tensor_type = TensorType.parse(type)
    p = _check_tensor(group, tensor_type, polynomial)
    moved = [_transform(g, s, tensor_type, p) for g, s in _with_determinants(group)]
    mean = [
        sympy.expand(sum(entries) / group.order) for entries in zip(*moved, strict=True)
    ]
    return unflatten(mean, (tensor_type,), group.num_spatial_dims)


@checked
def is_covariant(group: Group, type: "str | TensorType", polynomial: Any) -> bool:
    """Whether `p(g x) = ρ(g) p(x)` for all g of a `group`, by expanding both sides.

    The `polynomial` p of `type` ρ is as in `reynolds_operator`.

    **Raises:** `ValueError` if the shape is not that of the type.
    """
    import sympy

    tensor_type = TensorType.parse(type)
    p = _check_tensor(group, tensor_type, polynomial)
    elements = [(np.asarray(g), _sign(g)) for g in group.generators]
    return all(
        sympy.expand(a - b) == 0
        for g, s in elements
        for a, b in zip(_transform(g, s, tensor_type, p), p, strict=True)
    )


def offset_symbols(num_spatial_dims: int) -> tuple[Any, ...]:
    """The sympy symbols x, y, z of the offset from the centre, in cells."""
    import sympy

    return sympy.symbols("x y z")[:num_spatial_dims]


def interpolate(
    group: Group,
    types: Types,
    points: Sequence[Sequence[int]],
    values: Sequence[Any],
) -> Any:
    """The covariant polynomial of lowest degree with given values at given points.

    **Arguments:**

    - `points`: *twice* the offsets, integers, no two in one orbit of the group.
    - `values`: the tensors there, integers, each invariant under the stabiliser of its
        point; else there is no such polynomial.
    """
    d = group.num_spatial_dims
    target = _join(np.asarray(value).ravel() for value in values)
    candidates: list[tuple[np.ndarray, np.ndarray, int]] = []
    vectors: list[dict[int, Fraction | int]] = []
    # Covariants up to degree d² take every value at one point; an invariant of degree
    # at most d² or 2d tells it from each other point.
    for degree in range(d * d + max(d * d, 2 * d) * (len(points) - 1) + 1):
        basis = covariant_basis(group, types, degree)
        at_points = [basis.values(point) for point in points]
        for i, row in enumerate(basis.arrays()):
            candidates.append((basis.exponents, row, degree))
            scale = Fraction(1, 2**degree)
            vector = _join(at_point[i] for at_point in at_points)
            vectors.append({c: scale * v for c, v in vector.items()})
        solution = solve(vectors, target)
        if solution is not None:
            used = zip(solution, candidates, strict=True)
            return _combination([(a, *c) for a, c in used if a], types, d)
    raise AssertionError(f"no covariant of {group} takes these values")


def _numerator(group: Group, types: Types) -> list[int]:
    """`M(t) Π_i (1 - t^2i)`, a polynomial of degree at most d²."""
    d = group.num_spatial_dims
    series = list(count_covariants(group, types, d * d))
    for i in range(1, d + 1):
        for m in range(d * d, 2 * i - 1, -1):
            series[m] -= series[m - 2 * i]
    return series


@functools.lru_cache(maxsize=1024)
def _generators(
    group: Group, types: Types, over: Group, max_degree: int
) -> list[tuple[int, np.ndarray]]:
    """Degree by degree: what products of lower generators do not reach is new."""
    scalar = (TensorType(0, 1),)
    d = group.num_spatial_dims
    found: list[tuple[int, np.ndarray]] = []
    for degree in range(max_degree + 1):
        basis = covariant_basis(group, types, degree)
        rows = []
        for lower, generator in found:
            for invariant in covariant_basis(over, scalar, degree - lower).arrays():
                product = _product(
                    d, (degree - lower, invariant[:, 0]), (lower, generator)
                )
                at = product.ravel()[basis.representatives]
                rows.append({i: int(v) for i, v in enumerate(at.tolist()) if v})
        reached = reduced_rows(rows)
        pivots = {min(row) for row in reached}
        found += [
            (degree, row) for n, row in enumerate(basis.arrays()) if n not in pivots
        ]
    return found


def _product(
    d: int, scalar: tuple[int, np.ndarray], tensor: tuple[int, np.ndarray]
) -> np.ndarray:
    """A polynomial times a polynomial tensor, `(monomials, components)`."""
    (m, p), (n, q) = scalar, tensor
    exponents = monomial_exponents(d, m + n)
    place = {tuple(e): i for i, e in enumerate(exponents.tolist())}
    product = np.zeros((len(exponents), q.shape[1]), int)
    for a, factor in zip(monomial_exponents(d, m)[p != 0], p[p != 0], strict=True):
        for b, row in zip(monomial_exponents(d, n), q, strict=True):
            product[place[tuple((a + b).tolist())]] += factor * row
    return product


def _join(parts: Iterable[np.ndarray]) -> dict[int, Fraction | int]:
    joined = np.concatenate(list(parts))
    return {i: v for i, v in enumerate(joined.tolist()) if v}


def _combination(
    terms: list[tuple[Fraction, np.ndarray, np.ndarray, int]], types: Types, d: int
) -> Any:
    import sympy

    components = math.prod(t.components(d) for t in types)
    total = [sympy.Integer(0)] * components
    for factor, exponents, row, _ in terms:
        scale = sympy.Rational(factor.numerator, factor.denominator)
        for i, entry in enumerate(_entries(exponents, row, d)):
            total[i] += scale * entry
    return unflatten(total, types, d)


def _entries(exponents: np.ndarray, row: np.ndarray, d: int) -> list[Any]:
    import sympy

    x = offset_symbols(d)
    monomials = [
        sympy.prod([s**e for s, e in zip(x, exponent, strict=True)])
        for exponent in exponents.tolist()
    ]
    return [
        sympy.Add(*(int(c) * m for c, m in zip(column, monomials, strict=True) if c))
        for column in row.T
    ]


def as_sympy(exponents: np.ndarray, row: np.ndarray, types: Types) -> Any:
    """Coefficients `(monomials, components)` as a sympy expression or array."""
    d = exponents.shape[1]
    return unflatten(_entries(exponents, row, d), types, d)


def unflatten(entries: list[Any], types: Types, d: int) -> Any:
    import sympy

    shape = tuple(n for t in types for n in t.tensor_shape(d))
    return sympy.Array(entries, shape) if shape else entries[0]


def _check_tensor(group: Group, tensor_type: TensorType, polynomial: Any) -> list[Any]:
    import sympy

    shape = tensor_type.tensor_shape(group.num_spatial_dims)
    array = as_polynomials("polynomial", polynomial)
    if array.shape != shape:
        raise ValueError(
            f"`polynomial` must have shape {shape} for type '{tensor_type}' in "
            f"{group.num_spatial_dims}D, got {array.shape}."
        )
    return list(sympy.flatten(array)) if shape else [array[()]]


def _transform(g: np.ndarray, sign: int, tensor_type: TensorType, p: list) -> list:
    """The components of `g·p`: `ρ(g) p(g⁻¹ x)`, by matrices and substitution."""
    d = len(g)
    x = offset_symbols(d)
    inverse = g.T.tolist()
    back = {
        x[i]: sum(inverse[i][j] * x[j] for j in range(d) if inverse[i][j])
        for i in range(d)
    }
    moved = np.array([entry.subs(back, simultaneous=True) for entry in p], dtype=object)
    moved = moved.reshape((d,) * tensor_type.order)
    for axis in range(tensor_type.order):
        moved = np.moveaxis(np.tensordot(g.astype(object), moved, (1, axis)), 0, axis)
    return list((sign if tensor_type.parity < 0 else 1) * moved.ravel())


def _with_determinants(group: Group) -> Iterator[tuple[np.ndarray, int]]:
    signs = determinants(group).tolist()
    return zip(group.elements.astype(int), signs, strict=True)


def _sign(g: object) -> int:
    return signed_permutation(g)[2]
