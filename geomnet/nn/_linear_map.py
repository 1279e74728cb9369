"""Linear maps with a transpose of their own, where JAX would make a slow one.

JAX transposes a slice into a padded array and a gather into a scatter, each as large as
the whole field. `linear_map` says instead what the transpose is: it is
`jax.custom_derivatives.linear_call` with a rule for `jax.vmap`. Forward and reverse
mode, to any order, follow from linearity.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import jax
import jax.core
import jax.extend.core
import jax.numpy as jnp
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array

Shape: TypeAlias = tuple[int, ...]


@runtime_checkable
class LinearMap(Protocol):
    """A linear function of arrays of one dtype, to arrays of that dtype.

    It works the same on arrays with more leading axes, and is compared by value when
    compiled programs are looked up: a frozen dataclass, not a closure.
    """

    def __call__(self, *arrays: Any, **_: Any) -> tuple[Array, ...]:
        """What it gives."""
        ...

    def shapes(self, *arrays: Any, **_: Any) -> tuple[Shape, ...]:
        """The shapes of what it gives, without tracing it."""
        ...


def linear_map(
    forward: LinearMap, transpose: LinearMap, *arrays: Array
) -> tuple[Array, ...]:
    """`forward(*arrays)`, differentiated with `transpose`.

    **Arguments:**

    - `forward`: from the arrays to the outputs.
    - `transpose`: from cotangents of the outputs to those of the arrays. That it is the
        transpose is the caller's word.
    """
    if any(map(is_laid_out, arrays)):
        return forward(*arrays)
    return tuple(_map.bind(*arrays, forward=forward, transpose=transpose))


def is_laid_out(array: Array) -> bool:
    """Whether an array's type says how it lies on several devices.

    That is so inside `jax.shard_map` and on meshes with explicit axes. JAX's own
    operations know the rules for such types; the primitives here leave it to them.
    """
    aval: Any = jax.typeof(array)
    # The name has changed.
    kind = getattr(aval, "manual_axis_type", None)
    varying = getattr(aval, "vma", ()) if kind is None else kind.varying
    return bool(varying) or any(part is not None for part in aval.sharding.spec)


_map = jax.extend.core.Primitive("geomnet_linear_map")
_map.multiple_results = True


def _run(*arrays: Array, forward: LinearMap, transpose: LinearMap) -> Sequence[Array]:
    return forward(*arrays)


def _abstract(*arrays: Any, forward: LinearMap, transpose: LinearMap) -> list[Any]:
    shapes = forward.shapes(*(a.shape for a in arrays))
    return [jax.core.ShapedArray(shape, arrays[0].dtype) for shape in shapes]


def _jvp(primals: Any, tangents: Any, **maps: LinearMap) -> tuple[Any, Any]:
    outs = _map.bind(*primals, **maps)
    if all(type(t) is ad.Zero for t in tangents):
        return outs, [ad.Zero.from_primal_value(out) for out in outs]  # pyright: ignore
    return outs, _map.bind(*map(ad.instantiate_zeros, tangents), **maps)


def _transpose(
    cotangents: Any, *_: Any, forward: LinearMap, transpose: LinearMap
) -> Any:
    cotangents = map(ad.instantiate_zeros, cotangents)
    return _map.bind(*cotangents, forward=transpose, transpose=forward)


def _batch(
    arrays: Any, axes: Any, *, forward: LinearMap, transpose: LinearMap
) -> tuple[Any, Any]:
    sizes = [a.shape[n] for a, n in zip(arrays, axes, strict=True) if n is not None]
    moved = [
        jnp.broadcast_to(array, (sizes[0], *array.shape))
        if axis is None
        else jnp.moveaxis(array, axis, 0)
        for array, axis in zip(arrays, axes, strict=True)
    ]
    outs = linear_map(forward, transpose, *moved)
    return outs, [0] * len(outs)


_map.def_impl(jax.jit(_run, static_argnames=("forward", "transpose")))
_map.def_abstract_eval(_abstract)
ad.primitive_jvps[_map] = _jvp
ad.primitive_transposes[_map] = _transpose
batching.primitive_batchers[_map] = _batch
mlir.register_lowering(_map, mlir.lower_fun(_run, multiple_results=True))
