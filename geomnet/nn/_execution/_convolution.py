"""The one address of a convolution: which of its executions runs is decided here.

Every layer that convolves calls `convolve` with the kernel (its numbers and its static
half), the placed window and the faces. A further execution, such as one for another
kind of device, is a file beside `_dense.py` and a line in `chosen_form`; no layer
learns of it.
"""

import enum
import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...filters._kernel_space import KernelSpace
from .._boundary import Boundary, Faces
from .._placement import PlacedWindow
from ._dense import convolve_dense
from ._device import is_accelerator
from ._fused import can_fuse, convolve_fused, measured_tilings
from ._reduced import can_reduce, convolve_reduced


class Form(enum.Enum):
    """The executions of a convolution: one function, to rounding."""

    DENSE = "one convolution of XLA's, with all products"
    REDUCED = "sums and differences of neighbours, then the products that are not zero"
    FUSED = "the same in one kernel for GPUs, which keeps the sums in registers"


EXECUTIONS = {
    Form.DENSE: convolve_dense,
    Form.REDUCED: convolve_reduced,
    Form.FUSED: convolve_fused,
}

# Cells times features in times features out, from which the reduced form is chosen: it
# is faster on smaller fields too, but by less than its longer compilation costs in
# thousands of calls (benchmarks/README.md).
_LARGE = 2**15


def convolve(
    array: Float[Array, "*grid in_features"],
    weights: Float[Array, " coefficients"],
    space: KernelSpace,
    placed: PlacedWindow,
    faces: Faces,
) -> Float[Array, "*out_grid out_features"]:
    """The convolution of a field with a kernel, by the form that is fastest here.

    **Arguments:**

    - `weights`, `space`: the kernel: its coefficients, and what is static in it.
    - `placed`: where the windows lie on this grid.
    - `faces`: what lies beyond the grid.
    """
    form = chosen_form(space, placed, faces, array.shape[:-1], array.dtype)
    return EXECUTIONS[form](array, weights, space, placed, faces)


def chosen_form(
    space: KernelSpace,
    placed: PlacedWindow,
    faces: Faces,
    grid: tuple[int, ...],
    dtype: jnp.dtype,
) -> Form:
    """Which form is the better one, from what is known when tracing.

    The reduced form only on a CPU: matrix units of accelerators do the dense one as
    fast as a plain convolution, and neighbour sums that go through memory slow it down.
    The fused form only where it was measured faster.
    """
    features = space.source.num_features * space.target.num_features
    is_torus = all(low is Boundary.PERIODIC for low, _ in faces)
    if not (is_torus and placed.stride == 1 and space.channel_groups == 1):
        return Form.DENSE
    if can_fuse(space) and measured_tilings(space, dtype) is not None:
        return Form.FUSED
    is_better = (
        math.prod(grid) * features >= _LARGE
        and dtype.itemsize >= 4
        and can_reduce(space)
        and max(space.window) == 3
        and not is_accelerator()
    )
    return Form.REDUCED if is_better else Form.DENSE
