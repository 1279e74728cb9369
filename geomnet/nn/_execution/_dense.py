"""The dense form of a convolution: a larger grid, then XLA's own convolution.

Arrays are channels-last, `(*grid, features)`, without a batch axis: under `jax.vmap`
the batch becomes the batch of the one convolution. What the reduced form must agree
with, and what is executed wherever that is not known to be faster.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._representation import Representation
from ...filters._kernel_space import KernelSpace
from .._boundary import Faces
from .._placement import PlacedWindow
from ._assembly import assemble, dense_assembly
from ._extension import extend
from ._recomputation import kept

# The spatial letters of `conv_dimension_numbers`, and features last.
_SPATIAL = "XYZ"


def dense_kernel(
    weights: Float[Array, " coefficients"], space: KernelSpace
) -> Float[Array, "*window in_features out_features"]:
    """The kernel as one array, `(*window, in features, out features)`.

    With groups of channels it is what `jax.lax.conv_general_dilated` calls a kernel
    with `feature_group_count`: the inputs of one group, and all outputs, one group
    after the other.
    """
    one, groups = space.one_group, space.channel_groups
    shape = (*space.window, one.source.num_features, one.target.num_features)
    if groups == 1:
        return assemble(weights, dense_assembly(one))[0].reshape(shape)
    matrices = assemble(weights.reshape(groups, -1), dense_assembly(one))[0]
    joined = jnp.moveaxis(matrices.reshape(groups, *shape), 0, -2)
    return joined.reshape(*shape[:-1], -1)


def convolve_dense(
    array: Float[Array, "*grid in_features"],
    weights: Float[Array, " coefficients"],
    space: KernelSpace,
    placed: PlacedWindow,
    faces: Faces,
) -> Float[Array, "*out_grid out_features"]:
    """The convolution, for every window, boundary and number of channel groups."""
    array = extend(array, space.source, faces, placed.padding)
    array = correlate(
        to_groups(array, space.source, space.channel_groups),
        kept(dense_kernel(weights, space).astype(array.dtype)),
        stride=placed.stride,
        dilation=placed.dilation,
        groups=space.channel_groups,
    )
    return from_groups(array, space.target, space.channel_groups)


def correlate(
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


def to_groups(
    array: Float[Array, "*cells features"], fields: Representation, groups: int
) -> Float[Array, "*cells features"]:
    """From the layout of the signature to one group of channels after the other."""
    if groups == 1:
        return array
    leading = array.shape[:-1]
    parts = [array[..., where].reshape(*leading, groups, -1) for where in fields.slices]
    return jnp.concatenate(parts, axis=-1).reshape(array.shape)


def from_groups(
    array: Float[Array, "*cells features"], fields: Representation, groups: int
) -> Float[Array, "*cells features"]:
    """The inverse of `to_groups`."""
    if groups == 1:
        return array
    leading = array.shape[:-1]
    dealt = array.reshape(*leading, groups, -1)
    slices = (fields // groups).slices
    parts = [dealt[..., where].reshape(*leading, -1) for where in slices]
    return jnp.concatenate(parts, axis=-1)
