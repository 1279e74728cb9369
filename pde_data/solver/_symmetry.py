"""How rotations and reflections of the grid move a state: exactly, by permutation."""

import itertools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ._state import Primitive

# Axis i of the result is axis `permutation[i]` of the argument, reversed if `flips[i]`.
Element = tuple[tuple[int, ...], tuple[bool, ...]]


def hyperoctahedral_elements(num_spatial_dims: int) -> list[Element]:
    """All signed permutations of the axes: 2, 8 or 48 of them, the identity first."""
    return [
        (permutation, flips)
        for permutation in itertools.permutations(range(num_spatial_dims))
        for flips in itertools.product((False, True), repeat=num_spatial_dims)
    ]


def transform(state: Primitive, element: Element) -> Primitive:
    """The state moved by an element: its fields, and its velocity components too."""
    permutation, flips = element
    axes = [axis for axis, flip in enumerate(flips) if flip]

    def move(x: Float[Array, "..."]) -> Float[Array, "..."]:
        return jnp.flip(jnp.transpose(x, permutation), axes)

    moved = jax.tree.map(move, state)
    velocity = tuple(
        -moved.velocity[old] if flip else moved.velocity[old]
        for old, flip in zip(permutation, flips, strict=True)
    )
    return Primitive(moved.density, velocity, moved.pressure, moved.tracer)
