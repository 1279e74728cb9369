"""How a convolution is executed: a larger grid first, then one dense convolution.

Arrays are channels-last, `(*grid, features)`, without a batch axis: under `jax.vmap`
the batch becomes the batch of the one convolution.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# The spatial letters of `conv_dimension_numbers`, and features last.
_SPATIAL = "XYZ"


def convolve(
    array: Float[Array, "*grid in_features"],
    kernel: Float[Array, "*window in_features_per_group out_features"],
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> Float[Array, "*out_grid out_features"]:
    """The cross-correlation `y(p) = Σ_x K(x) f(p + x)` where the window fits.

    XLA sums a convolution of bfloat16 in float32 by itself; asking for float32 results
    would break its gradient, which joins both dtypes.
    """
    d = array.ndim - 1
    letters = _SPATIAL[:d]
    return jax.lax.conv_general_dilated(
        array[None],
        kernel.astype(array.dtype),
        window_strides=(stride,) * d,
        padding="VALID",
        rhs_dilation=(dilation,) * d,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        feature_group_count=groups,
    )[0]


def accumulator(dtype: jnp.dtype) -> jnp.dtype:
    """The dtype of sums over many cells: bfloat16 and float16 are summed in float32."""
    return jnp.dtype(jnp.float32) if dtype.itemsize < 4 else dtype
