"""The kernels of a fused convolution, in Pallas for Triton.

Nothing here is imported before such a convolution runs: Pallas takes its time.

A program has a rectangle of cells. Of each slab of the source it reads the neighbours,
from the cache but for the first time, forms their sums and differences in registers,
and multiplies each with its block of numbers. On a CPU the same is interpreted. JAX
warns since 0.11 that it will give up Triton for Mosaic: this file is what that changes.
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

from ._fused_plan import Block, FusedPlan, Tiling, together
from ._fused_tiles import (
    Field,
    Lanes,
    Tile,
    quotient,
    rest,
    source_lanes,
    source_runs,
    target_lanes,
    target_runs,
)
from ._reflection_signs import Signs


def convolve(
    array: Array, numbers: Array, plan: FusedPlan, tiling: Tiling, precision: Any
) -> Array:
    """`(kernels, samples, *grid, source)` and `(kernels, numbers)` to
    `(kernels, samples, *grid, target)`.
    """
    kernels, samples, *grid, features = array.shape
    field = Field((grid[0], grid[1]), tiling.cells)
    cells = math.prod(array.shape[:-1])
    work = _Work(plan, field, tiling, precision, samples)
    result = _kernel(
        functools.partial(_convolve, work=work),
        "convolve",
        (kernels * samples * field.tiles, target_runs(plan, tiling)),
        jax.ShapeDtypeStruct((cells, plan.features[1]), array.dtype),
        tiling,
    )(array.reshape(cells, features), numbers)
    return result.reshape(*array.shape[:-1], -1)


def correlate(
    array: Array,
    cotangent: Array,
    plan: FusedPlan,
    tiling: Tiling,
    programs: int,
    precision: Any,
) -> Array:
    """The transpose of `convolve` for its numbers: `(kernels, numbers)`.

    Every part of the cells has sums of its own, which are added up afterwards: as many
    parts as make `programs` in all.
    """
    kernels, samples, *grid, features = array.shape
    field = Field((grid[0], grid[1]), tiling.cells)
    cells = math.prod(array.shape[:-1])
    runs = sum(source_runs(slab, tiling) for slab in plan.sources)
    columns = target_runs(plan, tiling)
    parts = max(1, programs // (runs * columns * kernels))
    parts = min(parts, samples * field.tiles)
    work = _Work(plan, field, tiling, precision, samples, parts)
    sums = _kernel(
        functools.partial(_correlate, work=work),
        "correlate",
        (runs, columns, kernels * parts),
        jax.ShapeDtypeStruct((kernels * parts, plan.numbers), _summed(array.dtype)),
        tiling,
    )(array.reshape(cells, features), cotangent.reshape(cells, -1))
    total = sums.reshape(kernels, parts, plan.numbers).sum(axis=1)
    return total.astype(array.dtype)


def _kernel(
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


class _Work(NamedTuple):
    """What is static in a kernel."""

    plan: FusedPlan
    field: Field
    tiling: Tiling
    precision: Any
    samples: int
    """That share numbers."""
    parts: int = 1
    """Into which their cells are dealt."""

    def combined(
        self, array: Any, tile: Tile, offset: tuple[int, ...], lanes: Lanes
    ) -> dict[tuple[int, Signs], Array]:
        """All sums and differences of the cells at ± an offset, by slab and signs."""

        def read(at: tuple[int, ...]) -> list[Array]:
            slabs = _read(array, self.field.cells(tile, at), lanes)
            return [slab.astype(_summed(array.dtype)) for slab in slabs]

        def along(axis: int, at: tuple[int, ...]) -> dict[Signs, list[Array]]:
            if axis == len(offset):
                return {(): read(at)}
            n = self.plan.step * offset[axis]
            if not n:
                inner = along(axis + 1, (*at, 0))
                return {(0, *signs): arrays for signs, arrays in inner.items()}
            high, low = along(axis + 1, (*at, n)), along(axis + 1, (*at, -n))
            return {
                (sign, *signs): list(map(combine, high[signs], low[signs]))
                for sign, combine in enumerate((jax.lax.add, jax.lax.sub))
                for signs in high
            }

        return {
            (slab, signs): sums.astype(array.dtype)
            for signs, found in along(0, ()).items()
            for slab, sums in zip(lanes.slabs, found, strict=True)
        }

    def product(self, a: Array, b: Array, axes: tuple[int, int]) -> Array:
        """Of two matrices, summed over an axis of each."""
        return jax.lax.dot_general(
            a,
            b,
            (((axes[0],), (axes[1],)), ((), ())),
            precision=self.precision,
            preferred_element_type=_summed(a.dtype),
        )


def _convolve(array: Any, numbers: Any, result: Any, *, work: _Work) -> None:
    """One rectangle of cells, one run of the channels of every target slab."""
    plan, field, tiling = work.plan, work.field, work.tiling
    tile = field.tile(pl.program_id(0))
    kernel = quotient(tile.sample, work.samples)
    groups = target_lanes(plan, tiling, pl.program_id(1))
    targets = {slab: lanes for lanes in groups for slab in lanes.slabs}

    def add(group: tuple[int, ...], run: Any, sums: dict[int, Array]) -> Any:
        lanes, found = source_lanes(plan, tiling, group, run), dict(sums)
        for offset, blocks in plan.by_offset(group).items():
            combined = work.combined(array, tile, offset, lanes)
            for block in blocks:
                outs = targets[block.target]
                matrix = _load(
                    numbers,
                    (kernel, _entries(block, lanes, outs)),
                    _both(lanes.are_there, outs.are_there),
                )
                features = combined[block.source, block.combination.signs]
                term = work.product(features, matrix, (1, 0))
                found[block.target] = found[block.target] + term
        return found

    dtype = _summed(array.dtype)
    sums = {
        slab: jnp.zeros((field.size, lanes.width), dtype)
        for slab, lanes in targets.items()
    }
    for group in together(plan.sources):
        runs = source_runs(plan.sources[group[0]], tiling)
        sums = _loop(runs, functools.partial(add, group), sums)
    counts, here = field.are_inside(tile), tile.here
    if counts is not None:
        # Cells beyond the grid are some of its own, and an interpreter writes what it
        # finds wherever the mask is off.
        here = jnp.where(counts, here, result.shape[0])
    for lanes in groups:
        total = _joined([sums[slab].astype(result.dtype) for slab in lanes.slabs])
        where = here[:, None], lanes.features[None, :]
        _store(result, where, total, _both(counts, lanes.are_read))


def _correlate(array: Any, cotangent: Any, result: Any, *, work: _Work) -> None:
    """A part of the cells, one run of the channels of one slab, and of every target."""
    run, column, row = map(pl.program_id, range(3))
    for n, slab in enumerate(work.plan.sources):
        count = source_runs(slab, work.tiling)
        is_mine = (run >= 0) & (run < count)
        place = run, column, row
        body = functools.partial(_correlate_slab, array, cotangent, result, n, place)
        pl.when(is_mine)(functools.partial(body, work))
        run = run - count


def _correlate_slab(
    array: Any,
    cotangent: Any,
    result: Any,
    source: int,
    place: tuple[Array, ...],
    work: _Work,
) -> None:
    """Of one slab, by the program whose runs and row are `place`."""
    plan, field, parts = work.plan, work.field, work.parts
    run, column, row = place
    lanes = source_lanes(plan, work.tiling, (source,), run)
    groups = target_lanes(plan, work.tiling, column)
    targets = {slab: group for group in groups for slab in group.slabs}
    by_offset = plan.by_offset((source,))
    blocks = [block for group in by_offset.values() for block in group]
    kernel, part = quotient(row, parts), rest(row, parts)
    tiles = work.samples * field.tiles
    each = math.ceil(tiles / parts)

    def add(n: Any, sums: tuple[Array, ...]) -> tuple[Array, ...]:
        # Beyond the last tile of a kernel the last is read again, and does not count.
        number = part * each + n
        tile = field.tile(kernel * tiles + jnp.minimum(number, tiles - 1))
        counts = field.are_inside(tile)
        if tiles % parts:
            is_there = jnp.broadcast_to(number < tiles, tile.here.shape)
            counts = is_there if counts is None else counts & is_there
        given = {
            slab: array
            for group in groups
            for slab, array in zip(
                group.slabs, _read(cotangent, tile.here, group, counts), strict=True
            )
        }
        terms = []
        for offset, group in by_offset.items():
            combined = work.combined(array, tile, offset, lanes)
            for block in group:
                features = combined[source, block.combination.signs]
                terms.append(work.product(features, given[block.target], (0, 0)))
        return tuple(a + b for a, b in zip(sums, terms, strict=True))

    dtype = _summed(array.dtype)
    zeros = tuple(
        jnp.zeros((lanes.width, targets[b.target].width), dtype) for b in blocks
    )
    for block, total in zip(blocks, _loop(each, add, zeros), strict=True):
        outs = targets[block.target]
        mask = _both(lanes.are_there, outs.are_there)
        _store(result, (row, _entries(block, lanes, outs)), total, mask)


# Memory.


def _entries(block: Block, lanes: Lanes, outs: Lanes) -> Array:
    """Where the numbers of a block stand that join some channels."""
    rows = block.first + block.source_stride * lanes.channels
    return rows[:, None] + block.target_stride * outs.channels[None, :]


def _read(
    array: Any, cells: Array, lanes: Lanes, counts: Array | None = None
) -> list[Array]:
    """Slabs of a field in some cells, zeros in those that do not count."""
    where = cells[:, None], lanes.features[None, :]
    return _apart(_load(array, where, _both(counts, lanes.are_read)), len(lanes.slabs))


def _apart(array: Array, count: int) -> list[Array]:
    """Each of so many components that lie side by side."""
    if count == 1:
        return [array]
    cells, features = array.shape
    tensors = array.reshape(cells, features // count, count)
    parts = jax.lax.split(tensors, (1,) * count, axis=2)
    return [part.reshape(cells, features // count) for part in parts]


def _joined(components: list[Array]) -> Array:
    """The inverse of `_apart`; pair by pair, which is what Triton can do."""

    def pairs(arrays: list[Array]) -> Array:
        if len(arrays) == 1:
            return arrays[0]
        halves = [jnp.expand_dims(pairs(arrays[n::2]), -1) for n in (0, 1)]
        return jnp.concatenate(halves, axis=-1)

    return pairs(components).reshape(components[0].shape[0], -1)


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


def _loop(count: int, body: Callable[..., Any], start: Any) -> Any:
    """`body(n, state)` for each n."""
    if count == 1:
        return body(0, start)
    return jax.lax.fori_loop(0, count, body, start)
