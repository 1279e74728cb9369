"""In which precision sums are done."""

import jax.numpy as jnp


def accumulator(dtype: jnp.dtype) -> jnp.dtype:
    """The dtype of sums over many cells: bfloat16 and float16 are summed in float32."""
    return jnp.dtype(jnp.float32) if dtype.itemsize < 4 else dtype
