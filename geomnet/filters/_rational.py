"""Linear algebra over the rationals, exact: rows are sparse, `{column: value}`."""

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

import numpy as np

Row = dict[int, Fraction]


def reduced_rows(rows: Iterable[Mapping[int, Fraction | int]]) -> list[Row]:
    """The reduced row echelon form: a basis of the row space that is unique.

    Zero rows are left out, so the number of rows returned is the rank.
    """
    pivots: dict[int, Row] = {}
    for given in rows:
        row = _reduce({c: Fraction(v) for c, v in given.items() if v}, pivots)
        if not row:
            continue
        pivot = min(row)
        row = {c: v / row[pivot] for c, v in row.items()}
        for other in pivots.values():
            if pivot in other:
                _subtract(other, other[pivot], row)
        pivots[pivot] = row
    return [pivots[pivot] for pivot in sorted(pivots)]


def rank(rows: Iterable[Mapping[int, Fraction | int]]) -> int:
    """How many of the rows are independent over the rationals."""
    return len(reduced_rows(rows))


def solve(
    vectors: Sequence[Mapping[int, Fraction | int]],
    target: Mapping[int, Fraction | int],
) -> list[Fraction] | None:
    """Numbers a with `Σ a_i vectors[i] = target`, or `None` if there are none.

    Where several solutions exist it uses the earliest vectors that suffice: a vector
    that depends on earlier ones gets the coefficient 0.
    """
    n = len(vectors)
    # Unknowns are columns 0..n-1, the right-hand side is column n.
    equations: dict[int, dict[int, Fraction | int]] = {}
    for i, vector in enumerate(vectors):
        for place, value in vector.items():
            equations.setdefault(place, {})[i] = value
    for place, value in target.items():
        equations.setdefault(place, {})[n] = value
    solution = [Fraction(0)] * n
    for row in reduced_rows(equations.values()):
        pivot = min(row)
        if pivot == n:
            return None
        solution[pivot] = row.get(n, Fraction(0))
    return solution


def null_space(rows: Iterable[Mapping[int, Fraction | int]], n: int) -> list[Row]:
    """A basis of the vectors of length `n` that are orthogonal to every row."""
    reduced = {min(row): row for row in reduced_rows(rows)}
    basis = []
    for free in (c for c in range(n) if c not in reduced):
        vector = {free: Fraction(1)}
        for pivot, row in reduced.items():
            if free in row:
                vector[pivot] = -row[free]
        basis.append(vector)
    return basis


def primitive(row: Mapping[int, Fraction], n: int) -> np.ndarray:
    """`row` as whole numbers without common factor, the first one positive, `(n,)`."""
    scale = math.lcm(*(v.denominator for v in row.values()))
    whole = {c: int(v * scale) for c, v in row.items()}
    factor = math.gcd(*whole.values())
    sign = 1 if whole[min(whole)] > 0 else -1
    array = np.zeros(n, np.int64)
    for column, value in whole.items():
        array[column] = sign * value // factor
    return array


def sparse_rows(matrix: np.ndarray) -> list[dict[int, int]]:
    """The rows of an integer matrix, `(rows, ...)`, as `{column: value}`."""
    rows = []
    for row in matrix.reshape(len(matrix), math.prod(matrix.shape[1:])):
        columns = np.flatnonzero(row)
        values = row[columns].astype(int).tolist()
        rows.append(dict(zip(columns.tolist(), values, strict=True)))
    return rows


def _reduce(row: Row, pivots: Mapping[int, Row]) -> Row:
    for column in sorted(row):
        if column in pivots and column in row:
            _subtract(row, row[column], pivots[column])
    return row


def _subtract(row: Row, factor: Fraction, other: Row) -> None:
    for column, value in other.items():
        new = row.get(column, Fraction(0)) - factor * value
        if new:
            row[column] = new
        else:
            row.pop(column, None)
