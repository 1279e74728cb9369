"""How many bytes a module keeps for its backward pass."""

import equinox as eqx
import jax


def saved_bytes(module, x):
    """Bytes that a module keeps of a batch for the gradient of its weights and input.

    What `jax.vjp` closes over, weights included; nothing is compiled or run.
    """
    arrays, rest = eqx.partition(module, eqx.is_inexact_array)

    def run(arrays, x):
        return jax.vmap(eqx.combine(arrays, rest))(x)

    back = jax.eval_shape(lambda *given: jax.vjp(run, *given)[1], arrays, x)
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(back))
