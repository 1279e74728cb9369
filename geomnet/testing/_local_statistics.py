"""Statistics of fields that the group acts on: moments of values, slopes and rates.

Every trajectory gives one vector of numbers. Its first and second moments, and the
third of the fields, are means over cells, so a group element only exchanges them and
changes their signs; no image is moved.
"""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._action import feature_action
from .._group import signed_permutation
from .._signature import Entry, Signature, TensorType

KINDS = ("mean", "product", "triple", "profile")

_SAME = 1e-7

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
    """`(trajectories, axes, 2, modes, 2, f)`: cosine and sine coefficients along each
    axis of the fields and of their squares, over all other axes averaged."""
    num_spatial_dims: int

    @property
    def num_trajectories(self) -> int:
        """The number of independent samples."""
        return len(self.first)

    def differences(
        self, element: Any, types: tuple[TensorType, ...], moving_with: str = ""
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Every statistic minus that of the moved data, by kind.

        For each kind the numbers of the features that are multiplied, `(statistics,
        factors)`, and the differences, `(trajectories, statistics)`.

        **Arguments:**

        - `types`: of the fields, as they are to be tested.
        - `moving_with`: the name of a field: leave out its mean, and all rates, as an
            observer would who moves along.
        """
        permutation, signs, _ = signed_permutation(element)
        d = self.num_spatial_dims
        index, sign = feature_action(self._typed(types), d, permutation, signs)
        entries = [e.name for e in self.values for _ in range(e.features(d))]
        is_rate = np.array([name.startswith(_RATE) for name in entries])
        kept = ~is_rate if moving_with else np.ones(len(entries), bool)
        own = np.array([name == moving_with for name in entries])
        f = self.third.shape[-1]
        ones = np.flatnonzero(kept & ~own)
        pairs = np.array(
            list(itertools.combinations_with_replacement(np.flatnonzero(kept), 2))
        )
        triples = np.array(list(itertools.combinations_with_replacement(range(f), 3)))
        profiles = self._profile_differences(permutation, signs, index[:f], sign[:f])
        kinds = {
            "mean": (ones[:, None], _change(self.first, ones[:, None], index, sign)),
            "product": (pairs, _change(self.second, pairs, index, sign)),
            "triple": (triples, _change(self.third, triples, index, sign)),
            "profile": (np.zeros((profiles.shape[1], 0), int), profiles),
        }
        # What a group element leaves alone says nothing, and must not cost
        # significance.
        changed = {k: np.abs(s).max(axis=0) > _SAME for k, (_, s) in kinds.items()}
        return {
            k: (factors[changed[k]], samples[:, changed[k]])
            for k, (factors, samples) in kinds.items()
        }

    def label(self, factors: np.ndarray) -> str:
        """`mean of omega x gradient_of_velocity_xy`, for features by number."""
        if not len(factors):
            return "profiles along the axes"
        names = self._names()
        return "mean of " + " x ".join(names[i] for i in factors)

    def _profile_differences(
        self,
        permutation: tuple[int, ...],
        signs: tuple[int, ...],
        index: np.ndarray,
        sign: np.ndarray,
    ) -> np.ndarray:
        moved = self.profiles[:, list(permutation)][..., index].copy()
        moved[:, :, 0] *= sign
        # A reversed axis changes the sign of its sines.
        moved[..., 1, :] *= np.asarray(signs).reshape(1, -1, 1, 1, 1)
        return (self.profiles - moved).reshape(self.num_trajectories, -1)

    def shape_statistics(self) -> np.ndarray:
        """`(trajectories, statistics)`: second moments of fields and slopes, no
        rates.
        """
        kept = [i for i, n in enumerate(self._names()) if not n.startswith(_RATE)]
        upper = np.triu_indices(len(kept))
        return self.second[:, kept][:, :, kept][:, upper[0], upper[1]]

    def _typed(self, types: tuple[TensorType, ...]) -> Signature:
        entries = list(self.values)
        new = []
        for i, entry in enumerate(entries):
            base = types[i % len(types)]
            order = entry.type.order
            new.append(Entry(entry.name, 1, TensorType(order, base.parity)))
        return Signature(new)

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
        now = _read(fields, names, int(trajectory), moments, d)
        later = (
            _read(fields, names, int(trajectory), moments + 1, d) if has_rates else None
        )
        rows.append(_moments_of(now, later, values, signature, d))
    columns = [np.stack(column) for column in zip(*rows, strict=True)]
    first, second, third, means, scales, profiles = columns
    return LocalStatistics(
        values, len(signature), first, second, third, means, scales, profiles, d
    )


def _change(
    moments: np.ndarray, factors: np.ndarray, index: np.ndarray, sign: np.ndarray
) -> np.ndarray:
    """The moments of `factors` minus those of the moved data."""
    here = moments[:, *factors.T]
    return here - sign[factors].prod(axis=1) * moments[:, *index[factors].T]


def _read(
    fields: Mapping[str, Any],
    names: list[str],
    trajectory: int,
    times: np.ndarray,
    d: int,
) -> list[np.ndarray]:
    """Each field as `(time, *grid, components)`, float64."""
    parts = []
    for name in names:
        array = np.stack(
            [np.asarray(fields[name][trajectory, int(t)], np.float64) for t in times]
        )
        parts.append(array.reshape(*array.shape[: d + 1], -1))
    return parts


def _moments_of(
    now: list[np.ndarray],
    later: list[np.ndarray] | None,
    values: Signature,
    signature: Signature,
    d: int,
) -> tuple[np.ndarray, ...]:
    inner = (slice(None), *(slice(1, -1) for _ in range(d)))
    slopes = [
        # Inside only: nothing is assumed of the boundary.
        np.stack([_slope(a, axis)[inner_of(d, axis)] for axis in range(d)], axis=-1)
        for a in now
    ]
    slopes = [s.reshape(*s.shape[: d + 1], -1) for s in slopes]
    rates = (
        [b - a for a, b in zip(now, later, strict=True)] if later is not None else []
    )
    parts = [a[inner] for a in now] + slopes + [r[inner] for r in rates]
    flat = [p.reshape(-1, p.shape[-1]) for p in parts]
    first = np.concatenate(
        [f.mean(axis=0) / _or_one(np.sqrt((f**2).mean())) for f in flat]
    )
    fluctuations, scales = [], []
    for part in parts:
        space = tuple(range(1, d + 1))
        moving = part - part.mean(axis=space, keepdims=True)
        scale = np.sqrt((moving**2).mean())
        noise = 1e-6 * np.sqrt((part**2).mean())
        scales.append(scale)
        # Rounding of a constant field is not a fluctuation.
        fluctuations.append(moving / scale if scale > noise else 0 * moving)
    z = np.concatenate([p.reshape(-1, p.shape[-1]) for p in fluctuations], axis=-1)
    f = signature.features(d)
    fields = z[:, :f]
    second = z.T @ z / len(z)
    third = np.einsum("na,nb,nc->abc", fields, fields, fields, optimize=True) / len(z)
    means = np.concatenate([a.reshape(-1, a.shape[-1]).mean(axis=0) for a in now])
    profiles = _profiles(now, d)
    return first, second, third, means, np.array(scales[: len(now)]), profiles


def _slope(array: np.ndarray, axis: int) -> np.ndarray:
    """Half the difference of the neighbours along an axis of the grid."""
    n = array.shape[axis + 1]
    high = np.take(array, np.arange(2, n), axis=axis + 1)
    return 0.5 * (high - np.take(array, np.arange(n - 2), axis=axis + 1))


def inner_of(d: int, axis: int) -> tuple[slice, ...]:
    """Cuts the outer cells of all axes but the one where a slope has cut them."""
    return (
        slice(None),
        *(slice(None) if i == axis else slice(1, -1) for i in range(d)),
    )


def _profiles(now: list[np.ndarray], d: int) -> np.ndarray:
    """Cosine and sine coefficients of each component and its square along each axis.

    Counted from the cells' centres, so that a reflection changes the sign of sines.
    """
    rows = []
    for axis in range(d):
        n = now[0].shape[axis + 1]
        angle = 2 * np.pi * np.outer([1, 2], np.arange(n) + 0.5) / n
        waves = np.stack([np.cos(angle), np.sin(angle)], axis=1) / n
        others = tuple(i for i in range(d + 1) if i != axis + 1)
        kinds: list[list[np.ndarray]] = [[], []]
        for array in now:
            moving = array - array.mean(axis=tuple(range(1, d + 1)), keepdims=True)
            for kind, value in zip(kinds, (moving, moving**2), strict=True):
                scale = _or_one(float(np.sqrt((value**2).mean())))
                kind.append(waves @ value.mean(axis=others) / scale)
        rows.append(np.stack([np.concatenate(kind, axis=-1) for kind in kinds]))
    return np.stack(rows)


def _or_one(scale: float) -> float:
    return scale if scale > 0 else 1.0
