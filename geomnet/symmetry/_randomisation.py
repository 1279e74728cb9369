"""Randomisation tests: exact p-values from few independent trajectories.

If a law is invariant under a group H, moving each trajectory by an element of H of its
own changes no probability. So the statistic of the data as they are is compared with
that of data moved at random: nothing else is assumed, of normality least of all.

**Reference:** Lehmann and Romano (2005), Testing Statistical Hypotheses, Sec. 15.2
(randomisation) and Sec. 9.1 (closed tests).
"""

import dataclasses
import itertools
import math
from collections.abc import Callable

import numpy as np

from .._group import Group
from ._subgroups import subgroups

# Weight of a statistic's own variance, against the median of those of its kind: with
# few trajectories some variance is always small by chance.
_OWN = 0.8

# What floating-point sums leave of zero, in units of normalised statistics.
_ROUNDING = 1e-5

_MOST_EXACT = 4096
_DRAWS_OF_FEW, _DRAWS_OF_MANY, _FEW = 9999, 1999, 9
_CHUNK = 500
_ONE_THREAD = 250_000

# Elements from which on picking rows is faster than a product with zeros and ones.
_MANY = 8

# A symmetry that so many of the moved data contradict as much holds: draw no more.
_CLEAR = 0.05


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One test: how probable the data are if the symmetry holds, and its power."""

    p_value: float
    visible: float
    """A typical statistic would have to be so large to be seen; infinite if nothing
    can be seen in so few trajectories."""


def closed_test(
    orbit: np.ndarray,
    group: Group,
    kinds: np.ndarray,
    significance: float,
    above: frozenset[int] = frozenset(),
) -> dict[frozenset[int], Outcome]:
    """Every subgroup that is not contained in one that holds, with its outcome.

    Subgroups are tested from the largest down, and one is rejected only if all that
    contain it are: then the probability of any false alarm is at most the significance,
    however many subgroups there are.

    **Arguments:**

    - `orbit`: `(trajectories, group.order, statistics)`, those of the moved data.
    - `kinds`: of each statistic, a number; variances are compared within a kind.
    - `above`: look only at subgroups that contain these elements.
    """
    outcomes: dict[frozenset[int], Outcome] = {}
    for members in subgroups(group):
        held = holding(outcomes, significance)
        if not above <= members or any(members < larger for larger in held):
            continue
        outcomes[members] = _invariance(orbit, sorted(members), kinds, significance)
    return outcomes


def holding(
    outcomes: dict[frozenset[int], Outcome], significance: float
) -> list[frozenset[int]]:
    """The subgroups that the data do not contradict, the largest first."""
    return [m for m, outcome in outcomes.items() if outcome.p_value > significance]


def strength(samples: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """How far the mean of each statistic is from zero, in its deviations, squared."""
    return _strength(
        samples.mean(axis=0),
        (abs(samples) ** 2).mean(axis=0),
        _prior(samples[:, None], kinds),
    )


def shift_outcome(
    waves: np.ndarray, modes: np.ndarray, cells: int, significance: float
) -> Outcome:
    """Whether trajectories are invariant under shifts by cells along one axis.

    **Arguments:**

    - `waves`: complex Fourier coefficients of profiles, `(trajectories, statistics)`.
    - `modes`: the wave number of each.
    """
    random, n = np.random.default_rng(0), len(waves)
    kinds = np.zeros(len(modes), int)
    prior = _prior(waves[:, None], kinds)
    second = (abs(waves) ** 2).mean(axis=0)

    def draw(size: int) -> np.ndarray:
        turned = random.integers(cells, size=(size, n))
        # Shifts are the same for all statistics of one mode.
        means = np.zeros((size, len(modes)), complex)
        for mode in np.unique(modes):
            phases = np.exp(-2j * np.pi * mode * turned / cells)
            means[:, modes == mode] = phases @ waves[:, modes == mode] / n
        return _strength(means, second, prior).max(axis=1)

    found = _strength(waves.mean(axis=0), second, prior).max()
    return _compared(found, draw, n, prior, significance, float(cells) ** (1 - n))


def independence_p_value(values: np.ndarray, samples: np.ndarray) -> float:
    """The p-value that no statistic is correlated with `values`: by exchanging
    trajectories.

    **Arguments:** `values`, `(trajectories, numbers)`; `samples`, `(trajectories,
    statistics)`.
    """
    random, n = np.random.default_rng(0), len(values)
    usable = samples.std(axis=0) > _ROUNDING
    if not usable.any():
        return 1.0
    a, b = _ranked(values), _ranked(samples[:, usable])

    def draw(size: int) -> np.ndarray:
        orders = np.argsort(random.random((size, n)), axis=1)
        return np.abs(np.swapaxes(a[orders], 1, 2) @ b).max(axis=(1, 2))

    return _compared(np.abs(a.T @ b).max(), draw, n, np.ones(1), 0.01, 0.0).p_value


def _invariance(
    orbit: np.ndarray, members: list[int], kinds: np.ndarray, significance: float
) -> Outcome:
    """Whether trajectories are invariant under the group with these elements."""
    random, (n, _, _) = np.random.default_rng(0), orbit.shape
    part = orbit[:, members]
    # What the group leaves alone says nothing.
    part = part - part.mean(axis=1, keepdims=True)
    changed = np.abs(part).max(axis=(0, 1)) > _ROUNDING
    if not changed.any():
        return Outcome(1.0, math.inf)
    part, kinds = part[:, :, changed], kinds[changed]
    prior, squares = _prior(part, kinds).astype(np.float32), part**2
    order = len(members)

    both = np.concatenate([part, squares], axis=-1).astype(np.float32) / n

    def of(chosen: np.ndarray) -> np.ndarray:
        means = _chosen_sums(both, chosen)
        mean, second = np.split(means, 2, axis=1)
        return _strength(mean, second, prior).max(axis=1)

    found = float(of(np.full((1, n), members.index(0)))[0])
    # A violation has one sign in every trajectory: so do two patterns of all.
    least = 2.0 ** (1 - n)
    if order**n <= _MOST_EXACT:
        every = np.array(list(itertools.product(range(order), repeat=n)))
        return _compared(found, lambda _: of(every), n, prior, significance, least, 0)

    def draw(size: int) -> np.ndarray:
        return of(random.integers(order, size=(size, n)))

    return _compared(found, draw, n, prior, significance, least)


def _compared(
    found: float,
    draw: Callable[[int], np.ndarray],
    n: int,
    prior: np.ndarray,
    significance: float,
    least: float,
    extra: int = 1,
) -> Outcome:
    """The part of moved data that is as extreme as the data, and what is visible.

    **Arguments:** `least` is the smallest p-value there is; `extra` counts the data
    themselves where the moved ones are only a sample.
    """
    if not extra:
        values = draw(0)
    else:
        # The smallest p-value of few trajectories is near the usual significance.
        total = _DRAWS_OF_FEW if n <= _FEW else _DRAWS_OF_MANY
        values = draw(_CHUNK)
        while len(values) < total and (values >= found).sum() < _CLEAR * len(values):
            values = np.append(values, draw(min(_CHUNK, total - len(values))))
    # Patterns that differ by one sign alone are equal up to rounding.
    hits = int((values >= found * (1 - 1e-4)).sum())
    # So large a statistic is rare by chance, unless no statistic is rare enough.
    rare = float(np.quantile(values, 1 - significance))
    visible = math.sqrt(rare * float(np.median(prior)))
    visible = visible if least <= significance else math.inf
    return Outcome((hits + extra) / (len(values) + extra), visible)


def _strength(mean: np.ndarray, second: np.ndarray, prior: np.ndarray) -> np.ndarray:
    squared = abs(mean) ** 2
    return squared / (_OWN * np.maximum(second - squared, 0) + (1 - _OWN) * prior)


def _chosen_sums(table: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Sums over trajectories i of `table[i, chosen[:, i]]`."""
    n, order, width = table.shape
    if order > _MANY:
        rows = np.arange(n)
        return np.stack([table[rows, pattern].sum(axis=0) for pattern in chosen])
    mask = (chosen[:, :, None] == np.arange(order)).astype(table.dtype)
    mask, columns = mask.reshape(len(chosen), -1), table.reshape(n * order, width)
    # In pieces that BLAS does not share among threads: on a busy machine their waiting
    # for each other took ten times the work.
    rows, part = 8, max(1, _ONE_THREAD // (8 * n * order))
    out = np.empty((len(mask), width), table.dtype)
    for top in range(0, len(mask), rows):
        for left in range(0, width, part):
            here = slice(top, top + rows), slice(left, left + part)
            out[here] = mask[here[0]] @ columns[:, here[1]]
    return out


def _prior(orbit: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """The typical second moment of each kind: moving the data does not change it."""
    own = (abs(orbit) ** 2).mean(axis=(0, 1))
    prior = np.zeros_like(own)
    for kind in np.unique(kinds):
        prior[kinds == kind] = np.median(own[kinds == kind])
    return np.maximum(prior, _ROUNDING**2)


def _ranked(values: np.ndarray) -> np.ndarray:
    """Ranks, centred and of norm one: a single far value must not decide."""
    ranks = values.argsort(axis=0).argsort(axis=0) - (len(values) - 1) / 2
    return ranks / np.sqrt((ranks**2).sum(axis=0))
