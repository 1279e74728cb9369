"""The exponential average of the weights of a run, without a bias to its start."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from .._arguments import check_number
from .._arithmetic import accumulator


class WeightAverage(eqx.Module):
    """The mean of the weights after each step, those of n steps ago times `decay**n`.

    The factors add up to 1 from the first step on, so that the weights drawn at the
    start have no part in it. Sums are float32, float64 where the weights are.
    """

    weights: Any
    """The model's trainable arrays; all else of it is None."""
    decay: float = eqx.field(static=True)

    def of(self, model: Any) -> Any:
        """The `model` with these weights, in the precision of its own."""
        return with_average(model, self.weights)

    def after(self, model: Any, done: Int[Array, ""]) -> "WeightAverage":
        """The average when step number `done`, from 1 on, has given this `model`."""
        # (1 - decay) / (1 - decay**done); the first step forgets the start to a bit.
        log = jnp.float32(math.log(self.decay))
        rate = jnp.expm1(log) / jnp.expm1(log * done.astype(jnp.float32))
        rate = jnp.where(done == 1, jnp.ones_like(rate), rate)

        def mixed(average: Array, weight: Array) -> Array:
            part = rate.astype(average.dtype)
            return (1 - part) * average + part * weight.astype(average.dtype)

        trainable = eqx.filter(model, eqx.is_inexact_array)
        weights = jax.tree.map(mixed, self.weights, trainable)
        return WeightAverage(weights, self.decay)


def start_average(model: Any, decay: float) -> WeightAverage:
    """**Raises:** `ValueError` unless `decay` is between 0 and 1."""
    check_number("average", decay)
    if not 0 < decay < 1:
        raise ValueError(
            f"`average` must be a decay between 0 and 1, such as 0.999, which forgets "
            f"half in 693 steps; got {decay}."
        )
    return WeightAverage(averaged_weights(model), float(decay))


def with_average(model: Any, weights: Any) -> Any:
    """The model with averaged weights, in the precision of its own."""
    trainable, fixed = eqx.partition(model, eqx.is_inexact_array)
    cast = jax.tree.map(lambda w, a: a.astype(w.dtype), trainable, weights)
    return eqx.combine(cast, fixed)


def averaged_weights(model: Any) -> Any:
    """The trainable arrays of a model, in the precision in which they are averaged."""
    trainable = eqx.filter(model, eqx.is_inexact_array)
    return jax.tree.map(lambda w: w.astype(accumulator(w.dtype)), trainable)
