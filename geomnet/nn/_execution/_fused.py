"""The fused convolution: what the reduced form does, in one kernel of a GPU.

The reduced form sends sums and differences of neighbours through memory, and on a GPU
that costs more than its fewer products spare. Here a kernel reads the field, forms them
in registers, multiplies them, and writes the result: each number of the field is read
from memory once, and each of the result written once. The gradient with respect to the
field is such a convolution with source and target exchanged; that with respect to the
weights is a second kernel.

No card has measured it yet, so it is chosen nowhere: `MEASURED` is empty.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters import ad
from jaxtyping import Array, Float

from ...filters._kernel_space import KernelSpace
from .._boundary import Faces
from .._placement import PlacedWindow
from ._assembly import assemble
from ._dense import convolve_dense
from ._fused_plan import FEWEST_CHANNELS, FusedPlan, Tilings, fused_plan
from ._primitives import all_batched, is_laid_out, make_primitive, precision_set
from ._reduced import can_reduce, reduction

MEASURED: dict[tuple[str, str], Tilings] = {}
"""With which tiles it was faster than the dense form, by device kind and dtype: what
`benchmarks/fused_convolution.py` found. Elsewhere it is not chosen."""


def measured_tilings(space: KernelSpace, dtype: Any) -> Tilings | None:
    """The tiles with which it was faster on this kind of device, `None` if it was not,
    or where a type has too few channels to fill a tile.
    """
    signatures = space.source.signature, space.target.signature
    fewest = min(entry.channels for signature in signatures for entry in signature)
    if not MEASURED or fewest < FEWEST_CHANNELS:
        return None
    return MEASURED.get((jax.devices()[0].device_kind, jnp.dtype(dtype).name))


def can_fuse(space: KernelSpace) -> bool:
    """Whether there is a kernel: in a plane, where the reduced form is possible."""
    return space.num_spatial_dims == 2 and can_reduce(space)


def convolve_fused(
    array: Float[Array, "*grid in_features"],
    weights: Float[Array, " coefficients"],
    space: KernelSpace,
    placed: PlacedWindow,
    faces: Faces,
    tilings: Tilings | None = None,
) -> Float[Array, "*grid out_features"]:
    """What the dense kernel makes of the array on a torus in the plane, to rounding.

    For stride 1, periodic faces and channels in one group only. Where an array's type
    says how it lies on several devices the dense form runs: XLA can share that out, and
    no kernel. Where the type does not say it, XLA gathers what a kernel reads.

    **Arguments:** `tilings`: by default those that were measured, or else a guess.
    """
    if is_laid_out(array) or is_laid_out(weights):
        return convolve_dense(array, weights, space, placed, faces)
    plan = reduction(space, placed.dilation, 0)
    matrices = assemble(weights.astype(array.dtype), *plan.matrices)
    numbers = jnp.concatenate([matrix.reshape(-1) for matrix in matrices])
    tilings = tilings or measured_tilings(space, array.dtype) or Tilings()
    how = _Product(space, placed.dilation, tilings, precision_set())
    return _convolve.bind(array, numbers, how=how)


@dataclasses.dataclass(frozen=True)
class _Product:
    """Everything static about one product of a field with numbers."""

    space: KernelSpace
    dilation: int
    tilings: Tilings
    precision: Any
    is_transposed: bool = False
    kept: int = 0
    """How many leading axes of the field, from the first on, the numbers have too.
    Those after them are samples that share numbers."""

    @property
    def exchanged(self) -> "_Product":
        """With source and target exchanged."""
        return dataclasses.replace(self, is_transposed=not self.is_transposed)

    @property
    def by_sample(self) -> "_Product":
        """With numbers of its own for each place along one more axis in front."""
        return dataclasses.replace(self, kept=self.kept + 1)

    @property
    def plan(self) -> FusedPlan:
        """Where everything lies."""
        plan = fused_plan(self.space, self.dilation)
        return plan.exchanged if self.is_transposed else plan

    def parted(self, array: Array) -> Array:
        """`(kernels, samples, *grid, features)`."""
        shape = array.shape
        kernels = math.prod(shape[: self.kept])
        samples = math.prod(shape[self.kept : -3])
        return jax.lax.reshape(array, (kernels, samples, *shape[-3:]))


def _run_convolve(array: Array, numbers: Array, *, how: _Product) -> Array:
    from ._fused_kernels import convolve

    flat = jax.lax.reshape(numbers, (math.prod(numbers.shape[:-1]), numbers.shape[-1]))
    result = convolve(
        how.parted(array), flat, how.plan, how.tilings.field, how.precision
    )
    return jax.lax.reshape(result, (*array.shape[:-1], result.shape[-1]))


def _run_correlate(array: Array, cotangent: Array, *, how: _Product) -> Array:
    from ._fused_kernels import correlate

    numbers = correlate(
        how.parted(array),
        how.parted(cotangent),
        how.plan,
        how.tilings.weights,
        how.tilings.programs,
        how.precision,
    )
    return jax.lax.reshape(numbers, (*array.shape[: how.kept], numbers.shape[-1]))


def _batch_convolve(
    arrays: Sequence[Array], is_batched: Sequence[bool], *, how: _Product
) -> Array:
    if is_batched[1] or how.kept:
        return _convolve.bind(*all_batched(arrays, is_batched), how=how.by_sample)
    return _convolve.bind(*arrays, how=how)


def _batch_correlate(
    arrays: Sequence[Array], is_batched: Sequence[bool], *, how: _Product
) -> Array:
    return _correlate.bind(*all_batched(arrays, is_batched), how=how.by_sample)


_fused_primitive = functools.partial(
    make_primitive, static=("how",), has_one_result=True
)
_convolve = _fused_primitive(
    "fused_convolve",
    _run_convolve,
    lambda array, numbers, *, how: [(*array[:-1], how.plan.features[1])],
    _batch_convolve,
)
_correlate = _fused_primitive(
    "fused_correlate",
    _run_correlate,
    lambda array, cotangent, *, how: [(*array[: how.kept], how.plan.numbers)],
    _batch_correlate,
)
"""The gradient of `_convolve` for its numbers."""

ad.defbilinear(
    _convolve,
    lambda cotangent, array, numbers, how: _convolve.bind(
        cotangent, numbers, how=how.exchanged
    ),
    lambda cotangent, array, numbers, how: _correlate.bind(array, cotangent, how=how),
)
ad.defbilinear(
    _correlate,
    lambda numbers, array, cotangent, how: _convolve.bind(
        cotangent, numbers, how=how.exchanged
    ),
    lambda numbers, array, cotangent, how: _convolve.bind(array, numbers, how=how),
)
