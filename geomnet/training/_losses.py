"""Losses over several steps of a model's own predictions."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .._arguments import check_count, checked
from .._history import push_frame
from .._image import GeometricImage
from ..models._contract import own_units_of
from ._shifts import shifted

Metric = Callable[[GeometricImage, GeometricImage], Float[Array, "*batch"]]


@checked
def unrolled(
    metric: Metric,
    *,
    num_steps: int | None = None,
    gradient: Literal["all", "last", "none"] = "all",
    noise: float = 0.0,
    random_shifts: bool = False,
) -> Callable[..., Float[Array, ""]]:
    """A loss for `fit`: the mean of a metric over as many steps as a batch has targets.

    The model steps on its own predictions, so that it learns to mend its errors. Images
    are measured in the sample's own units where the model has them
    (`geomnet.Nondimensional`), those of its history.

    **Arguments:**

    - `metric`: of a prediction and a target, such as `smse`.
    - `num_steps`: how many of the targets of a batch are looked at; by default all.
    - `gradient`: what is differentiated. `"all"`: through all steps, each computed
        anew on the way back, so that memory grows by a history per step.
        `"last"`: the push-forward (Brandstetter et al. 2022): the last step alone, of
        which the loss then is. `"none"`: every step, but not from step to step.
    - `noise`: standard deviation of what is added to the histories, in own units.
    - `random_shifts`: each step on a torus shifted by another number of cells, the same
        for a batch: see `shifted`.

    **Returns:** `(model, batch, key) -> number`, where a batch is `(histories,
    *inputs, targets)`, targets of one step or `(batch, steps, *grid, features)`, such
    as `Windows(..., num_targets=4)` gives.

    **Raises:** `ValueError` for another `gradient` or a negative noise.
    """
    if num_steps is not None:
        check_count("num_steps", num_steps)
    if not noise >= 0:
        raise ValueError(f"`noise` must be 0 or more, got {noise}.")

    def loss(model: Any, batch: Any, key: PRNGKeyArray) -> Float[Array, ""]:
        histories, *inputs, targets = batch
        frames = _frames(targets, num_steps)
        steps = frames.shape[1]
        noise_key, shift_key = jax.random.split(key)
        start = histories
        if noise:
            start = jax.vmap(_with_noise(model, noise))(
                jax.random.split(noise_key, len(frames)), histories, *inputs
            )

        own = jax.vmap(lambda *given: own_units_of(model, *given))(start, *inputs)

        def error(prediction: GeometricImage, truth: GeometricImage, own: Any) -> Array:
            pair = (prediction, truth)
            return metric(*(pair if own is None else map(own.normalise, pair)))

        def step(histories: GeometricImage, now: Any) -> Any:
            key, truth = now
            run = shifted(model, key) if random_shifts else model
            predicted = jax.vmap(run)(histories, *inputs)
            errors = jax.vmap(error)(predicted, targets.with_array(truth), own)
            following = jax.vmap(push_frame)(histories, predicted)
            if gradient != "all":
                following = jax.lax.stop_gradient(following)
            return following, errors.mean()

        keys = jax.random.split(shift_key, steps)
        truths = jnp.moveaxis(frames, 1, 0)
        if steps == 1:
            return step(start, (keys[0], truths[0]))[1]
        again = jax.checkpoint(step) if gradient == "all" else step
        if gradient == "last":
            before, _ = jax.lax.scan(again, start, (keys[:-1], truths[:-1]))
            before = jax.lax.stop_gradient(before)
            return step(before, (keys[-1], truths[-1]))[1]
        return jax.lax.scan(again, start, (keys, truths))[1].mean()

    return loss


def _frames(
    targets: GeometricImage, num_steps: int | None
) -> Float[Array, "batch steps *grid features"]:
    """So many targets of each sample, or all."""
    has_steps = targets.array.ndim == targets.num_spatial_dims + 3
    frames = targets.array if has_steps else targets.array[:, None]
    if num_steps is not None and num_steps > frames.shape[1]:
        raise ValueError(
            f"`num_steps` is {num_steps}, but a batch has {frames.shape[1]} targets: "
            f"`Windows(..., num_targets={num_steps})`."
        )
    return frames[:, :num_steps]


def _with_noise(model: Any, size: float) -> Callable[..., GeometricImage]:
    def noisy(
        key: PRNGKeyArray, history: GeometricImage, *inputs: Any
    ) -> GeometricImage:
        drawn = size * jax.random.normal(key, history.array.shape, history.dtype)
        own = own_units_of(model, history, *inputs)
        if own is None:
            return history.with_array(history.array + drawn)
        inside = own.normalise(history)
        return own.restore(inside.with_array(inside.array + drawn))

    return noisy
