"""What is static in a fused convolution: slabs of channels, blocks of numbers, tiles.

No features are sorted: a kernel reads the channels of one component where they lie, as
a slab with a stride, and writes them so. The blocks are those of the reduced form with
all neighbours combined before the products, so that the results are added up in
registers and written once.
"""

import dataclasses
import functools
import itertools

from ..._representation import Representation
from ...filters._kernel_space import KernelSpace
from ._neighbours import Combination
from ._reduced import reduction
from ._reflection_signs import Signs, sign_order

FEWEST_CHANNELS = 16
"""That a product of a kernel has: with fewer the rest are zeros."""


@dataclasses.dataclass(frozen=True)
class Tiling:
    """How much one program of a kernel does at once: powers of two, 16 or more."""

    cells: tuple[int, int] = (8, 16)
    """A rectangle of the grid, of 16 cells or more in all."""
    source_channels: int = 16
    """Of one slab, in one product."""
    target_channels: int = 64
    """Of each slab of the results."""
    warps: int = 8
    """Of 32 threads each."""
    stages: int = 2
    """Of loads that are under way while products are computed."""


@dataclasses.dataclass(frozen=True)
class Tilings:
    """Those of the kernels of one convolution and its gradients."""

    field: Tiling = Tiling()
    """Of the convolution, and of the gradient with respect to the field."""
    weights: Tiling = Tiling((4, 8), 64, 32, stages=1)
    """Of the gradient with respect to the weights."""
    programs: int = 264
    """About so many work on that gradient. Where there are more than runs of channels,
    each has a part of the cells, and the sums of the parts are added up."""


@dataclasses.dataclass(frozen=True)
class Slab:
    """The channels of one component of one entry of a signature."""

    first: int
    """Where its first channel lies among the features."""
    stride: int
    """From one channel to the next."""
    channels: int
    signs: Signs
    entry: int
    """Of the signature."""


@dataclasses.dataclass(frozen=True)
class Block:
    """The numbers that lead from one combination of one slab to another slab."""

    source: int
    target: int
    combination: Combination
    first: int
    """Where the first of them stands among all."""
    source_stride: int
    """From a channel of the source to the next."""
    target_stride: int


@dataclasses.dataclass(frozen=True, eq=False)
class FusedPlan:
    """Everything static about one fused convolution, whatever the grid."""

    sources: tuple[Slab, ...]
    targets: tuple[Slab, ...]
    blocks: tuple[Block, ...]
    step: int
    """Cells from one tap to the next; negative where differences are turned round."""
    features: tuple[int, ...]
    """Of the source and of the target."""
    numbers: int
    """How many the blocks hold, with those that are always zero."""

    @functools.cached_property
    def exchanged(self) -> "FusedPlan":
        """The transpose: source and target exchanged, differences turned round."""
        blocks = tuple(
            Block(b.target, b.source, b.combination, b.first, *_strides(b)[::-1])
            for b in self.blocks
        )
        return FusedPlan(
            self.targets,
            self.sources,
            blocks,
            -self.step,
            self.features[::-1],
            self.numbers,
        )

    def by_offset(self, slabs: tuple[int, ...]) -> dict[tuple[int, ...], list[Block]]:
        """The blocks of some slabs, for each offset of the neighbours they need."""
        found: dict[tuple[int, ...], list[Block]] = {}
        for block in self.blocks:
            if block.source in slabs:
                found.setdefault(block.combination.offset, []).append(block)
        return found


def _strides(block: Block) -> tuple[int, int]:
    return block.source_stride, block.target_stride


@functools.lru_cache(maxsize=256)
def fused_plan(space: KernelSpace, dilation: int) -> FusedPlan:
    """The plan of a fused convolution.

    Its numbers are the matrices of `reduction(space, dilation, 0)` end to end, row by
    row.
    """
    plan = reduction(space, dilation, 0)
    sources, targets = _slabs(space.source), _slabs(space.target)
    blocks, first = [], 0
    for pieces, results, matrix in zip(
        plan.source.blocks, plan.target.blocks, plan.matrices, strict=True
    ):
        rows, columns = matrix.shape
        ((_, signs),) = results
        lines = 0
        for combination, kind in pieces:
            for (a, row), (b, column) in itertools.product(
                sources[kind], targets[signs]
            ):
                start = first + (lines + row) * columns + column
                blocks.append(Block(a, b, combination, start, columns, 1))
            lines += plan.source.order.sizes[kind]
        assert lines == rows, "the pieces of a block are the rows of its matrix"
        first += rows * columns
    features = space.source.num_features, space.target.num_features
    return FusedPlan(
        _in_order(space.source),
        _in_order(space.target),
        tuple(blocks),
        dilation,
        features,
        first,
    )


def _in_order(fields: Representation) -> tuple[Slab, ...]:
    """The slabs of a field, sorted by signs."""
    order, slabs = sign_order(fields), []
    kinds = [
        signs
        for signs, start in order.starts.items()
        for _ in range(order.sizes[signs])
    ]
    position = 0
    for entry, component in order.slabs:
        tensors, where = fields.signature.entries[entry], fields.slices[entry]
        slabs.append(
            Slab(
                where.start + component,
                fields.components(tensors.type),
                tensors.channels,
                kinds[position],
                entry,
            )
        )
        position += tensors.channels
    return tuple(slabs)


def _slabs(fields: Representation) -> dict[Signs, list[tuple[int, int]]]:
    """For each kind its slabs: which one, and where it begins within the kind."""
    found: dict[Signs, list[tuple[int, int]]] = {}
    position: dict[Signs, int] = {}
    for n, slab in enumerate(_in_order(fields)):
        start = position.get(slab.signs, 0)
        found.setdefault(slab.signs, []).append((n, start))
        position[slab.signs] = start + slab.channels
    return found


def together(slabs: tuple[Slab, ...]) -> tuple[tuple[int, ...], ...]:
    """All components of an entry, which lie side by side, if their number is a power
    of two: memory is read and written in whole lines. Of others each alone.
    """
    entries: dict[int, list[int]] = {}
    for n in sorted(range(len(slabs)), key=lambda n: slabs[n].first):
        entries.setdefault(slabs[n].entry, []).append(n)
    found = []
    for group in entries.values():
        is_power = not len(group) & (len(group) - 1)
        found += [tuple(group)] if is_power else [(n,) for n in group]
    return tuple(found)


def at_once(channels: int, most: int) -> int:
    """The power of two that holds all channels, or else `most`."""
    return min(most, max(FEWEST_CHANNELS, 1 << (channels - 1).bit_length()))
