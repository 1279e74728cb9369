"""Primitives of our own, all made in one place: linear maps that know their transpose,
and the product of a field with a matrix.

JAX transposes a slice into a padded array and a gather into a scatter, each as large as
the whole field. A `LinearMap` says instead what its transpose is, and `apply` is
`jax.custom_derivatives.linear_call` with a rule for `jax.vmap`. Forward and reverse
mode, to any order, follow from linearity.

`array @ matrix` under `jax.vmap` is a product over several axes, for whose gradient XLA
copies the transpose of the whole field. With `times` all cells, of all samples, are the
rows of one matrix, forward and backward.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import jax
import jax.core
import jax.extend.core
import jax.numpy as jnp
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

Shape: TypeAlias = tuple[int, ...]
Primitive: TypeAlias = jax.extend.core.Primitive


@runtime_checkable
class LinearMap(Protocol):
    """A linear function of arrays of one dtype, to arrays of that dtype.

    It works the same on arrays with more leading axes, and is compared by value when
    compiled programs are looked up: a frozen dataclass, not a closure. One test holds
    the law `<A x, y> = <x, Aᵀ y>` over all of them.
    """

    @property
    def T(self) -> "LinearMap":
        """The transpose: from cotangents of the outputs to those of the arrays."""
        ...

    def __call__(self, *arrays: Any, **_: Any) -> tuple[Array, ...]:
        """What it gives."""
        ...

    def shapes(self, *arrays: Any, **_: Any) -> tuple[Shape, ...]:
        """The shapes of what it gives, without tracing it."""
        ...


def apply(linear: LinearMap, *arrays: Array) -> tuple[Array, ...]:
    """`linear(*arrays)`, differentiated with `linear.T`."""
    if any(map(is_laid_out, arrays)):
        return linear(*arrays)
    return tuple(_linear_map.bind(*arrays, linear=linear))


def times(
    array: Float[Array, "*cells inner"], matrix: Float[Array, "inner outer"]
) -> Float[Array, "*cells outer"]:
    """`array @ matrix`: the same matrix in every cell."""
    if is_laid_out(array) or is_laid_out(matrix):
        return array @ matrix
    return _times.bind(array, matrix, precision=precision_set())


def precision_set() -> Any:
    """What `jax.default_matmul_precision` is where a product is traced.

    As of JAX's own products it stays that product's, and that of its gradients.
    """
    config: Any = jax.config
    name = config.jax_default_matmul_precision or "default"
    algorithms = jax.lax.DotAlgorithmPreset.__members__
    return algorithms[name] if name in algorithms else (jax.lax.Precision(name),) * 2


def merge_axes(array: Array, first: int, count: int) -> Array:
    """`count` axes from the first on as one.

    One axis at a time: the rules for explicit sharding know no more.
    """
    for _ in range(count - 1):
        shape = array.shape
        merged = shape[first] * shape[first + 1]
        array = jax.lax.reshape(array, (*shape[:first], merged, *shape[first + 2 :]))
    return array


def split_axis(array: Array, axis: int, sizes: Shape) -> Array:
    """One axis as several: the inverse of `merge_axes`."""
    for n, size in enumerate(sizes[:-1], axis):
        shape = array.shape
        rest = shape[n] // size
        array = jax.lax.reshape(array, (*shape[:n], size, rest, *shape[n + 1 :]))
    return array


def is_laid_out(array: Array) -> bool:
    """Whether an array's type says how it lies on several devices.

    That is so inside `jax.shard_map`, and where a mesh has explicit axes: also where
    none is named, as those of an axis that `jax.vmap` hides are not. JAX's own
    operations know the rules for such types; the primitives here leave it to them.
    """
    aval: Any = jax.typeof(array)
    # The name has changed.
    kind = getattr(aval, "manual_axis_type", None)
    varying = getattr(aval, "vma", ()) if kind is None else kind.varying
    types = aval.sharding.mesh.axis_types
    return bool(varying) or jax.sharding.AxisType.Explicit in types


def make_primitive(
    name: str,
    run: Callable[..., Any],
    shapes: Callable[..., Sequence[Shape]],
    batch: Callable[..., Any],
    *,
    static: tuple[str, ...] = (),
    has_one_result: bool = False,
) -> Primitive:
    """A primitive that is executed as the function `run`, traced at lowering.

    **Arguments:**

    - `run`: `(*arrays, **static)` to one array, or to a sequence of them.
    - `shapes`: from the arrays' shapes to those of the results, of the first array's
        dtype.
    - `batch`: `(arrays, is_batched, **static)` to what `run` gives for each sample; the
        batch axis is in front, there and in the arrays that are batched.
    - `static`: names of the arguments that are no arrays.

    Rules for derivatives are the caller's to add.
    """
    primitive = jax.extend.core.Primitive(f"geomnet_{name}")
    primitive.multiple_results = not has_one_result

    def abstract(*arrays: Any, **maps: Any) -> Any:
        found = shapes(*(a.shape for a in arrays), **maps)
        avals = [jax.core.ShapedArray(shape, arrays[0].dtype) for shape in found]
        return avals[0] if has_one_result else avals

    def batched(arrays: Any, axes: Any, **maps: Any) -> tuple[Any, Any]:
        moved = [
            array if axis is None else jnp.moveaxis(array, axis, 0)
            for array, axis in zip(arrays, axes, strict=True)
        ]
        found = batch(moved, [axis is not None for axis in axes], **maps)
        return (found, 0) if has_one_result else (found, [0] * len(found))

    primitive.def_impl(jax.jit(run, static_argnames=static))
    primitive.def_abstract_eval(abstract)
    batching.primitive_batchers[primitive] = batched
    lowered = mlir.lower_fun(run, multiple_results=not has_one_result)
    mlir.register_lowering(primitive, lowered)
    return primitive


def all_batched(arrays: Sequence[Array], is_batched: Sequence[bool]) -> list[Array]:
    """The arrays, repeated where they had no batch axis."""
    size = next(a.shape[0] for a, b in zip(arrays, is_batched, strict=True) if b)
    return [
        array if has_axis else jnp.broadcast_to(array, (size, *array.shape))
        for array, has_axis in zip(arrays, is_batched, strict=True)
    ]


# Linear maps.


def _batch_map(
    arrays: Sequence[Array], is_batched: Sequence[bool], *, linear: LinearMap
) -> tuple[Array, ...]:
    return apply(linear, *all_batched(arrays, is_batched))


_linear_map = make_primitive(
    "linear_map",
    lambda *arrays, linear: linear(*arrays),
    lambda *shapes, linear: linear.shapes(*shapes),
    _batch_map,
    static=("linear",),
)


def _map_jvp(primals: Any, tangents: Any, *, linear: LinearMap) -> tuple[Any, Any]:
    outs = _linear_map.bind(*primals, linear=linear)
    if all(type(t) is ad.Zero for t in tangents):
        return outs, [ad.Zero.from_primal_value(out) for out in outs]  # pyright: ignore
    tangents = map(ad.instantiate_zeros, tangents)
    return outs, _linear_map.bind(*tangents, linear=linear)


def _map_transpose(cotangents: Any, *_: Any, linear: LinearMap) -> Any:
    return _linear_map.bind(*map(ad.instantiate_zeros, cotangents), linear=linear.T)


ad.primitive_jvps[_linear_map] = _map_jvp
ad.primitive_transposes[_linear_map] = _map_transpose


# Products of a field with a matrix, and of two fields: each other's gradients.


def _run_times(array: Array, matrix: Array, *, precision: Any) -> Array:
    # The axes of cells stay apart: as one, they could not be shared out over devices.
    return jnp.matmul(array, matrix, precision=precision)


def _run_outer(left: Array, right: Array, *, precision: Any) -> Array:
    cells = list(range(left.ndim - 1))
    return jnp.tensordot(left, right, (cells, cells), precision=precision)


def _batch_times(
    arrays: Sequence[Array], is_batched: Sequence[bool], *, precision: Any
) -> Array:
    if not is_batched[1]:
        return _times.bind(*arrays, precision=precision)
    array, matrix = all_batched(arrays, is_batched)
    flat = array.reshape(array.shape[0], -1, array.shape[-1])
    flat = jnp.matmul(flat, matrix, precision=precision)
    return flat.reshape(*array.shape[:-1], matrix.shape[-1])


def _batch_outer(
    arrays: Sequence[Array], is_batched: Sequence[bool], *, precision: Any
) -> Array:
    left, right = (
        a.reshape(a.shape[0], -1, a.shape[-1]) for a in all_batched(arrays, is_batched)
    )
    return jnp.matmul(left.mT, right, precision=precision)


_bilinear = functools.partial(
    make_primitive, static=("precision",), has_one_result=True
)
_times = _bilinear(
    "times",
    _run_times,
    lambda array, matrix, **_: [(*array[:-1], matrix[-1])],
    _batch_times,
)
_outer = _bilinear(
    "outer", _run_outer, lambda left, right, **_: [(left[-1], right[-1])], _batch_outer
)
"""`leftᵀ right`, summed over all cells: the gradient of `times` for its matrix."""

ad.defbilinear(
    _times,
    lambda cotangent, array, matrix, **how: _times.bind(cotangent, matrix.T, **how),
    lambda cotangent, array, matrix, **how: _outer.bind(array, cotangent, **how),
)
ad.defbilinear(
    _outer,
    lambda cotangent, left, right, **how: _times.bind(right, cotangent.T, **how),
    lambda cotangent, left, right, **how: _times.bind(left, cotangent, **how),
)
