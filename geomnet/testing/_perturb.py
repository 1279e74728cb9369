"""Changing a model's numbers: noise on every leaf, another dtype."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np


def perturb(model: Any, scale: float = 0.1, *, key: jax.Array) -> Any:
    """The model with normal noise added to every trainable leaf.

    Equivariance must survive training; a check at initialisation alone proves little,
    since biases are zero and scales are one there.
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


def cast(tree: Any, dtype: Any) -> Any:
    """Every floating-point array of a model or image in another dtype."""
    return jax.tree.map(
        lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf, tree
    )
