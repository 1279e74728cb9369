"""Sums over the components of each tensor, and copies to them.

What acts on a whole tensor at once, a norm or a gate, is one number per tensor: here
are the two linear maps between such numbers and features, each the other's transpose.
Invariant features (scalars, and everything under the trivial group) take no part.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped

from ..._index_symmetry import with_symmetries
from ..._representation import Representation
from ._device import is_accelerator
from ._primitives import Shape, apply, is_laid_out, times
from ._recomputation import kept


def sum_components(
    array: Float[Array, "*cells features"], representation: Representation
) -> Float[Array, "*cells tensors"]:
    """Adds up the components of each tensor that the group moves."""
    return apply(SumComponents(representation), array)[0]


def copy_to_components(
    numbers: Float[Array, "*cells tensors"], representation: Representation
) -> Float[Array, "*cells features"]:
    """Gives each component its tensor's number, and invariant features zero."""
    return apply(CopyToComponents(representation), numbers)[0]


def affine_to_components(
    known: Float[Array, "*cells inner"],
    matrix: Float[Array, "inner tensors"],
    constant: Float[Array, " tensors"],
    beside: Float[Array, "*cells features"],
    representation: Representation,
) -> Float[Array, "*cells features"]:
    """`known @ matrix + constant` for each tensor, copied to its components, plus what
    stands `beside` it.

    An accelerator copies the numbers inside of the loop that uses them, and computes
    them anew for the gradient. A CPU copies the columns, and keeps what it made.
    """
    if is_accelerator():
        numbers = _affine(known, matrix, constant)
        return copy_to_components(numbers, representation) + beside
    matrix = copy_to_components(matrix, representation)
    constant = copy_to_components(constant, representation)
    return kept(_affine(known, matrix, constant) + beside)


def _affine(array: Array, matrix: Array, constant: Array) -> Array:
    return times(array, matrix) + jnp.expand_dims(constant, range(array.ndim - 1))


def root(squares: Array) -> Array:
    """The square root.

    An accelerator's derivative asks for none of its values: XLA would write them for
    it, where both are computed anew from the same field.
    """
    return _root(squares) if is_accelerator() else jnp.sqrt(squares)


@jax.custom_jvp
def _root(squares: Array) -> Array:
    return jnp.sqrt(squares)


@_root.defjvp
def _root_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (squares,), (tangent,) = primals, tangents
    half = jnp.asarray(0.5, squares.dtype)
    return _root(squares), tangent * (half * jax.lax.rsqrt(squares))


def copy_channels(
    numbers: Shaped[Array, " channels"], representation: Representation
) -> Shaped[Array, " features"]:
    """Gives each component its channel's number; an invariant one is a channel."""
    parts, start = [], 0
    for entry, place in zip(
        representation.signature, representation.places, strict=True
    ):
        per_tensor = int(place.max()) + 1
        stop = start + entry.channels * per_tensor
        part = jax.lax.slice_in_dim(numbers, start, stop)
        # Not by index: the transpose of that is a scatter.
        if per_tensor == 1:
            shape = (entry.channels, len(place))
            part = jax.lax.broadcast_in_dim(part, shape, (0,))
        elif per_tensor < len(place):
            part = jax.lax.reshape(part, (entry.channels, per_tensor))
            columns = [jax.lax.slice_in_dim(part, n, n + 1, axis=1) for n in place]
            part = jax.lax.concatenate(columns, 1)
        parts.append(jax.lax.reshape(part, (entry.channels * len(place),)))
        start = stop
    return jax.lax.concatenate(parts, 0)


def keep_opposites(
    array: Float[Array, "*cells features"], representation: Representation
) -> Float[Array, "*cells features"]:
    """What a function of single numbers makes of components that are opposite.

    Under a group that acts trivially on `"2a+"`, xy and yx are invariant numbers of
    which one is minus the other: it is to stay so, though the function is not odd.
    """
    if not representation.is_odd:
        return array
    d = representation.num_spatial_dims
    return with_symmetries(array, representation.signature, d)


def invariants(
    array: Float[Array, "*cells features"], representation: Representation
) -> Float[Array, "*cells invariants"] | None:
    """The features that the group leaves alone, or `None` where there are none."""
    parts = [
        array[..., where]
        for where, moved in zip(
            representation.slices, representation.moved, strict=True
        )
        if not moved
    ]
    return jnp.concatenate(parts, axis=-1) if parts else None


@dataclasses.dataclass(frozen=True)
class SumComponents:
    """From features to one number for each tensor that the group moves."""

    representation: Representation

    @property
    def T(self) -> "CopyToComponents":
        """The copies."""
        return CopyToComponents(self.representation)

    def shapes(self, features: Shape) -> tuple[Shape]:
        """One array."""
        return ((*features[:-1], self.representation.num_tensors),)

    def __call__(self, array: Array) -> tuple[Array]:
        fields, last = self.representation, array.ndim - 1
        parts = []
        for entry, where, moved in zip(
            fields.signature, fields.slices, fields.moved, strict=True
        ):
            if moved:
                # Strided slices: a sum over an axis of length 2 or 3 is slow.
                n = fields.components(entry.type)
                terms = [
                    jax.lax.slice_in_dim(array, start, where.stop, n, axis=last)
                    for start in range(where.start, where.start + n)
                ]
                parts.append(functools.reduce(jax.lax.add, terms))
        return (jax.lax.concatenate(parts, last),)


@dataclasses.dataclass(frozen=True)
class CopyToComponents:
    """From one number for each tensor that the group moves to all features."""

    representation: Representation

    @property
    def T(self) -> SumComponents:
        """The sums."""
        return SumComponents(self.representation)

    def shapes(self, numbers: Shape) -> tuple[Shape]:
        """One array."""
        return ((*numbers[:-1], self.representation.num_features),)

    def __call__(self, numbers: Array) -> tuple[Array]:
        fields = self.representation
        d, last = fields.num_spatial_dims, numbers.ndim - 1
        leading = numbers.shape[:-1]
        parts, start = [], 0
        for entry, moved in zip(fields.signature, fields.moved, strict=True):
            if moved:
                n = fields.components(entry.type)
                stop = start + entry.channels
                part = jax.lax.slice_in_dim(numbers, start, stop, axis=last)
                part = jax.lax.broadcast_in_dim(
                    part, (*part.shape, n), range(numbers.ndim)
                )
                parts.append(jax.lax.reshape(part, (*leading, entry.features(d))))
                start += entry.channels
            else:
                shape = (*leading, entry.features(d))
                parts.append(_zeros_beside(numbers, shape))
        return (jax.lax.concatenate(parts, last),)


def _zeros_beside(numbers: Array, shape: Shape) -> Array:
    """Zeros that may be joined to the numbers, on several devices too.

    There a constant has no mesh, and `jax.vmap` can't lay it out: so it is padding of
    nothing of the numbers.
    """
    if not is_laid_out(numbers):
        return jax.lax.full(shape, 0, numbers.dtype)
    nothing = jax.lax.slice_in_dim(numbers, 0, 0, axis=numbers.ndim - 1)
    widths = [(0, 0, 0)] * (numbers.ndim - 1) + [(0, shape[-1], 0)]
    return jax.lax.pad(nothing, jnp.zeros((), numbers.dtype), widths)
