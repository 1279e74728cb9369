"""Kernels on waves that travel and decay: functions of the length of a wave vector."""

import functools
import itertools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._arithmetic import FULL
from .._signature import TensorType
from ..filters._covariant_basis import covariant_basis
from ..filters._kernel_space import KernelSpace, Pair
from ..filters._window import window_offsets

HIGHEST_DEGREE = 2
"""Of the covariants: with it a vector is split into its parts along and across a wave
vector, and a gradient, a divergence and a curl are there."""

# Logarithms at the start, of radians per wave number: from waves that hardly move to
# those that cross a fifth of the box in a step; and of exponents per squared wave
# number: from waves that hardly decay to those of which ten a side are the last left.
_SPEEDS = (-3.0, 0.3)
_DECAYS = (-8.0, -3.5)
_SENSITIVITY = 0.3


class TravellingWaves(eqx.Module):
    """The part of a conditioned kernel that knows what waves do: they travel and decay.

    The factor of wave vector k, of length κ and direction n, is

        T(k; p) = Σ_b P_b(n) Σ_m A_bm cos(κ exp(α_m·p + β_m) + θ_m)
            exp(-κ² exp(γ_m·p + δ_m))

    where the P_b are the covariant polynomials of the group up to degree 2 (of odd
    degree times i, so that fields stay real) and p are the numbers. A sound wave of
    wave number κ turns by κ c Δt in a step and is damped by κ² ν Δt: with logarithms of
    such numbers for p one term holds for all wave vectors, speeds and viscosities,
    where a free kernel learns each wave vector by itself, and mixtures of few kernels
    each speed.
    """

    weights: Float[Array, " amplitudes"]
    speed_weight: Float[Array, "parameters waves"]
    speed_bias: Float[Array, " waves"]
    phase: Float[Array, " waves"]
    decay_weight: Float[Array, "parameters waves"]
    decay_bias: Float[Array, " waves"]
    space: KernelSpace = eqx.field(static=True)

    def __init__(
        self,
        space: KernelSpace,
        num_parameters: int,
        num_waves: int,
        *,
        variance: float,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `space`: on the window of wave vectors; its coefficients are what is made.
        - `num_waves`: terms of the sum over m.
        - `variance`: about that of an output at the start, of an input of unit variance
            that is spread evenly over the waves. Decay makes it less.
        """
        keys = jax.random.split(key, 6)
        self.space = space
        shape = (num_parameters, num_waves)
        sensitivity = _SENSITIVITY / math.sqrt(num_parameters)
        self.speed_weight = sensitivity * jax.random.normal(keys[0], shape, dtype)
        self.decay_weight = sensitivity * jax.random.normal(keys[1], shape, dtype)

        def uniform(key: PRNGKeyArray, low: float, high: float) -> Array:
            kind = jnp.zeros((), dtype).dtype
            return jax.random.uniform(key, (num_waves,), kind, low, high)

        self.speed_bias = uniform(keys[2], *_SPEEDS)
        self.decay_bias = uniform(keys[3], *_DECAYS)
        self.phase = uniform(keys[4], 0.0, 2 * math.pi)
        sizes = [math.prod(shape) for shape in self._shapes().values()]
        deviations = _deviations(space, variance / max(num_waves, 1))
        scale = np.repeat(deviations, sizes)
        drawn = jax.random.normal(keys[5], scale.shape, dtype)
        self.weights = drawn * jnp.asarray(scale, drawn.dtype)

    @property
    def num_waves(self) -> int:
        """Terms of the sum."""
        return len(self.phase)

    def coefficients(
        self, parameters: Float[Array, " parameters"]
    ) -> Float[Array, " coefficients"]:
        """Of the kernel in its space, in the precision of the parameters."""
        dtype = parameters.dtype
        sizes = [math.prod(shape) for shape in self._shapes().values()]
        cut = jnp.split(self.weights.astype(dtype), np.cumsum(sizes)[:-1])
        weights = dict(zip(self._shapes(), cut, strict=True))
        made: dict[Pair, Array] = {}
        for lengths, pairs in _together(self.space):
            factors = self._factors(jnp.asarray(lengths, dtype), parameters)
            for pair in pairs:
                # Directions first, which are those of all samples.
                along = self._along(pair, len(lengths), weights[pair])
                made[pair] = jnp.einsum("km,kmc->kc", factors, along, precision=FULL)
        return jnp.concatenate([made[pair].ravel() for pair in self.space.shapes])

    def _along(
        self, pair: Pair, number: int, weights: Float[Array, " amplitudes"]
    ) -> Float[Array, "lengths waves entries"]:
        """Of each wave, the sum over covariants: for each length of a pair of types, of
        which there are that `number`, the entries of its kernels, kernel by kernel.
        """
        covariants, waves, channels = self._shapes()[pair]
        table = jnp.asarray(_tables(self.space)[pair], weights.dtype)
        amplitudes = weights.reshape(covariants, waves, channels)
        row = len(table) // number
        kernels = table.reshape(number, row, covariants)
        along = jnp.einsum("krb,bmc->kmrc", kernels, amplitudes, precision=FULL)
        return along.reshape(number, waves, row * channels)

    def _shapes(self) -> dict[Pair, tuple[int, int, int]]:
        """`(covariants, waves, channels in times out)` of the amplitudes of each pair
        of types, in the order of storage.
        """
        return {
            pair: (
                table.shape[1],
                self.num_waves,
                math.prod(self.space.shapes[pair][1:]),
            )
            for pair, table in _tables(self.space).items()
        }

    def _factors(
        self,
        lengths: Float[Array, " orbits"],
        parameters: Float[Array, " parameters"],
    ) -> Float[Array, "orbits waves"]:
        leaves = (self.speed_weight, self.speed_bias, self.phase)
        leaves += (self.decay_weight, self.decay_bias)
        speed, bias, phase, decay, decay_bias = (
            x.astype(parameters.dtype) for x in leaves
        )
        # In full: an angle is many radians.
        rate = jnp.exp(jnp.matmul(parameters, speed, precision=FULL) + bias)
        loss = jnp.exp(jnp.matmul(parameters, decay, precision=FULL) + decay_bias)
        angle = lengths[:, None] * rate + phase
        return jnp.cos(angle) * jnp.exp(-jnp.square(lengths)[:, None] * loss)


@functools.lru_cache(maxsize=256)
def _entries(space: KernelSpace, pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """For each kernel of a pair of types the place of one entry, `(cell, component)`,
    and its sign.
    """
    bank = space.basis(*pair)
    labels = bank.labels.reshape(math.prod(space.window), -1)
    flat = labels.ravel()
    _, first = np.unique(flat, return_index=True)
    first = first[flat[first] >= 0]
    place = np.stack(np.unravel_index(first, labels.shape), axis=1)
    return place, bank.signs.reshape(labels.shape)[tuple(place.T)]


@functools.lru_cache(maxsize=256)
def _lengths(space: KernelSpace, pair: Pair) -> np.ndarray:
    """`(kernels,)`: the length of the wave vectors of each orbit."""
    return np.linalg.norm(_wave_vectors(space), axis=1)[_entries(space, pair)[0][:, 0]]


@functools.lru_cache(maxsize=256)
def _together(space: KernelSpace) -> list[tuple[np.ndarray, list[Pair]]]:
    """Lengths, and the pairs of types whose kernels have just these, each for as many
    kernels in a row: what is one product for all of them.
    """
    found: dict[bytes, tuple[np.ndarray, list[Pair]]] = {}
    for pair in space.shapes:
        lengths = _lengths(space, pair)
        starts = np.flatnonzero(np.diff(lengths, prepend=-1.0, append=-1.0))
        lengths = lengths[:: np.gcd.reduce(np.diff(starts))]
        found.setdefault(lengths.tobytes(), (lengths, []))[1].append(pair)
    return list(found.values())


def _wave_vectors(space: KernelSpace) -> np.ndarray:
    """`(cells, d)`: of the window, from its centre."""
    return window_offsets(space.window) / 2


@functools.lru_cache(maxsize=256)
def _tables(space: KernelSpace) -> dict[Pair, np.ndarray]:
    """For each pair of types `(kernels, covariants)`: what the kernels must be weighed
    with to give each covariant of the direction.
    """
    return {pair: _table(space, pair) for pair in space.shapes}


def _table(space: KernelSpace, pair: Pair) -> np.ndarray:
    vectors = _wave_vectors(space)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = vectors / np.where(lengths > 0, lengths, 1)
    place, sign = _entries(space, pair)
    columns: list[np.ndarray] = []
    independent = np.zeros((len(place), 0))
    for row, exponents in _covariants(space, pair):
        monomials = (directions[:, None, :] ** exponents).prod(axis=-1)
        column = (monomials @ row)[tuple(place.T)] * sign
        # On the sphere x² + y² is 1, but not in its centre, the mean of a field: what
        # lower degrees give is left out.
        rest = column - independent @ (independent.T @ column)
        size = np.linalg.norm(rest)
        if size > 1e-9 * np.linalg.norm(column):
            columns.append(column)
            independent = np.column_stack([independent, rest / size])
    return np.stack(columns, axis=1) if columns else independent


def _covariants(
    space: KernelSpace, pair: tuple[TensorType, TensorType]
) -> "itertools.chain[tuple[np.ndarray, np.ndarray]]":
    """`(monomials, components)` and the exponents of each, lowest degree first."""
    bases = (
        covariant_basis(space.source.group, pair, degree)
        for degree in range(HIGHEST_DEGREE + 1)
    )
    return itertools.chain.from_iterable(
        ((row, basis.exponents) for row in basis.arrays()) for basis in bases
    )


def _deviations(space: KernelSpace, variance: float) -> list[float]:
    """Of the amplitudes of each pair of types, whose outputs have that variance, of
    cosines at any phase.
    """
    found = {}
    for pair, table in _tables(space).items():
        # Squares of what each covariant does, a mean over wave vectors and outputs.
        bank = space.basis(*pair)
        count = np.bincount(bank.labels[bank.labels >= 0], minlength=len(table))
        cells = math.prod(space.window) * space.target.components(pair[0])
        squares = float((count[:, None] * np.square(table)).sum()) / cells
        found[pair] = squares * space.shapes[pair][1]
    total = {
        out: sum(value for (other, _), value in found.items() if other == out)
        for out, _ in found
    }
    return [
        math.sqrt(2 * variance / total[out]) if total[out] else 0.0 for out, _ in found
    ]
