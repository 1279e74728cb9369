"""Anisotropic and stretched grids: the spacing as a field that moves with the flow.

Kernels are stencils on cells and know no lengths. Where cells are not all cubes of one
size, a network is told so by a field, the diagonal metric, next to the others in its
input. So nothing in a layer has to be exchanged with the axes, and nothing can be lost
by `jax.jit` or `jax.vmap`.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ._arguments import check_number, checked, shown
from ._image import GeometricImage
from ._signature import Entry, Signature, TensorType


@checked
def metric_field(
    spacings: Sequence[Any],
    grid: tuple[int, ...],
    name: str = "metric",
    *,
    dtype: Any = None,
) -> GeometricImage:
    """The metric of a grid of boxes, a diagonal tensor: `g_ii = h_i²`, squared lengths.

    An image of one entry of type `"2s+"`, for `geomnet.concatenate([flow, metric])`; a
    network for `"velocity:1+ metric:2s+"` then commutes with every exchange of axes,
    as it exchanges the spacings along with the flow. Components of the flow are the
    physical ones, along unit vectors. `log_metric_field` suits a network better.

    **Arguments:**

    - `spacings`: for each axis the side h of a cell, one number or one for each cell
        along that axis, `(n,)`.
    - `grid`: the number of cells along each axis.
    - `name`: of the entry.
    - `dtype`: that of the flow; by default JAX's.

    **Raises:** `ValueError` if a spacing is not positive and finite, or does not fit
    the grid.
    """
    sides = _sides(spacings, grid, dtype)
    return _diagonal([jnp.square(h) for h in sides], grid, name)


@checked
def log_metric_field(
    spacings: Sequence[Any],
    grid: tuple[int, ...],
    name: str = "metric",
    *,
    unit: Any = None,
    dtype: Any = None,
) -> GeometricImage:
    """Half the logarithm of the metric: a diagonal tensor of `log(h_i / unit)`.

    What a network uses best: numbers about one whatever the units, the same size for
    twice as fine and for twice as coarse, and zero on a uniform grid of cubes.

    A network whose fields inside are scalars and vectors sees of a *constant* metric
    the trace alone, since nothing else of it is left in a point: have `"2s+"` among
    them, or a `geomnet.nn.TensorProduct`, to tell a fine axis from a coarse one.

    **Arguments:** as for `metric_field`, and

    - `unit`: a length. By default the geometric mean of the spacings, and the size of
        the cells is forgotten. For a network that sees several grids give one length
        for all.

    **Raises:** `ValueError` as `metric_field`.
    """
    logs = [jnp.log(h) for h in _sides(spacings, grid, dtype)]
    if unit is None:
        origin = sum(log.mean() for log in logs) / len(logs)
    else:
        check_number("unit", unit)
        _check_positive(unit, "unit")
        origin = jnp.log(jnp.asarray(unit, logs[0].dtype))
    return _diagonal([log - origin for log in logs], grid, name)


def _sides(spacings: Sequence[Any], grid: tuple[int, ...], dtype: Any) -> list[Array]:
    """The sides of the cells along each axis, `(n,)`."""
    if len(spacings) != len(grid):
        raise ValueError(
            f"`spacings` has {len(spacings)} entries and `grid` {len(grid)} axes: give "
            "one for each axis."
        )
    dtype = jnp.zeros((), dtype).dtype
    sides = []
    for axis, (spacing, cells) in enumerate(zip(spacings, grid, strict=True)):
        shape = np.shape(spacing)
        if shape not in ((), (cells,)):
            raise ValueError(
                f"`spacings[{axis}]` has shape {shape}: give one number, or one for "
                f"each of the {cells} cells along axis {axis}."
            )
        _check_positive(spacing, f"spacings[{axis}]")
        sides.append(jnp.broadcast_to(jnp.asarray(spacing, dtype), (cells,)))
    return sides


def _check_positive(value: Any, what: str) -> None:
    """Of numbers that are known; inside of `jax.jit` they are not."""
    if isinstance(value, jax.core.Tracer):
        return
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "fiu":
        raise TypeError(
            f"`{what}` must be a number or an array of them, got {shown(value)}."
        )
    if not (np.isfinite(numbers).all() and (numbers > 0).all()):
        raise ValueError(f"`{what}` must be positive and finite lengths, got {value}.")


def _diagonal(values: list[Array], grid: tuple[int, ...], name: str) -> GeometricImage:
    """The tensor field whose component ii is the i-th values along axis i."""
    d = len(grid)
    components = [jnp.zeros(grid, values[0].dtype)] * d**2
    for axis, along in enumerate(values):
        shape = tuple(-1 if i == axis else 1 for i in range(d))
        components[axis * (d + 1)] = jnp.broadcast_to(along.reshape(shape), grid)
    signature = Signature([Entry(name, 1, TensorType(2, 1, "s"))])
    return GeometricImage(signature, jnp.stack(components, axis=-1), d)
