"""In which precision sums and products are done.

Products with learned numbers follow `jax.default_matmul_precision`, as JAX's own do, so
they name no precision. Products with constants of mathematics, such as waves, averages
and invariant tensors, are small and are done in `FULL`: an error of theirs would be one
of the method.
"""

from typing import Any

import jax
import jax.numpy as jnp

FULL = jax.lax.Precision.HIGHEST
"""The precision of products with constants of mathematics."""


def accumulator(dtype: jnp.dtype) -> jnp.dtype:
    """The dtype of sums over many cells: bfloat16 and float16 are summed in float32."""
    return jnp.dtype(jnp.float32) if dtype.itemsize < 4 else dtype


def check_precision() -> None:
    """**Raises:** `ValueError` if this backend lacks what is set as
    `jax.default_matmul_precision`, as far as JAX knows before it compiles.
    """
    config: Any = jax.config
    name = config.jax_default_matmul_precision
    if name not in jax.lax.DotAlgorithmPreset.__members__:
        return
    one = jnp.ones((1, 1), jnp.float32)
    try:
        jax.jit(jnp.matmul).lower(one, one)
    except ValueError as error:
        raise ValueError(
            f"`jax.default_matmul_precision` is '{name}', which the backend "
            f"{jax.default_backend()} lacks: set 'highest', 'high' or 'default', "
            f"which all have. JAX says: {error}"
        ) from error
