"""Statistics of trajectories that the group acts on: each gives one row of numbers.

A group element only exchanges the numbers of a row and changes their signs.
"""

import dataclasses
import functools
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._action import feature_action
from .._group import signed_permutation
from .._signature import Entry, Signature, TensorType
from ._averages import MODES, averages, read_trajectory

KINDS = ("mean", "product", "triple", "profile", "edge")

_RATE, _SLOPE = "rate_of_", "gradient_of_"


@dataclasses.dataclass(frozen=True)
class LocalStatistics:
    """Moments of each trajectory, normalised so that they have no units.

    `values` says what is averaged: the fields, their gradients (derivative's index
    last) and their changes from one snapshot to the next.
    """

    values: Signature
    num_fields: int
    """How many entries of `values` are fields."""
    first: np.ndarray
    """`(trajectories, features)`: mean over root mean square."""
    second: np.ndarray
    """`(trajectories, features, features)`: of fluctuations about the mean in space."""
    third: np.ndarray
    """`(trajectories, f, f, f)`: of the fields' fluctuations."""
    means: np.ndarray
    """`(trajectories, f)`: the fields' means, in their units."""
    scales: np.ndarray
    """`(trajectories, fields)`: the root mean squares of the fields' fluctuations."""
    profiles: np.ndarray
    """`(trajectories, axes, 3, modes, 2, f)`: cosine and sine coefficients along each
    axis of the fields, of their squares and of their squared steps from cell to cell,
    averaged over all other axes."""
    edges: np.ndarray
    """`(trajectories, axes, 2, f)`: the squared step from the last cell of an axis to
    the first against those inside, and the square in these cells against all."""
    grid: tuple[int, ...]
    """The number of cells along each axis."""

    @property
    def num_spatial_dims(self) -> int:
        """The number of axes."""
        return len(self.grid)

    @property
    def num_trajectories(self) -> int:
        """The number of independent samples."""
        return len(self.first)

    @functools.cached_property
    def table(self) -> np.ndarray:
        """`(trajectories, statistics)`: all of them in a row, of each product one."""
        n = self.num_trajectories
        return np.concatenate(
            [
                self.first,
                self.second[:, *self._pairs.T],
                self.third[:, *self._triples.T],
                self.profiles.reshape(n, -1),
                self.edges.reshape(n, -1),
            ],
            axis=1,
        )

    @functools.cached_property
    def kinds(self) -> np.ndarray:
        """Of each statistic the number of its kind in `KINDS`."""
        sizes = [
            self.first[0].size,
            len(self._pairs),
            len(self._triples),
            self.profiles[0].size,
            self.edges[0].size,
        ]
        return np.repeat(np.arange(len(KINDS)), sizes)

    def orbit(self, elements: np.ndarray, types: tuple[TensorType, ...]) -> np.ndarray:
        """`(trajectories, elements, statistics)`: the statistics of moved data.

        **Arguments:**

        - `types`: of the fields, as they are to be tested.
        """
        actions = [self._action(element, types) for element in elements]
        return np.stack([self.table[:, i] * sign for i, sign in actions], axis=1)

    def seen_moving_with(self, name: str) -> np.ndarray:
        """Which statistics an observer knows who moves with the mean of a field: no
        rates, and not that mean.
        """
        d = self.num_spatial_dims
        entries = [e.name for e in self.values for _ in range(e.features(d))]
        kept = np.array([not entry.startswith(_RATE) for entry in entries])
        own = np.array([entry == name for entry in entries])
        rest = np.ones(len(self.kinds) - len(kept) - len(self._pairs), bool)
        return np.concatenate([kept & ~own, kept[self._pairs].all(axis=1), rest])

    def label(self, statistic: int) -> str:
        """`mean of omega times gradient_of_velocity_xy`, for a statistic by number."""
        names = self._names()
        kind = KINDS[self.kinds[statistic]]
        at = statistic - int(np.flatnonzero(self.kinds == self.kinds[statistic])[0])
        if kind in ("profile", "edge"):
            array = self.profiles if kind == "profile" else self.edges
            axis, of, *_, feature = np.unravel_index(at, array.shape[1:])
            axis_name, feature_name = "xyz"[axis], names[feature]
            if kind == "edge":
                return (
                    f"step of {feature_name} between the two ends of {axis_name}",
                    f"size of {feature_name} at the two ends of {axis_name}",
                )[of]
            what = (feature_name, f"{feature_name}²", f"steps of {feature_name}")[of]
            return f"profile of {what} along {axis_name}"
        factors = {
            "mean": np.arange(len(names))[:, None],
            "product": self._pairs,
            "triple": self._triples,
        }[kind][at]
        powers = {i: int((factors == i).sum()) for i in factors.tolist()}
        marks = {1: "", 2: "²", 3: "³"}
        return "mean of " + " times ".join(
            names[i] + marks[power] for i, power in powers.items()
        )

    def waves(self, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """Profiles along an axis as complex Fourier coefficients, `(trajectories,
        statistics)`, and the wave number of each.
        """
        profiles = self.profiles[:, axis]
        waves = profiles[:, :, :, 0] - 1j * profiles[:, :, :, 1]
        modes = np.broadcast_to(np.array(MODES)[:, None], waves.shape[1:])
        return waves.reshape(len(waves), -1), modes.ravel()

    def shape_statistics(self) -> np.ndarray:
        """`(trajectories, statistics)`: second moments of fields and slopes, no
        rates.
        """
        kept = [i for i, n in enumerate(self._names()) if not n.startswith(_RATE)]
        upper = np.triu_indices(len(kept))
        return self.second[:, kept][:, :, kept][:, upper[0], upper[1]]

    @functools.cached_property
    def _pairs(self) -> np.ndarray:
        return _combinations(self.first.shape[-1], 2)

    @functools.cached_property
    def _triples(self) -> np.ndarray:
        return _combinations(self.third.shape[-1], 3)

    def _action(
        self, element: Any, types: tuple[TensorType, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """From where in the table each statistic of the moved data comes, and its
        sign.
        """
        permutation, signs, _ = signed_permutation(element)
        index, sign = feature_action(
            self._typed(types), self.num_spatial_dims, permutation, signs
        )
        f = self.third.shape[-1]
        axes = list(permutation)
        profile = np.arange(self.profiles[0].size).reshape(self.profiles.shape[1:])
        profile_sign = np.ones(profile.shape)
        profile_sign[:, 0] *= sign[:f]
        # A reversed axis changes the sign of its sines.
        profile_sign[..., 1, :] *= np.asarray(signs).reshape(-1, 1, 1, 1)
        edge = np.arange(self.edges[0].size).reshape(self.edges.shape[1:])
        parts = [
            (index, sign),
            (_number(self._pairs, index), sign[self._pairs].prod(axis=1)),
            (_number(self._triples, index), sign[self._triples].prod(axis=1)),
            (profile[axes][..., index[:f]].ravel(), profile_sign.ravel()),
            (edge[axes][..., index[:f]].ravel(), np.ones(edge.size)),
        ]
        starts = np.cumsum([0, *(len(where) for where, _ in parts)])
        return (
            np.concatenate([a + s for (a, _), s in zip(parts, starts, strict=False)]),
            np.concatenate([b for _, b in parts]),
        )

    def _typed(self, types: tuple[TensorType, ...]) -> Signature:
        return Signature(
            Entry(
                entry.name,
                1,
                TensorType(entry.type.order, types[i % len(types)].parity),
            )
            for i, entry in enumerate(self.values)
        )

    def _names(self) -> list[str]:
        axes, names = "xyz", []
        for entry in self.values:
            shape = entry.type.tensor_shape(self.num_spatial_dims)
            for position in np.ndindex(*shape):
                suffix = "".join(axes[i] for i in position)
                names.append(entry.name + (f"_{suffix}" if suffix else ""))
        return names


def local_statistics(
    fields: Mapping[str, Any],
    signature: Signature,
    num_spatial_dims: int,
    *,
    max_trajectories: int,
    max_times: int,
) -> LocalStatistics:
    """Reads trajectories one by one and takes their moments.

    **Arguments:**

    - `fields`: by name, sliceable arrays `(trajectory, time, *grid, *tensor)`.
    - `signature`: names and types of the fields, one channel each.
    """
    d = num_spatial_dims
    names = list(signature.names)
    total, times = fields[names[0]].shape[:2]
    chosen = np.unique(
        np.linspace(0, total - 1, min(total, max_trajectories)).astype(int)
    )
    has_rates = times > 1
    moments = np.unique(
        np.linspace(0, times - 1 - has_rates, min(max(times - 1, 1), max_times)).astype(
            int
        )
    )
    base = [Entry(e.name, 1, e.type) for e in signature]
    slopes = [
        Entry(_SLOPE + e.name, 1, TensorType(e.type.order + 1, e.type.parity))
        for e in signature
    ]
    rates = [Entry(_RATE + e.name, 1, e.type) for e in signature] if has_rates else []
    values = Signature(base + slopes + rates)
    rows = []
    for trajectory in chosen:
        now = read_trajectory(fields, names, int(trajectory), moments, d)
        later = (
            read_trajectory(fields, names, int(trajectory), moments + 1, d)
            if has_rates
            else None
        )
        rows.append(averages(now, later, d))
    columns = [np.stack(column) for column in zip(*rows, strict=True)]
    first, second, third, means, scales, profiles, edges = columns
    grid = tuple(fields[names[0]].shape[2 : 2 + d])
    return LocalStatistics(
        values,
        len(signature),
        first,
        second,
        third,
        means,
        scales,
        profiles,
        edges,
        grid,
    )


def _combinations(features: int, factors: int) -> np.ndarray:
    """All products of so many factors, `(products, factors)`."""
    return np.array(
        list(itertools.combinations_with_replacement(range(features), factors))
    )


def _number(products: np.ndarray, index: np.ndarray) -> np.ndarray:
    """For each product the number of the one with the factors `index[factors]`."""
    place = {tuple(p): i for i, p in enumerate(products.tolist())}
    return np.array([place[tuple(sorted(p))] for p in index[products].tolist()])
