"""How a convolution is executed: periodic padding and one dense convolution.

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
    kernel: Float[Array, "*window in_features out_features"],
    *,
    stride: int = 1,
    dilation: int = 1,
) -> Float[Array, "*out_grid out_features"]:
    """The periodic cross-correlation `y(p) = Σ_x K(x) f(p + x)`, computed densely.

    XLA sums a convolution of bfloat16 in float32 by itself; asking for float32 results
    would break its gradient, which joins both dtypes.

    Output cell m sits at the centre of the `stride` input cells that it stands for, and
    the window is centred there. The caller has checked that this lands on cells.
    """
    d = array.ndim - 1
    padding = [
        periodic_padding(kernel.shape[axis], stride, dilation) for axis in range(d)
    ]
    for axis, (low, high) in enumerate(padding):
        array = wrap(array, axis, low, high)
    letters = _SPATIAL[:d]
    return jax.lax.conv_general_dilated(
        array[None],
        kernel.astype(array.dtype),
        window_strides=(stride,) * d,
        padding="VALID",
        rhs_dilation=(dilation,) * d,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
    )[0]


def periodic_padding(size: int, stride: int, dilation: int) -> tuple[int, int]:
    """Cells to repeat before and after, so that windows are centred on output cells.

    Output cell 0 has its centre at `(stride - 1) / 2`, and the window reaches
    `dilation * (size - 1) / 2` to either side.
    """
    low = (dilation * (size - 1) - (stride - 1)) // 2
    return low, dilation * (size - 1) - (stride - 1) - low


def wrap(array: Array, axis: int, low: int, high: int) -> Array:
    """Repeats the torus; where `low` or `high` is negative, crops instead."""
    n = array.shape[axis]
    if low <= 0 and high <= 0:
        return jax.lax.slice_in_dim(array, -low, n + high, axis=axis)
    repeats = -(-max(low, high) // n)
    if repeats > 1:
        index = (jnp.arange(-low, n + high)) % n
        return jnp.take(array, index, axis=axis)
    parts = [
        jax.lax.slice_in_dim(array, n - low, n, axis=axis),
        array,
        jax.lax.slice_in_dim(array, 0, high, axis=axis),
    ]
    return jnp.concatenate(parts, axis=axis)


def accumulator(dtype: jnp.dtype) -> jnp.dtype:
    """The dtype of sums over many cells: bfloat16 and float16 are summed in float32."""
    return jnp.dtype(jnp.float32) if dtype.itemsize < 4 else dtype
