"""What every layer says of itself: on which grids it commutes, and with what."""

import abc

import equinox as eqx

from .._group import Group, check_group


class AbstractLayer(eqx.Module):
    """A layer that knows with which rotations, reflections and shifts it commutes."""

    group: eqx.AbstractVar[Group]

    def __check_init__(self):
        check_group(self.group)

    @abc.abstractmethod
    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """The shift along each axis with which the layer commutes; 0 if with none.

        In cells of the input; all multiples commute too.

        **Raises:** `ValueError` if the layer refuses the grid, with the mend.
        """

    def equivariant_under(self, grid: tuple[int, ...]) -> Group:
        """The elements of the group that the layer commutes with on this grid.

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


FACTOR = 2
"""Fine cells along each axis that a coarse cell stands for, where grids are halved."""


def check_dimension(grid: tuple[int, ...], group: Group) -> None:
    """**Raises:** `ValueError` unless the grid has as many sides as the group axes."""
    if len(grid) != group.num_spatial_dims:
        raise ValueError(
            f"`grid` must have {group.num_spatial_dims} sides, got {grid}."
        )


def check_divides(grid: tuple[int, ...], factor: int, where: str) -> None:
    """**Raises:** `ValueError` unless `factor` divides every side of the grid."""
    if any(n % factor for n in grid):
        fitting = tuple(factor * max(1, round(n / factor)) for n in grid)
        raise ValueError(
            f"{where}: the sides of the grid {grid} must be multiples of {factor}, "
            "else the coarse cells can't lie symmetrically and reflections would not "
            f"commute. Use a grid such as {fitting}."
        )
