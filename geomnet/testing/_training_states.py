"""The states that training brings a model to, and the model in another dtype."""

from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from .._arguments import checked


@checked
def perturb(model: Any, scale: float = 0.1, *, key: jax.Array) -> Any:
    """The `model` with normal noise added to every trainable leaf.

    Equivariance must survive training; a check at initialisation alone proves little,
    since biases are zero and scales are one there.

    **Arguments:** `scale`: of the noise; `key`: draws it.

    **Raises:** `TypeError` for another kind of argument.
    """
    trainable, rest = eqx.partition(model, eqx.is_inexact_array)
    leaves, structure = jax.tree.flatten(trainable)
    # One draw for all leaves: every new shape of a draw is a new compilation.
    noise = np.asarray(jax.random.normal(key, (sum(leaf.size for leaf in leaves),)))
    ends = np.cumsum([leaf.size for leaf in leaves])
    noisy = (
        [
            leaf + jnp.asarray(scale * part.reshape(leaf.shape), leaf.dtype)
            for leaf, part in zip(leaves, np.split(noise, ends[:-1]), strict=True)
        ]
        if leaves
        else []
    )
    return eqx.combine(jax.tree.unflatten(structure, noisy), rest)


@checked
def cast(tree: Any, dtype: Any) -> Any:
    """Every floating-point array of a `tree`, a model or an image, in another `dtype`.

    **Raises:** `TypeError` if that is no floating-point type.
    """
    return jax.tree.map(
        lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf, tree
    )


def training_states(model: Any, x: Any, seed: int) -> Iterator[tuple[str, Any]]:
    """The model during training, by name of the state."""
    yield "as given", model
    if not jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array)):
        return
    noisy = perturb(model, key=jax.random.key(seed))
    yield "noise on every leaf", noisy
    stepped = _adamw_step(noisy, x, seed)
    yield "after an AdamW step", stepped
    averaged = jax.tree.map(
        lambda a, b: 0.5 * (a + b) if eqx.is_inexact_array(a) else a, noisy, stepped
    )
    yield "after EMA", averaged


def _adamw_step(model: Any, x: Any, seed: int) -> Any:
    """One step to a random target, with weight decay and noise on the gradients."""
    random = np.random.default_rng(seed + 1)
    optimiser = optax.adamw(0.03, weight_decay=0.1)

    def loss(model: Any, x: Any) -> jax.Array:
        errors = [
            jnp.mean(jnp.square(y - jnp.asarray(random.normal(size=y.shape), y.dtype)))
            for y in jax.tree.leaves(eqx.filter(model(x), eqx.is_inexact_array))
        ]
        return jnp.sum(jnp.stack(errors))

    @eqx.filter_jit
    def step(model: Any, x: Any, noise: Any) -> Any:
        trainable = eqx.filter(model, eqx.is_inexact_array)
        gradient = jax.tree.map(jnp.add, eqx.filter_grad(loss)(model, x), noise)
        updates, _ = optimiser.update(gradient, optimiser.init(trainable), trainable)
        return eqx.apply_updates(model, updates)

    # Noise reaches leaves that this loss happens not to depend on.
    noise = eqx.filter(
        perturb(
            jax.tree.map(jnp.zeros_like, eqx.filter(model, eqx.is_inexact_array)),
            1e-2,
            key=jax.random.key(seed + 2),
        ),
        eqx.is_inexact_array,
    )
    with jax.numpy_dtype_promotion("standard"):
        # Optax itself mixes dtypes.
        return step(model, x, noise)
