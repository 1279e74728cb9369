"""One jitted training step, and the order of the batches: functions, no framework.

A run is determined by its `TrainState`: model, optimiser, number of steps and key. The
batch of step n follows from the key and n alone, so a run resumed from a checkpoint
goes on bit for bit as if it had not stopped.
"""

from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

Loss = Callable[[Any, Any], Float[Array, ""]]


class TrainState(eqx.Module):
    """Everything that a training run needs to go on."""

    model: Any
    optimiser_state: optax.OptState
    num_steps: Int[Array, ""]
    key: PRNGKeyArray


def make_optimiser(
    *,
    learning_rate: float,
    total_steps: int,
    warmup_steps: int = 0,
    weight_decay: float = 1e-5,
    gradient_clip: float = 1.0,
) -> optax.GradientTransformation:
    """AdamW with a linear warm-up, then a cosine to zero, and gradients clipped.

    **Arguments:**

    - `learning_rate`: the peak, reached after `warmup_steps`.
    - `total_steps`: the step at which the learning rate is zero.
    - `gradient_clip`: the largest global norm of a gradient.

    **Raises:** `ValueError` if a setting is out of range.
    """
    if not 0 <= warmup_steps < total_steps:
        raise ValueError(
            f"`warmup_steps` must be from 0 to total_steps - 1 = {total_steps - 1}, "
            f"got {warmup_steps}."
        )
    for name, value in (
        ("learning_rate", learning_rate),
        ("gradient_clip", gradient_clip),
    ):
        if not value > 0:
            raise ValueError(f"`{name}` must be positive, got {value}.")
    schedule = optax.warmup_cosine_decay_schedule(
        0.0 if warmup_steps else learning_rate,
        learning_rate,
        warmup_steps,
        total_steps,
    )
    return optax.chain(
        optax.clip_by_global_norm(gradient_clip),
        optax.adamw(schedule, weight_decay=weight_decay),
    )


def start_training(
    model: Any, optimiser: optax.GradientTransformation, *, key: PRNGKeyArray
) -> TrainState:
    """The state before the first step. `key` decides the order of the batches.

    The model's arrays are copied: steps give up the arrays of their state, and the
    caller's model stays usable.
    """
    model = jax.tree.map(lambda x: jnp.copy(x) if eqx.is_array(x) else x, model)
    return TrainState(
        model,
        optimiser.init(eqx.filter(model, eqx.is_inexact_array)),
        jnp.zeros((), jnp.int32),
        key,
    )


def make_train_step(
    loss: Loss, optimiser: optax.GradientTransformation
) -> Callable[[TrainState, Any], tuple[TrainState, Float[Array, ""]]]:
    """The compiled function `(state, batch) -> (next state, loss)`.

    **Arguments:**

    - `loss`: `(model, batch) -> number`; it maps the model over the batch itself.

    The arrays of the state passed in are given up to the next one (donated).
    """

    @eqx.filter_jit(donate="all-except-first")
    def step(batch: Any, state: TrainState) -> tuple[TrainState, Float[Array, ""]]:
        value, gradient = eqx.filter_value_and_grad(loss)(state.model, batch)
        updates, optimiser_state = optimiser.update(
            gradient,
            state.optimiser_state,
            eqx.filter(state.model, eqx.is_inexact_array),
        )
        model = eqx.apply_updates(state.model, updates)
        next_state = TrainState(model, optimiser_state, state.num_steps + 1, state.key)
        return next_state, value

    return lambda state, batch: step(batch, state)


def batches(
    num_samples: int, batch_size: int, *, key: PRNGKeyArray, start: int = 0
) -> Iterator[np.ndarray]:
    """Endless batches of sample numbers, each epoch in a new order.

    Every sample occurs once per epoch; what does not fill a batch at the end of an
    epoch opens the next one. The batch of step n depends on `key` and n alone.

    **Arguments:**

    - `start`: the step to begin with, such as `state.num_steps` on resuming.

    **Raises:** `ValueError` if there are fewer samples than a batch holds.
    """
    if not 1 <= batch_size <= num_samples:
        raise ValueError(
            f"`batch_size` must be from 1 to the {num_samples} samples, got "
            f"{batch_size}."
        )
    seed = np.asarray(jax.random.key_data(key)).ravel().tolist()

    def order(epoch: int) -> np.ndarray:
        # NumPy's generator: shuffling on the host needs no compilation.
        return np.random.default_rng([*seed, epoch]).permutation(num_samples)

    step, epochs = start, {}
    while True:
        positions = range(step * batch_size, (step + 1) * batch_size)
        needed = range(positions[0] // num_samples, positions[-1] // num_samples + 1)
        epochs = {
            epoch: epochs[epoch] if epoch in epochs else order(epoch)
            for epoch in needed
        }
        yield np.array([epochs[p // num_samples][p % num_samples] for p in positions])
        step += 1
