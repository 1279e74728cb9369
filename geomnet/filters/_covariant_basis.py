"""The covariant polynomials of one degree, as signed orbits of monomials."""

import functools
import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from .._group import Group
from .._signature import TensorType
from ._orbits import pair_moves, signed_orbits

Types = tuple[TensorType, ...]


class CovariantBasis:
    """Signed orbits of the pairs (monomial of one degree, component): a basis."""

    def __init__(self, group: Group, types: Types, degree: int):
        d = group.num_spatial_dims
        self.exponents = monomial_exponents(d, degree)
        place = {tuple(e): i for i, e in enumerate(self.exponents.tolist())}

        def move(permutation: tuple[int, ...], signs: tuple[int, ...]):
            moved = self.exponents[:, list(permutation)]
            target = np.array([place[tuple(e)] for e in moved.tolist()], dtype=int)
            return target, (np.asarray(signs) ** moved).prod(axis=1)

        components = math.prod(t.components(d) for t in types)
        shape = (len(self.exponents), components)
        moves = pair_moves(group, types, len(self.exponents), move)
        representative, signs = signed_orbits(math.prod(shape), moves)
        # From the last pair on: x before y, so that the offset reads (x, y).
        self.representatives = np.unique(representative[representative >= 0])
        rank = np.full(math.prod(shape) + 1, -1)
        rank[self.representatives] = np.arange(len(self.representatives))
        self.labels = rank[representative].reshape(shape)
        self.signs = signs.reshape(shape)

    def __len__(self) -> int:
        return len(self.representatives)

    def arrays(self) -> Iterator[np.ndarray]:
        """Each basis element, `(monomials, components)`, integers."""
        for n in range(len(self)):
            yield np.where(self.labels == n, self.signs, 0).astype(int)

    def values(self, point: Sequence[int]) -> np.ndarray:
        """Every basis element at one integer point, `(elements, components)`."""
        monomials = (np.asarray(point, dtype=int) ** self.exponents).prod(axis=1)
        values = np.zeros((len(self) + 1, self.labels.shape[1]), int)
        columns = np.broadcast_to(np.arange(self.labels.shape[1]), self.labels.shape)
        np.add.at(values, (self.labels, columns), monomials[:, None] * self.signs)
        return values[:-1]


@functools.lru_cache(maxsize=4096)
def covariant_basis(group: Group, types: Types, degree: int) -> CovariantBasis:
    return CovariantBasis(group, types, degree)


@functools.lru_cache(maxsize=1024)
def monomial_exponents(d: int, degree: int) -> np.ndarray:
    """The monomials of one degree, `(monomials, d)`; x^degree last."""
    found = [
        e for e in itertools.product(range(degree + 1), repeat=d) if sum(e) == degree
    ]
    return np.array(found, dtype=int).reshape(-1, d)
