"""The symmetry-reduced convolution: a quarter of the products of a dense one, or less.

A group that reflects every axis sorts tensor components by their signs under these
reflections, their parity. Sums and differences of opposite neighbours have a parity
too, and a sum or difference of one parity meets only those components that make up the
parity of the output: what is left is one small matrix product for each parity. For
scalars and vectors and a 3x3 window that is 22 products per cell and channel pair for
81, in three dimensions 54 for 432.
"""

import dataclasses
import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._action import component_action
from .._group import Group, reflections
from .._signature import Signature
from ._assembly import Assembly, Slabs, assemble
from ._boundary import wrap
from ._kernel import basis_tables

Parity = tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Sorted:
    """The features of a signature, sorted by parity, then component, then channel."""

    order: np.ndarray
    """`(features,)`: the feature of the signature that stands at each place."""
    back: np.ndarray
    """`(features,)`: the inverse of `order`."""
    components: dict[Parity, tuple[int, ...]]
    """The components of each parity, counted over the types of the signature."""
    where: dict[Parity, slice]
    """The places of each parity."""
    types: np.ndarray
    """`(components,)`: the type of each component."""
    channels: tuple[int, ...]
    """How many channels each type has."""


@dataclasses.dataclass(frozen=True, eq=False)
class Reduction:
    """Everything static about one reduced convolution."""

    source: Sorted
    target: Sorted
    combinations: tuple[tuple[Parity, Parity], ...]
    """`(offset, parity)` of every sum or difference of neighbours that is used."""
    gather: dict[Parity, Assembly]
    """For each parity of the output, from sums and differences to components."""
    scatter: dict[Parity, Assembly]
    """For each parity of the input, from components to what is summed and subtracted:
    the same coefficients for the backward pass.
    """


def can_reduce(group: Group, window: tuple[int, ...]) -> bool:
    """Whether the group reflects every axis and the window has a middle cell."""
    has_all = reflections(group.num_spatial_dims).is_subgroup(group)
    return has_all and all(n % 2 for n in window) and max(window) > 1


# Fewest features on either side from which the reduced form is chosen, by dimension:
# forward and backward together it then takes half of the dense form's time on a CPU.
# It takes 2 s more to compile (benchmarks/README.md).
_WIDE = {2: 192, 3: 32}


def prefers_reduced(
    group: Group,
    in_signature: Signature,
    out_signature: Signature,
    window: tuple[int, ...],
    dtype: jnp.dtype,
) -> bool:
    """Whether the reduced form is the faster one, from what is known when tracing.

    Only on a CPU: matrix units of accelerators have not been measured.
    """
    d = group.num_spatial_dims
    narrowest = min(in_signature.features(d), out_signature.features(d))
    return (
        d in _WIDE
        and narrowest >= _WIDE[d]
        and dtype.itemsize >= 4
        and can_reduce(group, window)
        and max(window) == 3
        and jax.default_backend() == "cpu"
    )


@functools.partial(jax.jit, static_argnums=(2, 3, 4, 5, 6))
def convolve_reduced(
    array: Float[Array, "*grid in_features"],
    weights: Float[Array, " coefficients"],
    group: Group,
    in_signature: Signature,
    out_signature: Signature,
    window: tuple[int, ...],
    dilation: int,
) -> Float[Array, "*grid out_features"]:
    """What the dense kernel makes of the array on the torus, to rounding.

    The backward pass needs no features of the input: the sums and differences are taken
    of the output's gradient, once for both gradients.
    """
    plan = reduction(group, in_signature, out_signature, window)
    weights = weights.astype(array.dtype)
    x = _permute(array, _Permutation(plan.source.order, plan.source.back))
    fixed = jax.lax.stop_gradient(weights)
    features = _features(plan, jax.lax.stop_gradient(x), window, dilation, out=True)
    y = jnp.concatenate(
        [features[p] @ assemble(plan.gather[p], fixed) for p in plan.gather], axis=-1
    )
    # The gradient of a split is a concatenation; that of slices is a sum of padded
    # arrays.
    sizes = [where.stop - where.start for where in plan.source.where.values()]
    parts = dict(
        zip(plan.source.where, jax.lax.split(x, sizes, axis=x.ndim - 1), strict=True)
    )
    mixed = [parts[p] @ assemble(plan.scatter[p], weights) for p in plan.scatter]
    y = _with_gradient(plan, window, dilation, mixed, y)
    back = _Permutation(plan.target.back, plan.target.order)
    return _permute(y, back)  # pyright: ignore


@functools.cache
def reduction(
    group: Group,
    in_signature: Signature,
    out_signature: Signature,
    window: tuple[int, ...],
) -> Reduction:
    """The plan of a reduced convolution."""
    d = group.num_spatial_dims
    source, target = (_sorted_by_parity(s, d) for s in (in_signature, out_signature))
    label, sign, kernels = basis_tables(group, in_signature, out_signature, window)
    combinations = []
    for offset in itertools.product(*(range(n // 2 + 1) for n in window)):
        for parity in itertools.product((0, 1), repeat=d):
            possible = all(x or not p for x, p in zip(offset, parity, strict=True))
            meets = any(_sum(parity, p) in source.where for p in target.where)
            if possible and meets:
                combinations.append((offset, parity))

    def cell(offset: Parity) -> int:
        middle = [n // 2 + x for n, x in zip(window, offset, strict=True)]
        return int(np.ravel_multi_index(middle, window))

    def tables(
        rows: list[tuple[int, int]], columns: list[tuple[int, int]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """From `(cell, component)` of each slab; a cell of -1 is the other side's."""
        index = [
            (max(r, c), a, b) for (r, a), (c, b) in itertools.product(rows, columns)
        ]
        shape = (len(rows), len(columns))
        where = tuple(np.array(index).T)
        return label[where].reshape(shape), sign[where].reshape(shape)

    gather = {}
    for p, components in target.components.items():
        rows = [
            (cell(offset), a)
            for offset, parity in combinations
            for a in source.components.get(_sum(p, parity), ())
        ]
        columns = [(-1, b) for b in components]
        gather[p] = Assembly(
            _stacked(source, [a for _, a in rows]),
            _stacked(target, components),
            *tables(rows, columns),
            kernels,
        )
    scatter = {}
    for p, components in source.components.items():
        rows = [(-1, a) for a in components]
        columns, flips = [], []
        for offset, parity in combinations:
            for b in target.components.get(_sum(p, parity), ()):
                columns.append((cell(offset), b))
                # A difference of neighbours is antisymmetric: its transpose is minus
                # it.
                flips.append((-1) ** sum(parity))
        if columns:
            labels, signs = tables(rows, columns)
            scatter[p] = Assembly(
                _stacked(source, components),
                _stacked(target, [b for _, b in columns]),
                labels,
                signs * np.array(flips),
                kernels,
            )
    return Reduction(source, target, tuple(combinations), gather, scatter)


def _features(
    plan: Reduction, array: Array, window: tuple[int, ...], dilation: int, out: bool
) -> dict[Parity, Array]:
    """Sums and differences of neighbours, side by side for each parity.

    Of the sorted input for each parity of the output, or the other way round.
    """
    d = len(window)
    side, other = (plan.source, plan.target) if out else (plan.target, plan.source)
    grid = array.shape[:d]
    reach = [dilation * (n // 2) for n in window]
    for axis, cells in enumerate(reach):
        array = wrap(array, axis, cells, cells)
    # The barriers keep each loop simple: fused, they would be one loop full of
    # branches.
    array = jax.lax.optimization_barrier(array)
    combined = {}
    for offset, parity in plan.combinations:
        total: Array | None = None
        for signs in itertools.product(*((1, -1) if x else (1,) for x in offset)):
            at = tuple(
                slice(r + dilation * s * x, r + dilation * s * x + n)
                for r, s, x, n in zip(reach, signs, offset, grid, strict=True)
            )
            term = array[at]
            negative = math.prod(s for s, p in zip(signs, parity, strict=True) if p)
            if total is None:
                total = term
            else:
                total = total + term if negative > 0 else total - term
        combined[offset, parity] = total
    combined = jax.lax.optimization_barrier(combined)
    features = {}
    for p in other.where:
        parts = [
            combined[offset, parity][..., side.where[_sum(p, parity)]]
            for offset, parity in plan.combinations
            if _sum(p, parity) in side.where
        ]
        if parts:
            features[p] = jnp.concatenate(parts, axis=-1)
    return features


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _with_gradient(
    plan: Reduction,
    window: tuple[int, ...],
    dilation: int,
    mixed: list[Array],
    y: Array,
) -> Array:
    """y, differentiated as if it were the sums and differences of `mixed`."""
    return y


def _with_gradient_forward(
    plan: Reduction,
    window: tuple[int, ...],
    dilation: int,
    mixed: list[Array],
    y: Array,
) -> tuple[Array, None]:
    return y, None


def _with_gradient_backward(
    plan: Reduction, window: tuple[int, ...], dilation: int, _: None, gradient: Array
) -> tuple[list[Array], Array]:
    features = _features(plan, gradient, window, dilation, out=False)
    return [features[p] for p in plan.scatter], jnp.zeros_like(gradient)


_with_gradient.defvjp(_with_gradient_forward, _with_gradient_backward)


@dataclasses.dataclass(frozen=True, eq=False)
class _Permutation:
    order: np.ndarray
    back: np.ndarray


def _permute(array: Array, permutation: _Permutation) -> Array:
    """Reorders the features; so does its gradient, where JAX's own would scatter."""
    return _permuted(array, permutation)  # pyright: ignore


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _permuted(array: Array, permutation: _Permutation) -> Array:
    return jnp.take(array, permutation.order, axis=-1)


def _permute_forward(array: Array, permutation: _Permutation) -> tuple[Array, None]:
    return jnp.take(array, permutation.order, axis=-1), None


def _permute_backward(permutation: _Permutation, _: None, gradient: Array) -> tuple:
    return (jnp.take(gradient, permutation.back, axis=-1),)


_permuted.defvjp(_permute_forward, _permute_backward)


def _sum(a: Parity, b: Parity) -> Parity:
    return tuple(x ^ y for x, y in zip(a, b, strict=True))


@functools.cache
def _sorted_by_parity(signature: Signature, d: int) -> Sorted:
    parities: list[Parity] = []
    types, features = [], []
    for n, t in enumerate(signature.types):
        signs = [
            component_action(
                t, tuple(range(d)), tuple(-1 if i == axis else 1 for i in range(d))
            )[1]
            for axis in range(d)
        ]
        starts = [
            where.start + channel * t.components(d)
            for entry, where in zip(signature, signature.slices(d), strict=True)
            if entry.type == t
            for channel in range(entry.channels)
        ]
        for component in range(t.components(d)):
            parities.append(tuple(int(s[component] < 0) for s in signs))
            types.append(n)
            features.append(np.array(starts) + component)
    components = {
        p: tuple(i for i, q in enumerate(parities) if q == p)
        for p in sorted(set(parities))
    }
    where, position = {}, 0
    for p, members in components.items():
        size = sum(len(features[i]) for i in members)
        where[p] = slice(position, position + size)
        position += size
    order = np.concatenate([features[i] for p in components.values() for i in p])
    return Sorted(
        order.astype(np.int32),
        np.argsort(order).astype(np.int32),
        components,
        where,
        np.array(types),
        tuple(signature.channels(t) for t in signature.types),
    )


def _stacked(side: Sorted, components: "tuple[int, ...] | list[int]") -> Slabs:
    """Slabs one after the other, each with its channels side by side."""
    types = side.types[list(components)]
    sizes = np.array(side.channels)[types]
    return Slabs(
        types, np.cumsum(sizes) - sizes, tuple(np.arange(n) for n in side.channels)
    )
