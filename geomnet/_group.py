"""Finite groups of signed permutation matrices: the symmetries of a Cartesian grid.

A group here is its list of integer matrices, exact and hashable. What a group does to
tensors and to images is in `_action.py`; which filters it leaves alone, in
`filters/`.
"""

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int8

from ._arguments import checked

Matrix = tuple[tuple[int, ...], ...]

MAX_SPATIAL_DIMS = 3


class Group:
    """A finite group of signed permutation matrices in 1, 2 or 3 dimensions.

    Build one by name (`hyperoctahedral(2)`), from generators (`Group.from_generators`)
    or as a product that leaves axes alone (`hyperoctahedral(2) * trivial(1)`). A group
    is a value: two groups with the same matrices are equal and hash alike.
    """

    __slots__ = ("_hash", "_matrices", "_name")
    _matrices: tuple[Matrix, ...]
    _name: str
    _hash: int

    @checked
    def __init__(self, matrices: Iterable[Any], name: str = ""):
        """**Arguments:**

        - `matrices`: every element, each `(d, d)` with entries -1, 0, +1. The identity
            comes first in `elements`, the others in lexicographic order.
        - `name`: only for printing.

        **Raises:** `ValueError` if a matrix is not a signed permutation or the set is
        not closed under products.
        """
        unique = {as_matrix(matrix) for matrix in matrices}
        if not unique:
            raise ValueError("`matrices` is empty: a group has at least the identity.")
        if len({len(matrix) for matrix in unique}) > 1:
            raise ValueError("`matrices` must all have the same number of dimensions.")
        d = len(next(iter(unique)))
        if _closure(unique, d) != unique:
            raise ValueError(
                f"`matrices` ({len(unique)} of them) is not closed under products. "
                "Use `Group.from_generators(matrices)` to complete it."
            )
        identity = _identity(d)
        rest = sorted(unique - {identity}, reverse=True)
        self._matrices = (identity, *rest)
        self._name = name or f"group of order {len(unique)} in {d}D"
        self._hash = hash(self._matrices)

    @staticmethod
    def from_generators(generators: Iterable[Any], name: str = "") -> "Group":
        """The smallest group that contains `generators`, each `(d, d)`; printed as
        `name`.

        **Raises:** `ValueError` if a generator is not a signed permutation matrix.
        """
        matrices = {as_matrix(generator) for generator in generators}
        if not matrices:
            raise ValueError(
                "`generators` is empty. For the group of the identity alone use "
                "`geomnet.trivial(d)`."
            )
        if len({len(matrix) for matrix in matrices}) > 1:
            raise ValueError(
                "`generators` must all have the same number of dimensions."
            )
        return Group(_closure(matrices, len(next(iter(matrices)))), name)

    @staticmethod
    def from_name(text: str, d: int | None = None) -> "Group":
        """The group called `text`, as `"hyperoctahedral(2) x trivial(1)"`.

        The names are those of the functions that make groups, and of what groups print.
        With `d` given, `"rotations"` alone is enough.

        **Raises:** `ValueError` if the name is unknown.
        """
        factors = [_named_factor(word.strip(), d) for word in text.split(" x ")]
        return functools.reduce(Group.__mul__, factors)

    @property
    def name(self) -> str:
        """What the group is called when printed."""
        return self._name

    @property
    def num_spatial_dims(self) -> int:
        """The dimension d of the space that the group acts on."""
        return len(self._matrices[0])

    @property
    def order(self) -> int:
        """The number of elements."""
        return len(self._matrices)

    @property
    def elements(self) -> Int8[np.ndarray, "order d d"]:
        """Every element, the identity first; read-only."""
        return _elements_array(self)

    @property
    def generators(self) -> tuple[Matrix, ...]:
        """A small set of elements whose products are the whole group."""
        return _small_generators(self)

    @property
    def has_reflections(self) -> bool:
        """Whether an element has determinant -1, so that parity matters."""
        return bool((determinants(self) < 0).any())

    def keeps(self, sides: tuple[int, ...]) -> bool:
        """Whether every element exchanges only axes of equal `sides`, in cells."""
        moved = (signed_permutation(generator)[0] for generator in self.generators)
        return all(tuple(sides[axis] for axis in axes) == sides for axes in moved)

    def is_subgroup(self, other: "Group") -> bool:
        """Whether every element of this group is one of `other`'s."""
        return set(self._matrices) <= set(other._matrices)

    def stabiliser(self, point: Sequence[int] | np.ndarray) -> "Group":
        """The subgroup that leaves the vector `point`, of shape `(d,)`, where it is.

        **Raises:** `ValueError` for a point of other shape.
        """
        x = self._as_point(point)
        kept = [m for m in self._matrices if np.array_equal(np.asarray(m) @ x, x)]
        return Group(kept, f"stabiliser of {tuple(x.tolist())} in {self.name}")

    def orbit(self, point: Sequence[int] | np.ndarray) -> tuple[tuple[int, ...], ...]:
        """The distinct images of the vector `point`, of shape `(d,)`, sorted.

        **Raises:** `ValueError` for a point of other shape.
        """
        images = self.elements.astype(int) @ self._as_point(point)
        return tuple(sorted({tuple(image) for image in images.tolist()}))

    def _as_point(self, point: Sequence[int] | np.ndarray) -> np.ndarray:
        x = np.asarray(point, dtype=int)
        if x.shape != (self.num_spatial_dims,):
            raise ValueError(
                f"`point` must have shape ({self.num_spatial_dims},) for "
                f"{self.name}, got {x.shape}."
            )
        return x

    def __mul__(self, other: "Group") -> "Group":
        """The direct product: this group on the first axes, `other` on the last."""
        if not isinstance(other, Group):
            return NotImplemented
        a, b = self.num_spatial_dims, other.num_spatial_dims
        if a + b > MAX_SPATIAL_DIMS:
            raise ValueError(
                f"The product of a {a}D and a {b}D group acts in {a + b} dimensions; "
                f"at most {MAX_SPATIAL_DIMS} are supported."
            )
        blocks = (
            np.block(
                [
                    [np.asarray(g), np.zeros((a, b), int)],
                    [np.zeros((b, a), int), np.asarray(h)],
                ]
            )
            for g in self._matrices
            for h in other._matrices
        )
        return Group((m.tolist() for m in blocks), f"{self.name} x {other.name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Group) and self._matrices == other._matrices

    def __hash__(self) -> int:
        return self._hash

    def __len__(self) -> int:
        return self.order

    def __reduce__(self):
        return Group, (self._matrices, self._name)

    def __repr__(self) -> str:
        return self._name


@checked
def hyperoctahedral(d: int) -> Group:
    """All 2^d d! rotations and reflections of the d-cube: 2, 8, 48 elements.

    **Raises:** `ValueError` unless `d` is 1, 2 or 3; `TypeError` if it is no integer.
    """
    return _named_group("hyperoctahedral", _check_dims(d))


@checked
def rotations(d: int) -> Group:
    """The rotations of the d-cube, determinant +1: 1, 4, 24 elements.

    **Raises:** `ValueError` unless `d` is 1, 2 or 3; `TypeError` if it is no integer.
    """
    return _named_group("rotations", _check_dims(d))


@checked
def reflections(d: int) -> Group:
    """The 2^d reflections of the axes, no exchange of axes: any box has them.

    **Raises:** `ValueError` unless `d` is 1, 2 or 3; `TypeError` if it is no integer.
    """
    return _named_group("reflections", _check_dims(d))


@checked
def cyclic(order: int) -> Group:
    """The 1, 2 or 4 rotations of the plane by 360/`order` degrees.

    `cyclic(4) * trivial(1)` turns about the vertical axis in three dimensions.

    **Raises:** `ValueError` for another order; `TypeError` if it is no integer.
    """
    turns = {1: ((1, 0), (0, 1)), 2: ((-1, 0), (0, -1)), 4: ((0, -1), (1, 0))}
    if order not in turns:
        raise ValueError(
            f"`order` must be 1, 2 or 4 (turns that a grid allows), got {order}."
        )
    return Group.from_generators([turns[order]], f"cyclic({order})")


@checked
def trivial(d: int) -> Group:
    """The identity alone: under it every component is a scalar of its own.

    **Raises:** `ValueError` unless `d` is 1, 2 or 3; `TypeError` if it is no integer.
    """
    return Group([_identity(_check_dims(d))], f"trivial({d})")


MAKERS: dict[str, Callable[[int], Group]] = {
    make.__name__: make
    for make in (hyperoctahedral, rotations, reflections, trivial, cyclic)
}
"""The functions that make groups, by the names that `Group.from_name` knows."""


def check_group(group: object, argument: str = "group") -> None:
    """**Raises:** `TypeError` unless `group` is a group."""
    if not isinstance(group, Group):
        raise TypeError(
            f"`{argument}` must be a Group, such as `geomnet.hyperoctahedral(2)`, got "
            f"{group!r}. By its name: `geomnet.Group.from_name(text)`."
        )


def permutation_and_signs(group: Group) -> tuple[np.ndarray, np.ndarray]:
    """Each element as `(g v)[i] = signs[g, i] * v[permutation[g, i]]`."""
    elements = group.elements.astype(int)
    return np.abs(elements).argmax(axis=2), elements.sum(axis=2)


def determinants(group: Group) -> np.ndarray:
    """The determinant, +1 or -1, of each element, shape `(order,)`, exactly."""
    return np.array([_determinant(element) for element in group.elements])


def as_matrix(matrix: object) -> Matrix:
    """A group element as a tuple of rows: a value that is equal and hashes alike.

    **Raises:** `ValueError` unless it is a signed permutation matrix.
    """
    array = np.asarray(matrix)
    d = array.shape[0] if array.ndim == 2 else 0
    if array.shape != (d, d) or d not in range(1, MAX_SPATIAL_DIMS + 1):
        raise ValueError(
            "A group element must be a (d, d) matrix with d = 1, 2 or 3, "
            f"got shape {array.shape}."
        )
    sizes = np.abs(array)
    is_permutation = (sizes.sum(0) == 1).all() and (sizes.sum(1) == 1).all()
    if not (is_permutation and np.isin(array, (-1, 0, 1)).all()):
        raise ValueError(
            f"{array.tolist()} is not a signed permutation matrix: each row and each "
            "column needs exactly one entry +1 or -1, else grid points miss the grid."
        )
    return tuple(tuple(int(entry) for entry in row) for row in array.tolist())


def signed_permutation(matrix: object) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """`(permutation, signs, determinant)` of one signed permutation matrix.

    **Raises:** `ValueError` if it is not one.
    """
    g = np.asarray(as_matrix(matrix))
    permutation = np.abs(g).argmax(axis=1)
    signs = g.sum(axis=1)
    return tuple(permutation.tolist()), tuple(signs.tolist()), _determinant(g)


def _named_factor(word: str, d: int | None) -> Group:
    match = re.fullmatch(r"(\w+?)(?:\((\d)\))?", word)
    if match is None or match[1] not in MAKERS:
        raise ValueError(
            f"`text` {word!r} names no group. Known: {', '.join(MAKERS)}, with a "
            "number as in 'rotations(2)', and products such as 'hyperoctahedral(2) x "
            "trivial(1)'."
        )
    # The number of `cyclic` is that of its turns, not of dimensions.
    number = int(match[2]) if match[2] else (d if match[1] != "cyclic" else None)
    if number is None:
        raise ValueError(f"`text` {word!r} needs a number, such as '{word}(2)'.")
    return MAKERS[match[1]](number)


def _check_dims(d: int) -> int:
    if d not in range(1, MAX_SPATIAL_DIMS + 1):
        raise ValueError(f"`d` must be 1, 2 or 3 spatial dimensions, got {d!r}.")
    return int(d)


def _identity(d: int) -> Matrix:
    return tuple(tuple(int(i == j) for j in range(d)) for i in range(d))


def _closure(matrices: set[Matrix], d: int) -> set[Matrix]:
    generators = [np.asarray(matrix) for matrix in matrices]
    found = {_identity(d)}
    frontier = [np.eye(d, dtype=int)]
    while frontier:
        products = {
            tuple(map(tuple, (g @ x).tolist())) for g in generators for x in frontier
        }
        new = products - found
        found |= new
        frontier = [np.asarray(matrix) for matrix in new]
    return found


def _determinant(matrix: np.ndarray) -> int:
    permutation = np.abs(matrix).argmax(axis=1)
    swaps = sum(a > b for a, b in itertools.combinations(permutation.tolist(), 2))
    return int(np.prod(matrix.sum(axis=1, dtype=int))) * (-1) ** swaps


@functools.lru_cache(maxsize=1024)
def _named_group(name: str, d: int) -> Group:
    matrices = []
    for axes in itertools.permutations(range(d)):
        for signs in itertools.product((1, -1), repeat=d):
            matrix = np.zeros((d, d), int)
            matrix[range(d), axes] = signs
            is_wanted = {
                "hyperoctahedral": True,
                "rotations": _determinant(matrix) == 1,
                "reflections": axes == tuple(range(d)),
            }[name]
            if is_wanted:
                matrices.append(matrix.tolist())
    return Group(matrices, f"{name}({d})")


@functools.lru_cache(maxsize=1024)
def _elements_array(group: Group) -> np.ndarray:
    array = np.array(group._matrices, dtype=np.int8)
    array.setflags(write=False)
    return array


@functools.lru_cache(maxsize=1024)
def _small_generators(group: Group) -> tuple[Matrix, ...]:
    chosen: list[Matrix] = []
    reached = {_identity(group.num_spatial_dims)}
    while len(reached) < group.order:
        # Greedy: the element that enlarges the generated subgroup most.
        chosen.append(
            max(
                (m for m in group._matrices if m not in reached),
                key=lambda m: len(_closure({*chosen, m}, group.num_spatial_dims)),
            )
        )
        reached = _closure(set(chosen), group.num_spatial_dims)
    return tuple(chosen)
