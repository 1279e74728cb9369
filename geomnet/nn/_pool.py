"""Coarser and finer grids without learning: averages, copies, interpolation."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from .._arguments import checked_positive
from .._group import Group
from .._image import GeometricImage
from .._representation import Representation
from .._signature import Signature
from ._boundary import (
    Boundaries,
    Boundary,
    Faces,
    agreed_group,
    as_faces,
    periodic_steps,
)
from ._contract import (
    AbstractEveryGridLayer,
    AbstractHalvingLayer,
    AbstractTypeKeepingLayer,
    check_dimension,
    check_image,
)
from ._execution import extend, gather_blocks, scatter_blocks, times
from ._placement import FACTOR


class AveragePool(AbstractTypeKeepingLayer, AbstractHalvingLayer):
    """Halves the grid: a coarse cell is the mean of its 2^d fine cells.

    What finite volumes call restriction: sums over the grid are kept.

    **Exactly equivariant** under `group` and translations by 2 cells, for every grid of
    even sides.
    """

    representation: Representation = eqx.field(static=True)

    def __init__(self, group: Group, signature: "Signature | str"):
        """**Arguments:**

        - `signature`: of the images it takes and gives.
        """
        self.representation = Representation(group, signature)

    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs or a side is
        odd.
        """
        check_image(image, self.representation, "AveragePool")
        self.translation_steps(image.grid)
        return image.with_array(_blocks(image.array).mean(axis=-2))


class NormPool(AbstractTypeKeepingLayer, AbstractHalvingLayer):
    """Halves the grid: of 2^d tensors a mean weighed by their squared norms.

    The smooth form of "keep the longest": where two are equally long, max pooling has
    to prefer one, and a reflection then prefers the other. Scalars are weighed by their
    squares as well, so small ones next to large ones are forgotten.

    **Exactly equivariant** under `group` and translations by 2 cells, for every grid of
    even sides.
    """

    representation: Representation = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    def __init__(
        self, group: Group, signature: "Signature | str", *, epsilon: float = 1e-3
    ):
        """**Arguments:**

        - `signature`: of the images it takes and gives.
        - `epsilon`: added to the squared norms: where all tensors are zero their mean
            is taken, with finite gradients.

        **Raises:** `ValueError` if `epsilon` is not positive.
        """
        self.representation = Representation(group, signature)
        self.epsilon = checked_positive("epsilon", epsilon)

    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs or a side is
        odd.
        """
        check_image(image, self.representation, "NormPool")
        self.translation_steps(image.grid)
        blocks = _blocks(image.array)
        channel = self.representation.channel
        same = jnp.asarray(channel[:, None] == channel[None, :], blocks.dtype)
        weight = times(jnp.square(blocks), same) + self.epsilon
        return image.with_array((weight * blocks).sum(axis=-2) / weight.sum(axis=-2))


class NearestUp(AbstractTypeKeepingLayer, AbstractEveryGridLayer):
    """Doubles the grid: each fine cell is a copy of its coarse cell.

    **Exactly equivariant** under `group` and translations by a coarse cell, on every
    grid.
    """

    representation: Representation = eqx.field(static=True)

    def __init__(self, group: Group, signature: "Signature | str"):
        """**Arguments:**

        - `signature`: of the images it takes and gives.
        """
        self.representation = Representation(group, signature)

    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        check_image(image, self.representation, "NearestUp")
        copies = jnp.tile(image.array, FACTOR**image.num_spatial_dims)
        return image.with_array(scatter_blocks(copies, image.features))


class BlurPool(AbstractTypeKeepingLayer):
    """Halves the grid after a smoothing that keeps short waves from aliasing.

    Weights (1, 3, 3, 1)/8 along each axis of even side, around the middle of two fine
    cells; along one of odd side, 2m + 1 cells, (1, 2, 1)/4 around cells 0, 2, … 2m, so
    that both ends stay (Zhang 2019, placed symmetrically).

    **Exactly equivariant** under `group` on every grid, and under translations by 2
    cells along periodic axes of even side.
    """

    representation: Representation = eqx.field(static=True)
    faces: Faces = eqx.field(static=True)

    def __init__(
        self,
        group: Group,
        signature: "Signature | str",
        boundary: Boundaries = Boundary.PERIODIC,
    ):
        """**Arguments:**

        - `signature`: of the images it takes and gives.
        - `boundary`: as in `Conv`; one that keeps all of `group`.
        """
        self.representation = Representation(group, signature)
        self.faces = _kept_faces(boundary, self.representation)

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """Two cells along periodic axes of even side; 0 along others."""
        check_dimension(grid, self.group)
        return tuple(
            FACTOR if face[0] is Boundary.PERIODIC and side % FACTOR == 0 else 0
            for side, face in zip(grid, self.faces, strict=True)
        )

    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        check_image(image, self.representation, "BlurPool")
        array = image.array
        for axis in range(image.num_spatial_dims):
            weights = _EVEN if array.shape[axis] % 2 == 0 else _ODD
            padding = [(0, 0)] * image.num_spatial_dims
            padding[axis] = (1, 1)
            count = -(-array.shape[axis] // 2)
            padded = extend(array, self.representation, self.faces, padding)
            terms = [
                weight
                * jax.lax.slice_in_dim(
                    padded, start, start + 2 * count - 1, 2, axis=axis
                )
                for start, weight in enumerate(weights)
            ]
            # In pairs from outside in: mirror images are then the same to the bit.
            outer = terms[0] + terms[-1]
            array = outer + (terms[1] + terms[2] if len(terms) == 4 else terms[1])
        return image.with_array(array)


_EVEN = (0.125, 0.375, 0.375, 0.125)
_ODD = (0.25, 0.5, 0.25)


class MultilinearUp(AbstractTypeKeepingLayer):
    """Doubles the grid by interpolation between the centres of cells.

    A fine cell lies a quarter of a coarse cell off the centre: it takes 3/4 of its own
    coarse cell and 1/4 of the next one, along each axis. Interpolation that aligns
    corners would prefer one side. But for a factor it is the transpose of `BlurPool`,
    and leaves no checkerboard.

    **Exactly equivariant** under `group` on every grid, and under translations by a
    coarse cell along periodic axes.
    """

    representation: Representation = eqx.field(static=True)
    faces: Faces = eqx.field(static=True)

    def __init__(
        self,
        group: Group,
        signature: "Signature | str",
        boundary: Boundaries = Boundary.PERIODIC,
    ):
        """**Arguments:**

        - `signature`: of the images it takes and gives.
        - `boundary`: as in `Conv`; one that keeps all of `group`.
        """
        self.representation = Representation(group, signature)
        self.faces = _kept_faces(boundary, self.representation)

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """One cell along periodic axes; 0 along others."""
        check_dimension(grid, self.group)
        return periodic_steps(self.faces, 1)

    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` differs."""
        check_image(image, self.representation, "MultilinearUp")
        array = image.array
        for axis in range(image.num_spatial_dims):
            padding = [(0, 0)] * image.num_spatial_dims
            padding[axis] = (1, 1)
            padded = extend(array, self.representation, self.faces, padding)
            array = _interpolated(array, padded, axis)
        return image.with_array(array)


def _kept_faces(boundary: Boundaries, fields: Representation) -> Faces:
    faces = as_faces(boundary, fields.num_spatial_dims)
    agreed_group(fields.group, faces, None)
    return faces


def _blocks(array: Array) -> Array:
    """`(*grid / 2, 2^d, features)`."""
    blocks = gather_blocks(array)
    return blocks.reshape(*blocks.shape[:-1], -1, array.shape[-1])


def _interpolated(array: Array, padded: Array, axis: int) -> Array:
    n = array.shape[axis]
    before = jax.lax.slice_in_dim(padded, 0, n, axis=axis)
    after = jax.lax.slice_in_dim(padded, 2, n + 2, axis=axis)
    halves = jnp.stack(
        [0.75 * array + 0.25 * before, 0.75 * array + 0.25 * after], axis=axis + 1
    )
    shape = list(array.shape)
    shape[axis] = 2 * n
    return halves.reshape(shape)
