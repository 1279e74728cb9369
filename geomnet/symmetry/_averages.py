"""What is averaged over the cells and times of one trajectory.

Every number is one that a rotation or reflection of the grid moves to another place, up
to its sign; no image is moved.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

# Waves that profiles along an axis are compared with.
MODES = (1, 2)

# Part of the root mean square below which a fluctuation is rounding.
_NOISE = 1e-6


def read_trajectory(
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


def averages(
    now: list[np.ndarray],
    later: list[np.ndarray] | None,
    d: int,
) -> tuple[np.ndarray, ...]:
    """The numbers of one trajectory: see the fields of `LocalStatistics`.

    **Arguments:** `now`, `later`: each field at some times, and one snapshot later.
    """
    inner = (slice(None), *(slice(1, -1) for _ in range(d)))
    slopes = [
        # Inside only: nothing is assumed of the boundary.
        np.stack([_slope(a, axis)[_inner_of(d, axis)] for axis in range(d)], axis=-1)
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
        noise = _NOISE * np.sqrt((part**2).mean())
        scales.append(scale)
        fluctuations.append(moving / scale if scale > noise else 0 * moving)
    z = np.concatenate([p.reshape(-1, p.shape[-1]) for p in fluctuations], axis=-1)
    f = sum(a.shape[-1] for a in now)
    fields = z[:, :f]
    second = z.T @ z / len(z)
    third = np.einsum("na,nb,nc->abc", fields, fields, fields, optimize=True) / len(z)
    means = np.concatenate([a.reshape(-1, a.shape[-1]).mean(axis=0) for a in now])
    scale = np.array(scales[: len(now)])
    return first, second, third, means, scale, _profiles(now, d), _edges(now, d)


def _slope(array: np.ndarray, axis: int) -> np.ndarray:
    """Half the difference of the neighbours along an axis of the grid."""
    n = array.shape[axis + 1]
    high = np.take(array, np.arange(2, n), axis=axis + 1)
    return 0.5 * (high - np.take(array, np.arange(n - 2), axis=axis + 1))


def _inner_of(d: int, axis: int) -> tuple[slice, ...]:
    """Cuts the outer cells of all axes but the one where a slope has cut them."""
    return (
        slice(None),
        *(slice(None) if i == axis else slice(1, -1) for i in range(d)),
    )


def _profiles(now: list[np.ndarray], d: int) -> np.ndarray:
    """Cosine and sine coefficients of profiles along each axis.

    Counted from the cells' centres, and from the faces for the steps, so that a
    reflection changes the sign of sines.
    """
    moving = np.concatenate([_fluctuation(a, d) for a in now], axis=-1)
    rows = []
    for axis in range(1, d + 1):
        n = moving.shape[axis]
        others = tuple(i for i in range(d + 1) if i != axis)
        steps = np.square(np.roll(moving, -1, axis) - moving)
        kinds = []
        for value, place in ((moving, 0.5), (np.square(moving), 0.5), (steps, 1.0)):
            angle = 2 * np.pi * np.outer(MODES, np.arange(n) + place) / n
            waves = np.stack([np.cos(angle), np.sin(angle)], axis=1) / n
            scale = np.sqrt(np.square(value).mean(axis=tuple(range(d + 1))))
            kinds.append(waves @ value.mean(axis=others) / _or_one(scale))
        rows.append(np.stack(kinds))
    return np.stack(rows)


def _edges(now: list[np.ndarray], d: int) -> np.ndarray:
    """What walls change: the step from the last cell to the first, the values there.

    Each as a part of itself and of what it is compared with, from 0 to 1.
    """
    moving = np.concatenate([_fluctuation(a, d) for a in now], axis=-1)
    everywhere = tuple(range(d + 1))
    rows = []
    for axis in range(1, d + 1):
        n = moving.shape[axis]
        steps = np.square(np.roll(moving, -1, axis) - moving)
        seam = np.take(steps, [n - 1], axis).mean(axis=everywhere)
        inside = np.take(steps, np.arange(n - 1), axis).mean(axis=everywhere)
        ends = np.square(np.take(moving, [0, n - 1], axis)).mean(axis=everywhere)
        whole = np.square(moving).mean(axis=everywhere)
        rows.append(
            np.stack([a / _or_one(a + b) for a, b in ((seam, inside), (ends, whole))])
        )
    return np.stack(rows)


def _fluctuation(array: np.ndarray, d: int) -> np.ndarray:
    moving = array - array.mean(axis=tuple(range(1, d + 1)), keepdims=True)
    everywhere = tuple(range(d + 1))
    size = np.sqrt(np.square(moving).mean(axis=everywhere))
    # Rounding of a constant component is not a fluctuation.
    return np.where(size > _NOISE * np.sqrt(np.square(array).mean()), moving, 0.0)


def _or_one(scale: Any) -> Any:
    return np.where(scale > 0, scale, 1.0)
