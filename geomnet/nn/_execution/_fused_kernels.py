"""The kernels of a fused convolution, in Pallas for Triton.

Nothing here is imported before such a convolution runs: Pallas takes its time.

A program has a rectangle of cells. For each slab of the source it reads the neighbours,
from the cache but for the first time, forms their sums and differences in registers,
and multiplies each with its block of numbers. On a CPU the same is interpreted.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton
from jaxtyping import Array

from ._fused_plan import Block, FusedPlan, Slab, Tiling, at_once
from ._reflection_signs import Signs


def convolve(
    array: Array, numbers: Array, plan: FusedPlan, tiling: Tiling, precision: Any
) -> Array:
    """`(kernels, samples, *grid, source)` and `(kernels, numbers)` to
    `(kernels, samples, *grid, target)`.
    """
    kernels, samples, *grid, features = array.shape
    field = _Field((grid[0], grid[1]), tiling.cells)
    cells = math.prod(array.shape[:-1])
    body = functools.partial(
        _convolve,
        plan=plan,
        field=field,
        tiling=tiling,
        samples=samples,
        precision=precision,
    )
    result = _run(
        body,
        "convolve",
        (kernels * samples * field.tiles, _target_chunks(plan, tiling)),
        jax.ShapeDtypeStruct((cells, plan.features[1]), array.dtype),
        tiling,
    )(array.reshape(cells, features), numbers)
    return result.reshape(*array.shape[:-1], -1)


def correlate(
    array: Array,
    cotangent: Array,
    plan: FusedPlan,
    tiling: Tiling,
    parts: int,
    precision: Any,
) -> Array:
    """The transpose of `convolve` for its numbers: `(kernels, numbers)`.

    Every part of the cells has sums of its own, which are added up afterwards.
    """
    kernels, samples, *grid, features = array.shape
    field = _Field((grid[0], grid[1]), tiling.cells)
    cells = math.prod(array.shape[:-1])
    parts = min(parts, samples * field.tiles)
    body = functools.partial(
        _correlate,
        plan=plan,
        field=field,
        tiling=tiling,
        tiles=samples * field.tiles,
        parts=parts,
        precision=precision,
    )
    chunks = sum(_source_chunks(slab, tiling) for slab in plan.sources)
    sums = _run(
        body,
        "correlate",
        (chunks, _target_chunks(plan, tiling), kernels * parts),
        jax.ShapeDtypeStruct((kernels * parts, plan.numbers), _summed(array.dtype)),
        tiling,
    )(array.reshape(cells, features), cotangent.reshape(cells, -1))
    total = sums.reshape(kernels, parts, plan.numbers).sum(axis=1)
    return total.astype(array.dtype)


def _run(
    body: Callable[..., None],
    name: str,
    programs: tuple[int, ...],
    result: Any,
    tiling: Tiling,
) -> Callable[..., Any]:
    """A kernel for the device that it is lowered for, interpreted on a CPU."""
    parameters = triton.CompilerParams(num_warps=tiling.warps, num_stages=tiling.stages)

    def on(is_cpu: bool) -> Callable[..., Array]:
        return pl.pallas_call(
            body,
            out_shape=result,
            grid=programs,
            compiler_params=parameters,
            interpret=is_cpu,
            name=f"geomnet_{name}",
        )

    return functools.partial(
        jax.lax.platform_dependent, cpu=on(True), default=on(False)
    )


# Kernels.


def _convolve(
    array: Any,
    numbers: Any,
    result: Any,
    *,
    plan: FusedPlan,
    field: "_Field",
    tiling: Tiling,
    samples: int,
    precision: Any,
) -> None:
    """One rectangle of cells, one block of the channels of every target slab."""
    tile = field.tile(pl.program_id(0))
    kernel = _quotient(tile.sample, samples)
    targets = _targets(plan, tiling, pl.program_id(1))
    dtype = _summed(array.dtype)

    def add(source: int, chunk: Any, sums: tuple[Array, ...]) -> tuple[Array, ...]:
        lanes, found = _source(plan.sources[source], tiling, chunk), list(sums)

        def read(offset: tuple[int, ...]) -> Array:
            return _read(array, field.cells(tile, offset), lanes).astype(dtype)

        for offset, blocks in plan.by_offset(source).items():
            combined = _combined(read, offset, plan.step)
            for block in blocks:
                outs = targets[block.target]
                matrix = _load(
                    numbers,
                    (kernel, _entries(block, lanes, outs)),
                    _both(lanes.are_there, outs.are_there),
                )
                features = combined[block.combination.signs].astype(array.dtype)
                term = _product(features, matrix, (1, 0), dtype, precision)
                found[block.target] = found[block.target] + term
        return tuple(found)

    sums = tuple(jnp.zeros((field.size, lanes.width), dtype) for lanes in targets)
    for n, slab in enumerate(plan.sources):
        step = functools.partial(add, n)
        sums = _loop(_source_chunks(slab, tiling), step, sums)
    counts, here = field.are_inside(tile), tile.here
    if counts is not None:
        # Cells beyond the grid are some of its own, and an interpreter writes what it
        # finds wherever the mask is off.
        here = jnp.where(counts, here, result.shape[0])
    for lanes, total in zip(targets, sums, strict=True):
        where = here[:, None], lanes.features[None, :]
        mask = _both(counts, lanes.are_there)
        _store(result, where, total.astype(result.dtype), mask)


def _correlate(
    array: Any,
    cotangent: Any,
    result: Any,
    *,
    plan: FusedPlan,
    field: "_Field",
    tiling: Tiling,
    tiles: int,
    parts: int,
    precision: Any,
) -> None:
    """A part of the cells, some channels of one source slab, those of every target."""
    targets = _targets(plan, tiling, pl.program_id(1))
    row, dtype = pl.program_id(2), _summed(array.dtype)
    kernel, part = _quotient(row, parts), _rest(row, parts)
    each = math.ceil(tiles / parts)

    def of_slab(source: int, chunk: Array) -> None:
        lanes = _source(plan.sources[source], tiling, chunk)
        by_offset = plan.by_offset(source)
        blocks = [block for group in by_offset.values() for block in group]

        def add(n: Any, sums: tuple[Array, ...]) -> tuple[Array, ...]:
            # Beyond the last tile of a kernel the last is read again, for nothing.
            number = part * each + n
            tile = field.tile(kernel * tiles + jnp.minimum(number, tiles - 1))
            counts = field.are_inside(tile)
            if tiles % parts:
                counts = jnp.broadcast_to(number < tiles, tile.here.shape) & (
                    True if counts is None else counts
                )
            given = {
                b: _read(cotangent, tile.here, targets[b], counts)
                for b in dict.fromkeys(block.target for block in blocks)
            }

            def read(offset: tuple[int, ...]) -> Array:
                return _read(array, field.cells(tile, offset), lanes).astype(dtype)

            terms = []
            for offset, group in by_offset.items():
                combined = _combined(read, offset, plan.step)
                for block in group:
                    features = combined[block.combination.signs].astype(array.dtype)
                    pair = features, given[block.target]
                    terms.append(_product(*pair, (0, 0), dtype, precision))
            return tuple(a + b for a, b in zip(sums, terms, strict=True))

        zeros = tuple(
            jnp.zeros((lanes.width, targets[b.target].width), dtype) for b in blocks
        )
        for block, total in zip(blocks, _loop(each, add, zeros), strict=True):
            outs = targets[block.target]
            _store(
                result,
                (row, _entries(block, lanes, outs)),
                total,
                _both(lanes.are_there, outs.are_there),
            )

    chunk = pl.program_id(0)
    for n, slab in enumerate(plan.sources):
        count = _source_chunks(slab, tiling)
        is_mine = (chunk >= 0) & (chunk < count)
        pl.when(is_mine)(functools.partial(of_slab, n, chunk))
        chunk = chunk - count


# Cells.


class _Tile(NamedTuple):
    """The cells of one program."""

    sample: Array
    row: Array
    column: Array
    here: Array
    """Counted over all samples."""


class _Field(NamedTuple):
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

    def tile(self, number: Array) -> _Tile:
        """One of those of all samples."""
        across = math.ceil(self.grid[1] / self.rectangle[1])
        sample, rest = _quotient(number, self.tiles), _rest(number, self.tiles)
        cell = jax.lax.iota(jnp.int32, self.size)
        down, width = self.rectangle
        row = _quotient(rest, across) * down + _quotient(cell, width)
        column = _rest(rest, across) * width + _rest(cell, width)
        tile = _Tile(sample, row, column, row)
        return tile._replace(here=self.cells(tile, (0, 0)))

    def are_inside(self, tile: _Tile) -> Array | None:
        """Which cells of a tile lie on the grid; `None` if all of any tile."""
        inside = [
            at < side if side % cells else None
            for at, side, cells in zip(
                (tile.row, tile.column), self.grid, self.rectangle, strict=True
            )
        ]
        found = [mask for mask in inside if mask is not None]
        return functools.reduce(jnp.logical_and, found) if found else None

    def cells(self, tile: _Tile, offset: tuple[int, ...]) -> Array:
        """Those at an offset, round the torus: also of cells beyond the grid."""
        row, column = (
            _rest(at + (side * math.ceil(abs(n) / side) + n), side)
            for at, n, side in zip(
                (tile.row, tile.column), offset, self.grid, strict=True
            )
        )
        return (tile.sample * self.grid[0] + row) * self.grid[1] + column


def _combined(
    read: Callable[[tuple[int, ...]], Array], offset: tuple[int, ...], step: int
) -> dict[Signs, Array]:
    """All sums and differences of the cells at ± an offset, by signs."""

    def along(axis: int, at: tuple[int, ...]) -> dict[Signs, Array]:
        if axis == len(offset):
            return {(): read(at)}
        n = step * offset[axis]
        if not n:
            rest = along(axis + 1, (*at, 0))
            return {(0, *signs): array for signs, array in rest.items()}
        high, low = along(axis + 1, (*at, n)), along(axis + 1, (*at, -n))
        sums = {(0, *signs): high[signs] + low[signs] for signs in high}
        return sums | {(1, *signs): high[signs] - low[signs] for signs in high}

    return along(0, ())


# Channels.


class _Lanes(NamedTuple):
    """Channels of one slab that are multiplied at once."""

    width: int
    channels: Array
    features: Array
    """Where they lie on the last axis of the field."""
    are_there: Array | None
    """Which of them the slab has; `None` if it has all, also of other programs."""


def _lanes(slab: Slab, width: int, count: int, number: Any) -> _Lanes:
    """Those of the number `number` of `count` chunks."""
    channels = number * width + jax.lax.iota(jnp.int32, width)
    features = slab.first + slab.stride * channels
    are_there = channels < slab.channels if slab.channels < count * width else None
    return _Lanes(width, channels, features, are_there)


def _source_chunks(slab: Slab, tiling: Tiling) -> int:
    most = tiling.source_channels
    return math.ceil(slab.channels / at_once(slab.channels, most))


def _source(slab: Slab, tiling: Tiling, number: Any) -> _Lanes:
    width = at_once(slab.channels, tiling.source_channels)
    return _lanes(slab, width, _source_chunks(slab, tiling), number)


def _target_chunks(plan: FusedPlan, tiling: Tiling) -> int:
    """The same number for each slab, so that a program has all of them."""
    return max(math.ceil(s.channels / tiling.target_channels) for s in plan.targets)


def _targets(plan: FusedPlan, tiling: Tiling, number: Any) -> list[_Lanes]:
    count, most = _target_chunks(plan, tiling), tiling.target_channels
    widths = [at_once(math.ceil(slab.channels / count), most) for slab in plan.targets]
    return [
        _lanes(slab, width, count, number)
        for slab, width in zip(plan.targets, widths, strict=True)
    ]


# Memory and arithmetic.


def _entries(block: Block, lanes: _Lanes, outs: _Lanes) -> Array:
    """Where the numbers of a block stand that join some channels."""
    rows = block.first + block.source_stride * lanes.channels
    return rows[:, None] + block.target_stride * outs.channels[None, :]


def _read(array: Any, cells: Array, lanes: _Lanes, counts: Array | None = None) -> Any:
    """A field in some cells, zeros in those that do not count."""
    where = cells[:, None], lanes.features[None, :]
    return _load(array, where, _both(counts, lanes.are_there))


def _both(rows: Array | None, columns: Array | None) -> Array | None:
    """The mask of a matrix from those of its lines, where all are not."""
    if rows is None:
        return None if columns is None else columns[None, :]
    return rows[:, None] if columns is None else rows[:, None] & columns[None, :]


def _load(array: Any, where: tuple[Any, ...], mask: Array | None) -> Array:
    """The numbers where the mask says so, else zeros."""
    if mask is None:
        return triton.load(array.at[where])
    shape = jnp.broadcast_shapes(*(jnp.shape(index) for index in where))
    return triton.load(array.at[where], mask=jnp.broadcast_to(mask, shape), other=0)


def _store(
    array: Any, where: tuple[Any, ...], numbers: Array, mask: Array | None
) -> None:
    if mask is not None:
        mask = jnp.broadcast_to(mask, numbers.shape)
    triton.store(array.at[where], numbers, mask=mask)


def _summed(dtype: Any) -> Any:
    """What numbers of a dtype are added up in."""
    return jnp.dtype(jnp.float32) if dtype.itemsize < 4 else dtype


def _product(
    a: Array, b: Array, axes: tuple[int, int], dtype: Any, precision: Any
) -> Array:
    contracted = ((axes[0],), (axes[1],))
    return jax.lax.dot_general(
        a,
        b,
        (contracted, ((), ())),
        precision=precision,
        preferred_element_type=dtype,
    )


def _quotient(number: Any, divisor: int) -> Array:
    """Rounded down, of what is not negative."""
    return jax.lax.div(number, jax.lax.full_like(number, divisor))


def _rest(number: Any, divisor: int) -> Array:
    return jax.lax.rem(number, jax.lax.full_like(number, divisor))


def _loop(count: int, body: Callable[..., Any], start: Any) -> Any:
    """`body(n, state)` for each n."""
    if count == 1:
        return body(0, start)
    return jax.lax.fori_loop(0, count, body, start)
