"""The product of a field's features with a matrix, as one flat product.

`array @ matrix` under `jax.vmap` is a product over several axes, for whose gradient XLA
copies the transpose of the whole field. Here all cells, of all samples, are the rows of
one matrix, forward and backward.
"""

from typing import Any

import jax
import jax.core
import jax.extend.core
import jax.numpy as jnp
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

from ._linear_map import is_laid_out


def times(
    array: Float[Array, "*cells inner"], matrix: Float[Array, "inner outer"]
) -> Float[Array, "*cells outer"]:
    """`array @ matrix`: the same matrix in every cell."""
    if is_laid_out(array) or is_laid_out(matrix):
        return array @ matrix
    return _times.bind(array, matrix)


def _run_times(array: Array, matrix: Array) -> Array:
    flat = array.reshape(-1, array.shape[-1]) @ matrix
    return flat.reshape(*array.shape[:-1], matrix.shape[-1])


def _run_outer(left: Array, right: Array) -> Array:
    return left.reshape(-1, left.shape[-1]).T @ right.reshape(-1, right.shape[-1])


def _times_shape(array: Any, matrix: Any) -> Any:
    return jax.core.ShapedArray((*array.shape[:-1], matrix.shape[-1]), array.dtype)


def _outer_shape(left: Any, right: Any) -> Any:
    return jax.core.ShapedArray((left.shape[-1], right.shape[-1]), left.dtype)


def _batch_times(arguments: Any, axes: Any) -> tuple[Any, int]:
    array, matrix = arguments
    if axes[1] is None:
        return times(jnp.moveaxis(array, axes[0], 0), matrix), 0
    array, matrix = _in_front(arguments, axes)
    flat = jnp.matmul(array.reshape(len(array), -1, array.shape[-1]), matrix)
    return flat.reshape(*array.shape[:-1], matrix.shape[-1]), 0


def _batch_outer(arguments: Any, axes: Any) -> tuple[Any, int]:
    left, right = (
        a.reshape(len(a), -1, a.shape[-1]) for a in _in_front(arguments, axes)
    )
    return jnp.matmul(left.mT, right), 0


def _in_front(arguments: Any, axes: Any) -> list[Array]:
    """Every argument with a leading batch axis."""
    size = next(
        a.shape[n] for a, n in zip(arguments, axes, strict=True) if n is not None
    )
    return [
        jnp.broadcast_to(a, (size, *a.shape)) if n is None else jnp.moveaxis(a, n, 0)
        for a, n in zip(arguments, axes, strict=True)
    ]


def _primitive(
    name: str, run: Any, shape: Any, batch: Any
) -> jax.extend.core.Primitive:
    primitive = jax.extend.core.Primitive(f"geomnet_{name}")
    primitive.def_impl(jax.jit(run))
    primitive.def_abstract_eval(shape)
    batching.primitive_batchers[primitive] = batch
    mlir.register_lowering(primitive, mlir.lower_fun(run, multiple_results=False))
    return primitive


_times = _primitive("times", _run_times, _times_shape, _batch_times)
_outer = _primitive("outer", _run_outer, _outer_shape, _batch_outer)
"""`leftᵀ right`, summed over all cells: the gradient of `times` for its matrix."""

ad.defbilinear(
    _times,
    lambda cotangent, array, matrix: _times.bind(cotangent, matrix.T),
    lambda cotangent, array, matrix: _outer.bind(array, cotangent),
)
ad.defbilinear(
    _outer,
    lambda cotangent, left, right: _times.bind(right, cotangent.T),
    lambda cotangent, left, right: _times.bind(left, cotangent),
)
