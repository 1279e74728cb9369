"""Linear maps with a transpose of their own, where JAX would make a slow one.

JAX transposes a slice into a padded array and a gather into a scatter, each as large as
the whole field. `linear_map` says instead what the transpose is: it is
`jax.custom_derivatives.linear_call` with a rule for `jax.vmap`. Forward and reverse
mode, to any order, follow from linearity.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.core
import jax.extend.core
import jax.numpy as jnp
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array

Map = Callable[..., tuple[Array, ...]]
Shape = tuple[tuple[int, ...], Any]


def linear_map(forward: Map, transpose: Map, *arrays: Array) -> tuple[Array, ...]:
    """`forward(*arrays)`, differentiated with `transpose`.

    **Arguments:**

    - `forward`: a linear function of arrays to a tuple of arrays, which works the same
        on arrays with more leading axes. It is compared by value when compiled programs
        are looked up: a frozen dataclass that can be called, not a closure.
    - `transpose`: the linear function from cotangents of the outputs to those of the
        arrays, with the same properties. That it is the transpose is the caller's word.
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


def _run(*arrays: Array, forward: Map, transpose: Map) -> Sequence[Array]:
    return forward(*arrays)


def _abstract(*arrays: Any, forward: Map, transpose: Map) -> list[Any]:
    shapes = _shapes(forward, tuple((a.shape, a.dtype) for a in arrays))
    return [jax.core.ShapedArray(*shape) for shape in shapes]


# Each map is looked at again by `vmap`, differentiation and transposition.
@functools.lru_cache(4096)
def _shapes(forward: Map, arrays: tuple[Shape, ...]) -> tuple[Shape, ...]:
    structs = (jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in arrays)
    return tuple((out.shape, out.dtype) for out in jax.eval_shape(forward, *structs))


def _jvp(primals: Any, tangents: Any, **maps: Map) -> tuple[Any, Any]:
    outs = _map.bind(*primals, **maps)
    if all(type(t) is ad.Zero for t in tangents):
        return outs, [ad.Zero.from_primal_value(out) for out in outs]  # pyright: ignore
    return outs, _map.bind(*map(ad.instantiate_zeros, tangents), **maps)


def _transpose(cotangents: Any, *_: Any, forward: Map, transpose: Map) -> Any:
    cotangents = map(ad.instantiate_zeros, cotangents)
    return _map.bind(*cotangents, forward=transpose, transpose=forward)


def _batch(arrays: Any, axes: Any, *, forward: Map, transpose: Map) -> tuple[Any, Any]:
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
