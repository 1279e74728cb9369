"""Coarser and finer grids without learning: averages, copies, interpolation."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ._boundary import wrap
from ._conv import check_divides, check_image
from ._layout import layout
from ._resample import FACTOR, gather_blocks, scatter_blocks


class AveragePool(eqx.Module):
    """Halves the grid: a coarse cell is the mean of its 2^d fine cells.

    What finite volumes call restriction: sums over the grid are kept.

    **Exactly equivariant** under `group` and translations by 2 cells, for every grid of
    even sides.
    """

    group: Group = eqx.field(static=True)
    signature: Signature = eqx.field(static=True)

    def __init__(self, group: Group, signature: "Signature | str"):
        self.group = group
        self.signature = Signature(signature)

    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature differs or a side is odd."""
        check_image(image, self.group, self.signature, "AveragePool")
        check_divides(image.grid, FACTOR, "AveragePool")
        return image.with_array(_blocks(image.array).mean(axis=-2))


class NormPool(eqx.Module):
    """Halves the grid: of 2^d tensors a mean weighed by their squared norms.

    The smooth form of "keep the longest": where two are equally long, max pooling has
    to prefer one, and a reflection then prefers the other. Scalars are weighed by their
    squares as well, so small ones next to large ones are forgotten.

    **Exactly equivariant** under `group` and translations by 2 cells, for every grid of
    even sides.
    """

    group: Group = eqx.field(static=True)
    signature: Signature = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    def __init__(
        self, group: Group, signature: "Signature | str", *, epsilon: float = 1e-3
    ):
        """**Arguments:**

        - `epsilon`: added to the squared norms: where all tensors are zero their mean
            is taken, with finite gradients.
        """
        if not epsilon > 0:
            raise ValueError(f"`epsilon` must be positive, got {epsilon}.")
        self.group = group
        self.signature = Signature(signature)
        self.epsilon = epsilon

    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature differs or a side is odd."""
        check_image(image, self.group, self.signature, "NormPool")
        check_divides(image.grid, FACTOR, "NormPool")
        blocks = _blocks(image.array)
        channel = layout(self.group, self.signature).channel
        same = jnp.asarray(channel[:, None] == channel[None, :], blocks.dtype)
        weight = jnp.square(blocks) @ same + self.epsilon
        return image.with_array((weight * blocks).sum(axis=-2) / weight.sum(axis=-2))


class NearestUp(eqx.Module):
    """Doubles the grid: each fine cell is a copy of its coarse cell.

    **Exactly equivariant** under `group` and translations by a coarse cell, on every
    grid.
    """

    group: Group = eqx.field(static=True)
    signature: Signature = eqx.field(static=True)

    def __init__(self, group: Group, signature: "Signature | str"):
        self.group = group
        self.signature = Signature(signature)

    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        check_image(image, self.group, self.signature, "NearestUp")
        copies = jnp.tile(image.array, FACTOR**image.num_spatial_dims)
        return image.with_array(scatter_blocks(copies, image.features))


class MultilinearUp(eqx.Module):
    """Doubles the grid of a torus by interpolation between the centres of cells.

    A fine cell lies a quarter of a coarse cell off the centre: it takes 3/4 of its own
    coarse cell and 1/4 of the next one, along each axis. Interpolation that aligns
    corners would prefer one side.

    **Exactly equivariant** under `group` and translations by a coarse cell, on every
    grid.
    """

    group: Group = eqx.field(static=True)
    signature: Signature = eqx.field(static=True)

    def __init__(self, group: Group, signature: "Signature | str"):
        self.group = group
        self.signature = Signature(signature)

    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        check_image(image, self.group, self.signature, "MultilinearUp")
        array = image.array
        for axis in range(image.num_spatial_dims):
            array = _interpolated(array, axis)
        return image.with_array(array)


def _blocks(array: Array) -> Array:
    """`(*grid / 2, 2^d, features)`."""
    blocks = gather_blocks(array)
    return blocks.reshape(*blocks.shape[:-1], -1, array.shape[-1])


def _interpolated(array: Array, axis: int) -> Array:
    n = array.shape[axis]
    wrapped = wrap(array, axis, 1, 1)
    before = jax.lax.slice_in_dim(wrapped, 0, n, axis=axis)
    after = jax.lax.slice_in_dim(wrapped, 2, n + 2, axis=axis)
    halves = jnp.stack(
        [0.75 * array + 0.25 * before, 0.75 * array + 0.25 * after], axis=axis + 1
    )
    shape = list(array.shape)
    shape[axis] = 2 * n
    return halves.reshape(shape)
