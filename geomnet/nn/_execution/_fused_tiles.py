"""Rectangles of cells and runs of channels: what one program of a fused kernel has.

Everything static is a Python number, everything else counts programs.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ._fused_plan import FusedPlan, Slab, Tiling, at_once, together


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
    """Some channels of slabs that are read or written at once."""

    slabs: tuple[int, ...]
    width: int
    channels: Array
    are_there: Array | None
    """Which channels the slabs have; `None` if all, also those of other programs."""
    features: Array
    """Where they lie on the last axis of the field: of each channel all slabs."""
    are_read: Array | None
    """Which features there are."""


def _lanes(
    slabs: Sequence[Slab], group: tuple[int, ...], width: int, count: int, number: Any
) -> Lanes:
    """Those of the number `number` of `count` runs."""
    slab, components = slabs[group[0]], len(group)
    begin, lane = number * width, jax.lax.iota(jnp.int32, components * width)
    channels = begin + jax.lax.iota(jnp.int32, width)
    are_there = are_read = None
    if slab.channels < count * width:
        are_there = channels < slab.channels
        are_read = begin + quotient(lane, components) < slab.channels
    stride = 1 if components > 1 else slab.stride
    features = slab.first + slab.stride * begin + stride * lane
    return Lanes(group, width, channels, are_there, features, are_read)


def source_runs(slab: Slab, tiling: Tiling) -> int:
    """Into how many the channels of a slab are cut."""
    most = tiling.source_channels
    return math.ceil(slab.channels / at_once(slab.channels, most))


def source_lanes(
    plan: FusedPlan, tiling: Tiling, group: tuple[int, ...], number: Any
) -> Lanes:
    """One run of the channels of slabs of the source."""
    slab = plan.sources[group[0]]
    width = at_once(slab.channels, tiling.source_channels)
    return _lanes(plan.sources, group, width, source_runs(slab, tiling), number)


def target_runs(plan: FusedPlan, tiling: Tiling) -> int:
    """The same number for each slab, so that a program has all of them."""
    return max(math.ceil(s.channels / tiling.target_channels) for s in plan.targets)


def target_lanes(plan: FusedPlan, tiling: Tiling, number: Any) -> list[Lanes]:
    """One run of all slabs of the target, by what is read or written at once."""
    count, most, found = target_runs(plan, tiling), tiling.target_channels, []
    for group in together(plan.targets):
        width = at_once(math.ceil(plan.targets[group[0]].channels / count), most)
        found.append(_lanes(plan.targets, group, width, count, number))
    return found


def quotient(number: Any, divisor: int) -> Array:
    """Rounded down, of what is not negative."""
    return jax.lax.div(number, jax.lax.full_like(number, divisor))


def rest(number: Any, divisor: int) -> Array:
    """What `quotient` leaves."""
    return jax.lax.rem(number, jax.lax.full_like(number, divisor))
