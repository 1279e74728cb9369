"""The transpose of a strided convolution: cells are spread out, then convolved."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._representation import Representation
from ...filters._kernel_space import KernelSpace
from .._boundary import Faces
from .._placement import PlacedWindow
from ._dense import correlate, dense_kernel
from ._extension import extend


def convolve_transposed(
    array: Float[Array, "*coarse_grid in_features"],
    weights: Float[Array, " coefficients"],
    space: KernelSpace,
    placed: PlacedWindow,
    faces: Faces,
    fine: tuple[int, ...],
) -> Float[Array, "*fine_grid out_features"]:
    """Sends every coarse cell to the window of fine cells that a convolution reads.

    **Arguments:** as for `convolve`; `placed` says where the windows lie on the grid
    `fine`, on which the result is.
    """
    array = spread(array, space.source, space.window, placed, faces, fine)
    return correlate(array, dense_kernel(weights, space), dilation=placed.dilation)


def spread(
    array: Float[Array, "*coarse_grid features"],
    fields: Representation,
    window: tuple[int, ...],
    placed: PlacedWindow,
    faces: Faces,
    fine: tuple[int, ...],
) -> Float[Array, "*larger_grid features"]:
    """Coarse cells `stride` apart with zeros between, and as many as windows read.

    A convolution without padding of stride 1 does the rest.
    """
    ghosts, edges = [], []
    stride = placed.stride
    for side, axis, cells, size in zip(
        fine, placed.axes, array.shape[:-1], window, strict=True
    ):
        before = placed.dilation * (size - 1) - axis.low
        after = side - 1 + axis.low - stride * (cells - 1)
        low, high = (max(0, n // stride) for n in (before, after))
        ghosts.append((low, high))
        edges.append((before - stride * low, after - stride * high))
    array = extend(array, fields, faces, ghosts)
    widths = [(low, high, stride - 1) for low, high in edges]
    return jax.lax.pad(array, jnp.zeros((), array.dtype), [*widths, (0, 0, 0)])
