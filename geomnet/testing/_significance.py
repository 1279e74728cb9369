"""Is a mean zero? Student's t-test over independent trajectories, without SciPy."""

import functools
import math

import numpy as np

# What floating-point sums leave of zero, in units of normalised statistics.
_ROUNDING = 1e-5


def mean_is_zero(samples: np.ndarray) -> np.ndarray:
    """The p-value of a mean as large as that of `samples`, `(trajectories, features)`.

    Two-sided, of each feature alone. Under the hypothesis that a symmetry holds, the
    difference between data and moved data has mean zero.
    """
    n = len(samples)
    mean, deviation = samples.mean(axis=0), samples.std(axis=0, ddof=1)
    # Equal to rounding in every trajectory is no evidence against zero.
    error = np.maximum(deviation, _ROUNDING) / math.sqrt(n)
    return t_tail(np.abs(mean / error), n - 1)


def is_uncorrelated(values: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """The p-value of a correlation as large as that of `values` with each feature."""
    n = len(values)
    a = values - values.mean()
    b = samples - samples.mean(axis=0)
    norms = np.sqrt((a**2).sum() * (b**2).sum(axis=0))
    usable = np.sqrt((b**2).mean(axis=0)) > _ROUNDING
    r = np.where(usable, a @ b / np.where(norms > 0, norms, 1), 0.0)
    r = np.clip(r, -1 + 1e-12, 1 - 1e-12)
    return t_tail(np.abs(r) * np.sqrt((n - 2) / (1 - r**2)), n - 2)


def family_wise(p_values: np.ndarray) -> float:
    """The p-value of the smallest of several, whatever their dependence
    (Bonferroni).
    """
    return min(1.0, len(p_values) * float(p_values.min(initial=1.0)))


def t_tail(t: np.ndarray, degrees: int) -> np.ndarray:
    """`P(|T| ≥ t)` for Student's t with n degrees of freedom, of every entry.

    With T = √n / tan ψ the density is proportional to `sin^(n-1) ψ`, which is
    integrated from 0 to `atan(√n / t)`: exact to rounding also where the tail is tiny.
    """
    nodes, weights = _quadrature()
    upper = np.arctan2(math.sqrt(degrees), t)
    psi = 0.5 * upper[..., None] * (nodes + 1)
    integral = 0.5 * upper * (np.sin(psi) ** (degrees - 1) @ weights)
    log_norm = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)
    return np.minimum(1.0, 2 * math.exp(log_norm) / math.sqrt(math.pi) * integral)


@functools.cache
def _quadrature() -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(64)
