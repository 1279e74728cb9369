"""Do snapshots belong to one flow? The law of continuity between them, in weak form.

Every sum is one of `np.add.reduce` or of a fixed number of terms: those of BLAS depend
on how many threads were free, and equal runs must give equal bytes.
"""

from collections.abc import Sequence

import numpy as np

from .._arguments import checked
from ._snapshots import as_snapshots, each_snapshot

MAX_MODE = 4
CELLS_PER_WAVE = 8
# Radians that the fastest wave turns between snapshots: four points follow it so far.
RESOLVED_ANGLE = 1.5
# The share of the momentum below which a term is truncation and rounding: in a gas that
# rests in a gravitational field the terms are nothing else.
NOISE = 0.01
GAUSS = 0.5 / 3**0.5


@checked
def snapshot_continuity(
    times: np.ndarray,
    extent: Sequence[float],
    density: np.ndarray,
    velocity: np.ndarray,
    pressure: np.ndarray,
    *,
    gamma: float = 5 / 3,
    periodic: Sequence[bool],
) -> float:
    """How far snapshots miss d/dt ∫ρφ = ∫ρu·∇φ, for smooth test functions φ.

    Each interval's change of ∫ρφ is compared with the time integral of the right-hand
    side through the four nearest snapshots. φ are products of waves with up to four
    periods along each axis: exponentials where the axis is periodic, sines that vanish
    at both ends where it is not. Only waves count that turn by less than 1.5 radians
    between snapshots at the mean speed of sound plus the mean speed of the flow.

    The result is a root mean square over waves and intervals, relative to that of the
    terms ∫ρuᵢ∂ᵢφ that the right-hand side is the sum of, or to a hundredth of what all
    the momentum could give. An exact flow gives zero; density and velocity that have
    nothing to do with each other, about one.

    **Arguments:**

    - `times`: `(time,)`, increasing.
    - `extent`: the length of the box along each axis.
    - `density`, `pressure`: `(time, *grid)`; `velocity`: `(time, *grid, d)`.
    - `gamma`: the ratio of specific heats.
    - `periodic`: whether each axis is.

    **Returns:** the residual; NaN where snapshots are too far apart for any wave,
    nothing moves, or a density or pressure is negative.

    **Raises:** `TypeError` or `ValueError` for what are no such arrays.
    """
    density, velocity, pressure = as_snapshots(density, velocity, pressure)
    tables = [
        _waves(n, length, kind)
        for n, length, kind in zip(density.shape[1:], extent, periodic, strict=True)
    ]
    numbers = np.meshgrid(*[number for _, _, number in tables], indexing="ij")
    length = np.sqrt(sum(k**2 for k in numbers))
    intervals = np.diff(times)

    values = [value for value, _, _ in tables]
    alongs = [
        [*values[:axis], derivative, *values[axis + 1 :]]
        for axis, (_, derivative, _) in enumerate(tables)
    ]

    def sums(density: np.ndarray, velocity: np.ndarray, pressure: np.ndarray) -> tuple:
        """Means of some snapshots: speeds, square of momentum, masses and rates."""
        space = tuple(range(1, density.ndim))
        speed = np.sqrt(np.sum(velocity**2, axis=-1))
        with np.errstate(invalid="ignore", divide="ignore"):
            sound = np.sqrt(gamma * pressure / density)
        return (
            np.mean(sound, axis=space) + np.mean(speed, axis=space),
            np.mean((density * speed) ** 2, axis=space),
            _project(density, values),
            *(
                _project(density * velocity[..., axis], along)
                for axis, along in enumerate(alongs)
            ),
        )

    fastest, momentum, masses, *rates = each_snapshot(sums, density, velocity, pressure)
    angle = length * np.mean(fastest) * intervals.max()
    resolved = (angle > 0) & (angle <= RESOLVED_ANGLE)
    change = np.diff(masses[:, resolved], axis=0)
    first, weights = _quadrature(np.asarray(times, float))
    terms = []
    for rate in rates:
        some = rate[:, resolved]
        terms.append(sum(w[:, None] * some[first + j] for j, w in enumerate(weights)))
    possible = np.sqrt(np.mean(momentum)) * np.multiply.outer(
        intervals, length[resolved]
    )
    scale = _norm(*terms) + NOISE * _norm(possible)
    return _norm(change - sum(terms)) / scale if scale > 0 else float("nan")


def seems_periodic(density: np.ndarray, axis: int) -> bool:
    """Whether `(time, *grid)` joins across the ends of an axis as it does inside."""
    steps = np.abs(np.diff(density, axis=axis + 1))
    first, last = (np.take(density, i, axis=axis + 1) for i in (0, -1))
    return bool(np.mean(np.abs(first - last)) <= 2 * np.mean(steps))


def _norm(*arrays: np.ndarray) -> float:
    return float(np.sqrt(sum(np.sum(np.abs(array) ** 2) for array in arrays)))


def _waves(
    n: int, length: float, periodic: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Test functions at the cell centres, their derivatives, and wave numbers."""
    x = (np.arange(n) + 0.5) * (length / n)
    most = min(MAX_MODE, n // CELLS_PER_WAVE)
    if periodic:
        numbers = 2 * np.pi / length * np.arange(-most, most + 1)
        value = np.exp(1j * np.outer(numbers, x))
        return value, 1j * numbers[:, None] * value, numbers
    numbers = np.pi / length * np.arange(1, most + 1)
    angles = np.outer(numbers, x)
    return np.sin(angles), numbers[:, None] * np.cos(angles), numbers


def _project(field: np.ndarray, tables: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of a field `(time, *grid)` times each test function."""
    for table in tables:
        # The summed axis is always the first of the grid; the new one goes last.
        n = table.shape[1]
        waves = table.reshape(len(table), n, *(1,) * (field.ndim - 2))
        sums = [np.add.reduce(field * wave, axis=1) / n for wave in waves]
        field = (
            np.stack(sums, axis=-1)
            if sums
            else np.zeros((len(field), *field.shape[2:], 0))
        )
    return field


def _quadrature(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integrals over each interval of the cubic through the four nearest times.

    The number `(intervals,)` of the first of those times, and their weights
    `(4, intervals)`, fewer where there are fewer times.
    """
    count = len(times)
    points = min(4, count)
    first = np.clip(np.arange(count - 1) - 1, 0, count - points)
    nodes = times[first + np.arange(points)[:, None]]
    step = np.diff(times)
    middle = times[:-1] + 0.5 * step
    weights = np.zeros((points, count - 1))
    # Gauss's two points are exact for cubics.
    for offset in (-GAUSS, GAUSS):
        at = middle + offset * step
        for j in range(points):
            share = 0.5 * step
            for k in range(points):
                if k != j:
                    share = share * ((at - nodes[k]) / (nodes[j] - nodes[k]))
            weights[j] += share
    return first, weights
