"""In which precision sums and products are done.

Products with learned numbers follow `jax.default_matmul_precision`, as JAX's own do, so
they name no precision. Products with constants of mathematics, such as waves, averages
and invariant tensors, are small and are done in `FULL`: an error of theirs would be one
of the method.
"""

import jax
import jax.numpy as jnp

FULL = jax.lax.Precision.HIGHEST
"""The precision of products with constants of mathematics."""


def accumulator(dtype: jnp.dtype) -> jnp.dtype:
    """The dtype of sums over many cells: bfloat16 and float16 are summed in float32."""
    return jnp.dtype(jnp.float32) if dtype.itemsize < 4 else dtype
