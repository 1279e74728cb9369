"""Rectangles of cells and runs of channels: what one program of a fused kernel has.

Everything static is a Python number, everything else counts programs.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ._fused_plan import FusedPlan, Slab, Tiling, at_once


class Tile(NamedTuple):
    """The cells of one program."""

    sample: Array
    row: Array
    column: Array
    here: Array
    """Counted over all samples."""


class Field(NamedTuple):
    """A torus that is cut into rectangles, the last ones of which may reach beyond."""

    grid: tuple[int, int]
    rectangle: tuple[int, int]

    @property
    def size(self) -> int:
        """How many cells a rectangle has."""
        return math.prod(self.rectangle)

    @property
    def tiles(self) -> int:
        """How many rectangles a sample has."""
        pairs = zip(self.grid, self.rectangle, strict=True)
        return math.prod(math.ceil(side / cells) for side, cells in pairs)

    def tile(self, number: Array) -> Tile:
        """One of those of all samples."""
        across = math.ceil(self.grid[1] / self.rectangle[1])
        sample, inside = quotient(number, self.tiles), rest(number, self.tiles)
        cell = jax.lax.iota(jnp.int32, self.size)
        down, width = self.rectangle
        row = quotient(inside, across) * down + quotient(cell, width)
        column = rest(inside, across) * width + rest(cell, width)
        tile = Tile(sample, row, column, row)
        return tile._replace(here=self.cells(tile, (0, 0)))

    def are_inside(self, tile: Tile) -> Array | None:
        """Which cells of a tile lie on the grid; `None` if all of any tile."""
        inside = [
            at < side if side % cells else None
            for at, side, cells in zip(
                (tile.row, tile.column), self.grid, self.rectangle, strict=True
            )
        ]
        found = [mask for mask in inside if mask is not None]
        return functools.reduce(jnp.logical_and, found) if found else None

    def cells(self, tile: Tile, offset: tuple[int, ...]) -> Array:
        """Those at an offset, round the torus: also of cells beyond the grid."""
        row, column = (
            rest(at + (side * math.ceil(abs(n) / side) + n), side)
            for at, n, side in zip(
                (tile.row, tile.column), offset, self.grid, strict=True
            )
        )
        return (tile.sample * self.grid[0] + row) * self.grid[1] + column


class Lanes(NamedTuple):
    """Channels of one slab that are multiplied at once."""

    width: int
    channels: Array
    features: Array
    """Where they lie on the last axis of the field."""
    are_there: Array | None
    """Which of them the slab has; `None` if it has all, also of other programs."""


def _lanes(slab: Slab, width: int, count: int, number: Any) -> Lanes:
    """Those of the number `number` of `count` runs."""
    channels = number * width + jax.lax.iota(jnp.int32, width)
    features = slab.first + slab.stride * channels
    are_there = channels < slab.channels if slab.channels < count * width else None
    return Lanes(width, channels, features, are_there)


def source_runs(slab: Slab, tiling: Tiling) -> int:
    """Into how many the channels of a slab are cut."""
    most = tiling.source_channels
    return math.ceil(slab.channels / at_once(slab.channels, most))


def source_lanes(slab: Slab, tiling: Tiling, number: Any) -> Lanes:
    """One run of the channels of a slab."""
    width = at_once(slab.channels, tiling.source_channels)
    return _lanes(slab, width, source_runs(slab, tiling), number)


def target_runs(plan: FusedPlan, tiling: Tiling) -> int:
    """The same number for each slab, so that a program has all of them."""
    return max(math.ceil(s.channels / tiling.target_channels) for s in plan.targets)


def target_lanes(plan: FusedPlan, tiling: Tiling, number: Any) -> list[Lanes]:
    """One run of each slab of the target."""
    count, most = target_runs(plan, tiling), tiling.target_channels
    widths = [at_once(math.ceil(slab.channels / count), most) for slab in plan.targets]
    return [
        _lanes(slab, width, count, number)
        for slab, width in zip(plan.targets, widths, strict=True)
    ]


def quotient(number: Any, divisor: int) -> Array:
    """Rounded down, of what is not negative."""
    return jax.lax.div(number, jax.lax.full_like(number, divisor))


def rest(number: Any, divisor: int) -> Array:
    """What `quotient` leaves."""
    return jax.lax.rem(number, jax.lax.full_like(number, divisor))
