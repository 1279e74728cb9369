"""What every layer says of itself: on which grids it commutes, and with what.

The public contract for who writes a layer or a network: see `docs/own_layers.md`.
"""

import abc
import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp

from .._arguments import check_grid, checked
from .._group import Group, check_group
from .._image import GeometricImage
from .._representation import Representation
from .._signature import Signature, check_signature
from ._placement import FACTOR


class AbstractLayer(eqx.Module):
    """A layer that knows with which rotations, reflections and shifts it commutes.

    A layer of your own has a `group`, implements `translation_steps`, and begins its
    `__call__` with `check_image`.

    **Raises:** `TypeError` if `group` is no `Group`.
    """

    # A `Group`, as a field or as a property: type checkers know no word for either.
    group: eqx.AbstractVar[Any]

    def __check_init__(self):
        check_group(self.group)

    def __hash__(self) -> int:
        try:
            return super().__hash__()
        except TypeError as error:
            name = type(self).__name__
            raise TypeError(
                f"{name} holds arrays and has no hash, which `jax.jit` and the like "
                f"ask of what they are given. Use `equinox.filter_jit(model)`, or "
                "`jax.jit(lambda image: model(image))`."
            ) from error

    @abc.abstractmethod
    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """The shift along each axis of `grid` with which the layer commutes; 0 if with
        none.

        In cells of the input; all multiples commute too.

        **Raises:** `ValueError` if the layer refuses the grid, with the mend.
        """

    def equivariant_under(self, grid: tuple[int, ...]) -> Group:
        """The elements of the group that the layer commutes with on this `grid`.

        Elements that exchange sides of different length are among them: the layer then
        commutes as a map between images of both grids.

        **Raises:** `ValueError` if the layer refuses the grid, with the mend.
        """
        self.translation_steps(grid)
        return self.group


class AbstractEveryGridLayer(AbstractLayer):
    """A layer that takes every grid and commutes with all translations of the torus."""

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """One cell along each axis.

        **Raises:** `ValueError` if the grid has another dimension than the group.
        """
        check_dimension(grid, self.group)
        return (1,) * len(grid)


class AbstractHalvingLayer(AbstractLayer):
    """A layer that halves grids of even sides."""

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """Two cells along each axis: one of the coarse grid.

        **Raises:** `ValueError` if a side is odd, with the mend.
        """
        check_dimension(grid, self.group)
        check_divides(grid, FACTOR, type(self).__name__)
        return (FACTOR,) * len(grid)


class AbstractTypeKeepingLayer(AbstractLayer):
    """A layer that gives the fields that it takes, described by a `Representation`."""

    representation: eqx.AbstractVar[Representation]

    @property
    def group(self) -> Group:
        """The group that the layer commutes with."""
        return self.representation.group

    @property
    def signature(self) -> Signature:
        """What the layer takes and gives."""
        return self.representation.signature


@checked
def check_image(image: GeometricImage, fields: Representation, where: str) -> None:
    """Refuses what a layer can't take, before anything is compiled.

    **Arguments:**

    - `image`: what the layer is given.
    - `fields`: the group and the signature of what the layer takes.
    - `where`: the layer's name, for the message.

    **Raises:** `ValueError` unless the image fits: dimension, signature and no batch
    axis; `TypeError` if it is no image, or not of floating-point numbers.
    """
    if not isinstance(image, GeometricImage):
        raise TypeError(
            f"{where}: `image` must be a GeometricImage, got {type(image).__name__}. "
            f"Wrap the array: `GeometricImage('{fields.signature}', array)`."
        )
    d = fields.num_spatial_dims
    check_signature(image.signature, fields.signature, "image", where)
    if image.num_spatial_dims != d:
        raise ValueError(
            f"{where}: `image` has {image.num_spatial_dims} spatial dimensions, the "
            f"layer's {fields.group} acts in {d}. (A batch of scalars alone does not "
            "show its dimension: `GeometricImage(signature, array, "
            f"num_spatial_dims={d})`.)"
        )
    if image.array.ndim != d + 1:
        raise ValueError(
            f"{where}: `image` has shape {image.array.shape}, expected (*grid, "
            f"features) with {d + 1} axes. For a batch use `jax.vmap(layer)(images)`."
        )
    if not jnp.issubdtype(image.dtype, jnp.floating):
        raise TypeError(
            f"{where}: `image` must hold floating-point numbers, got {image.dtype}: "
            "weights would be rounded to that. Use `image.astype(jax.numpy.float32)`; "
            "a complex field is two real ones."
        )
    if 0 in image.grid:
        raise ValueError(
            f"{where}: `image` has no cells, its grid is {image.grid}. Give every side "
            "at least 1."
        )


@checked
def check_dimension(grid: tuple[int, ...], group: Group) -> None:
    """Refuses a `grid` of another dimension than `group`.

    **Raises:** `ValueError` unless the grid has as many sides as the group axes;
    `TypeError` if it is no tuple of whole numbers.
    """
    check_grid("grid", grid, group.num_spatial_dims)
    if len(grid) != group.num_spatial_dims:
        raise ValueError(
            f"`grid` must have {group.num_spatial_dims} sides, got {grid}."
        )


@checked
def check_divides(grid: tuple[int, ...], factor: int, where: str) -> None:
    """Refuses a `grid` that a layer, called `where`, can't make coarser by `factor`.

    **Raises:** `ValueError` unless `factor` divides every side of the grid.
    """
    if any(n % factor for n in grid):
        fitting = tuple(factor * max(1, round(n / factor)) for n in grid)
        raise ValueError(
            f"{where}: the sides of the grid {grid} must be multiples of {factor}, "
            "else the coarse cells can't lie symmetrically and reflections would not "
            f"commute. Use a grid such as {fitting}."
        )


@checked
def common_steps(grid: tuple[int, ...], *layers: AbstractLayer) -> tuple[int, ...]:
    """The `translation_steps` of `layers` that work on one `grid`, one after the other.

    Along each axis the smallest shift that is a multiple of each layer's; 0 if one of
    them commutes with none.

    **Raises:** `ValueError` if a layer refuses the grid, with the mend.
    """
    steps = [layer.translation_steps(grid) for layer in layers]
    return tuple(math.lcm(*along) for along in zip(*steps, strict=True))
