"""One jitted training step, and the order of the batches: functions, no framework.

A run is determined by its `TrainState`: model, optimiser, number of steps and key. The
batch of step n follows from the key and n alone, so a run resumed from a checkpoint
goes on bit for bit as if it had not stopped.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from .._arguments import check_count, check_key, check_number, checked
from ._average import WeightAverage, start_average
from ._layout import ONE_DEVICE, Layout
from ._text import arguments_within, function_lines

Loss = Callable[..., Float[Array, ""]]
T = TypeVar("T")


class TrainState(eqx.Module):
    """Everything that a training run needs to go on.

    `model` and `optimiser_state` are those after `num_steps` steps; `key` decides the
    order of the batches; `average` is that of the weights, if one is kept.
    """

    model: Any
    optimiser_state: optax.OptState
    num_steps: Int[Array, ""]
    key: PRNGKeyArray
    average: WeightAverage | None = None

    @property
    def averaged(self) -> Any:
        """The model with its averaged weights; the model itself if none are kept."""
        return self.model if self.average is None else self.average.of(self.model)


def make_optimiser(
    *,
    learning_rate: float,
    total_steps: int,
    warmup_steps: int = 0,
    weight_decay: float = 1e-5,
    gradient_clip: float = 1.0,
) -> optax.GradientTransformation:
    """AdamW with a linear warm-up, then a cosine to zero, and gradients clipped.

    AdamW (Loshchilov & Hutter 2019) is `optax.adamw`.

    **Arguments:**

    - `learning_rate`: the peak, reached after `warmup_steps`.
    - `total_steps`: the step at which the learning rate is zero.
    - `weight_decay`: of AdamW, 0 or more.
    - `gradient_clip`: the largest global norm of a gradient.

    **Raises:** `ValueError` if a setting is out of range.
    """
    numbers = {
        "learning_rate": learning_rate,
        "gradient_clip": gradient_clip,
        "weight_decay": weight_decay,
    }
    for name, value in numbers.items():
        check_number(name, value)
    for name in ("learning_rate", "gradient_clip"):
        if not numbers[name] > 0:
            raise ValueError(f"`{name}` must be positive, got {numbers[name]}.")
    if not weight_decay >= 0:
        raise ValueError(f"`weight_decay` must be 0 or more, got {weight_decay}.")
    check_count("total_steps", total_steps)
    check_count("warmup_steps", warmup_steps, at_least=0)
    if not 0 <= warmup_steps < total_steps:
        raise ValueError(
            f"`warmup_steps` must be from 0 to total_steps - 1 = {total_steps - 1}, "
            f"got {warmup_steps}."
        )
    return _adamw(
        float(learning_rate),
        int(total_steps),
        int(warmup_steps),
        float(weight_decay),
        float(gradient_clip),
    )


@functools.lru_cache(maxsize=64)
def _adamw(
    learning_rate: float,
    total_steps: int,
    warmup_steps: int,
    weight_decay: float,
    gradient_clip: float,
) -> optax.GradientTransformation:
    """Equal settings give one object, and so one compiled step."""
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
    model: Any,
    optimiser: optax.GradientTransformation,
    *,
    key: PRNGKeyArray,
    average: float | None = None,
) -> TrainState:
    """The state before the first step. `key` decides the order of the batches.

    Every array of the state is its own: steps give up the arrays of their state, and
    the caller's model and key stay usable, as does what the optimiser keeps of them.

    **Arguments:**

    - `model`: what is trained: its floating-point arrays.
    - `optimiser`: any of optax.
    - `average`: the decay of an average of the weights, as in `fit`, which
        `TrainState.averaged` gives; by default none is kept.

    **Raises:** `TypeError` if the optimiser or the key is none; `ValueError` if the
    optimiser can't begin on the model, or `average` is no decay.
    """
    check_optimiser(optimiser)
    check_key("key", key)
    model = _own_arrays(model)
    trainable = eqx.filter(model, eqx.is_inexact_array)
    try:
        optimiser_state = optimiser.init(trainable)
    except Exception as error:
        raise ValueError(
            "`optimiser` can't begin on this model. Labels and masks, such as those of "
            "`optax.multi_transform`, must have the structure of "
            "`equinox.filter(model, equinox.is_inexact_array)` and be given as a "
            "function, `lambda _: labels`: optax calls what can be called, as a model "
            f"can. It says: {error}"
        ) from error
    kept = None if average is None else start_average(model, average)
    state = TrainState(model, optimiser_state, jnp.zeros((), jnp.int32), key, kept)
    return _own_arrays(state)


def _own_arrays(tree: T) -> T:
    """The same with copies of all arrays, none of them of a weak type.

    `jnp.asarray(1.0)` is, and what a step makes of it is not: JAX would compile the
    second step anew.
    """
    return jax.tree.map(lambda x: jnp.array(x, x.dtype) if eqx.is_array(x) else x, tree)


def check_loss(loss: Any) -> None:
    """**Raises:** `TypeError` unless it is a function, to be made another loss of."""
    if not callable(loss):
        raise TypeError(
            f"`loss` must be a function, got {loss!r}; of a `Curriculum` wrap each one."
        )


def check_optimiser(optimiser: Any) -> None:
    """**Raises:** `TypeError` unless it is an optimiser of optax."""
    # `optax.MultiSteps` is no GradientTransformation, but has what one has.
    parts = (getattr(optimiser, name, None) for name in ("init", "update"))
    if not all(map(callable, parts)):
        raise TypeError(
            "`optimiser` must be one of optax, such as `optax.adam(1e-3)` or "
            f"`geomnet.training.make_optimiser(...)`, got {optimiser!r}."
        )


def make_train_step(
    loss: Loss, optimiser: optax.GradientTransformation
) -> Callable[[TrainState, Any], tuple[TrainState, Float[Array, ""]]]:
    """The compiled function `(state, batch) -> (next state, loss)`.

    It is compiled once for one loss and one optimiser, however often it is made.

    **Arguments:**

    - `loss`: `(model, batch) -> number`; it maps the model over the batch itself. If it
        has an argument `key` it is given a random key, another one at each step, which
        follows from the key and the number of steps of the state.
    - `optimiser`: any of optax; it is given what it asks for of `value`, `grad`,
        `value_fn` and `grad_fn`, as `optax.lbfgs`, `optax.contrib.reduce_on_plateau`
        and `optax.contrib.sam` do.

    The arrays of the state passed in are given up to the next one (donated).

    **Raises:** `TypeError` if the loss is no function, or the optimiser none.
    """
    return step_on(ONE_DEVICE, loss, optimiser)


def step_on(layout: Layout, loss: Loss, optimiser: Any) -> Callable[..., Any]:
    """The same for states and batches that are laid out."""
    check_optimiser(optimiser)
    if not callable(loss):
        raise TypeError(
            f"`loss` must be a function, got {loss!r}. A `Curriculum` is for `fit`; "
            "here make one step for each of its losses."
        )
    # A number that the loss names may have changed since it was compiled.
    seen = tuple(function_lines(loss, "loss").items())
    given = (loss, optimiser, takes_key(loss), seen, layout)
    return lambda state, batch: _step((*given, batch), state)


def takes_key(loss: Loss) -> bool:
    """Whether a loss wants a random key; one that has been bound already stays."""
    wanted = inspect.signature(loss).parameters.get("key")
    return wanted is not None and (
        wanted.default is wanted.empty or wanted.default is None
    )


@eqx.filter_jit(donate="all-except-first")
def _step(given: Any, state: TrainState) -> tuple[TrainState, Float[Array, ""]]:
    """One for all runs: JAX remembers what it has compiled for which functions."""
    loss, optimiser, is_noisy, _, layout, batch = given
    trainable, fixed = eqx.partition(state.model, eqx.is_inexact_array)
    noise = {"key": jax.random.fold_in(state.key, state.num_steps)} if is_noisy else {}

    def value_fn(trainable: Any) -> Float[Array, ""]:
        return loss(eqx.combine(trainable, fixed), batch, **noise)

    value, gradient = jax.value_and_grad(value_fn)(trainable)
    offered = {
        "value": value,
        "grad": gradient,
        "value_fn": value_fn,
        "grad_fn": lambda trainable, _: jax.grad(value_fn)(trainable),
    }
    updates, optimiser_state = optimiser.update(
        gradient,
        state.optimiser_state,
        trainable,
        **_asked_for(optimiser.update, offered),
    )
    model = eqx.apply_updates(state.model, updates)
    done = state.num_steps + 1
    average = None if state.average is None else state.average.after(model, done)
    after = TrainState(model, optimiser_state, done, state.key, average)
    return layout.kept_whole((after, value))


def _asked_for(update: Any, offered: dict[str, Any]) -> dict[str, Any]:
    """What an optimiser, or a part of it, has an argument for: some take no others."""
    own = inspect.signature(update).parameters
    hands_on = any(p.kind is p.VAR_KEYWORD for p in own.values())
    names = arguments_within(update) - {"grad_fn"} if hands_on else set()
    return {n: value for n, value in offered.items() if n in own or n in names}


@checked
def batches(
    num_samples: int, batch_size: int, *, key: PRNGKeyArray, start: int = 0
) -> Iterator[np.ndarray]:
    """Endless batches of sample numbers, each epoch in a new order.

    Every sample occurs once per epoch; what does not fill a batch at the end of an
    epoch opens the next one. The batch of step n depends on `key` and n alone.

    **Arguments:**

    - `num_samples`: what there is.
    - `batch_size`: numbers in a batch.
    - `start`: the step to begin with, such as `int(state.num_steps)` on resuming.

    **Raises:** `ValueError` if there are fewer samples than a batch holds.
    """
    check_count("batch_size", batch_size)
    if not batch_size <= num_samples:
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
