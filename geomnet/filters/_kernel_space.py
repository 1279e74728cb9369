"""All kernels of a convolution between two signatures, as one space of coefficients.

For each pair of types the basis is that of `kernel_basis`; here is how many numbers
weigh it, in which order they are stored, how large they start, and where each basis
kernel stands in the matrix of all components.
"""

import dataclasses
import functools
import math
from typing import TypeAlias

import numpy as np

from .._arguments import check_count
from .._index_symmetry import sorted_components
from .._representation import Representation
from .._signature import TensorType
from ._bank import FilterBank, kernel_basis
from ._window import as_window

Pair: TypeAlias = tuple[TensorType, TensorType]
"""`(out, in)`: from the type of the input to that of the output."""


@dataclasses.dataclass(frozen=True)
class KernelSpace:
    """The kernels `K(g x) = ρ_out(g) K(x) ρ_in(g)ᵀ` on a window: what is static in one.

    With `channel_groups` above 1 the channels of every entry are dealt into so many
    groups that do not mix, in order.
    """

    source: Representation
    """What the convolution takes."""
    target: Representation
    """What it gives, under the same group."""
    window: tuple[int, ...]
    """Cells along each axis."""
    channel_groups: int = 1

    def __post_init__(self):
        """**Raises:** `ValueError` if the group does not keep the window, or the groups
        of channels don't divide the channels.
        """
        assert self.source.group == self.target.group, "one group acts on both"
        check_count("channel_groups", self.channel_groups)
        assert as_window(self.source.group, self.window) == self.window
        _ = self.one_group

    @property
    def num_spatial_dims(self) -> int:
        """The dimension d of the window."""
        return len(self.window)

    @property
    def one_group(self) -> "KernelSpace":
        """The kernels of one group of channels."""
        n = self.channel_groups
        if n == 1:
            return self
        return KernelSpace(self.source // n, self.target // n, self.window)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs of types that some kernel joins, in the order of storage."""
        return tuple(_coefficients(self).shapes)

    @property
    def shapes(self) -> dict[Pair, tuple[int, int, int]]:
        """`(kernels, in channels, out channels)` of one group, in the order of storage.

        What is next to each other in a matrix of components should be so in memory:
        hence outputs last.
        """
        return _coefficients(self).shapes

    @property
    def deviations(self) -> np.ndarray:
        """The standard deviation that each coefficient is drawn with, of all groups.

        So that an input of unit variance gives an output of unit variance in every
        component (He et al. 2015, per basis kernel).
        """
        return _coefficients(self).deviations

    def smooth_factors(self, stride: int = 1, dilation: int = 1) -> np.ndarray:
        """What makes of `deviations` those that let no smooth field grow.

        An invariant kernel adds equal cells coherently, so that drawn for independent
        ones a layer makes constants up to `sqrt(taps)` times larger, and twenty layers
        in a row what no training mends. Here each basis kernel is divided by what it
        makes of constants, where that is more; the output's variance is then 1 for
        independent cells or for equal ones, whichever is more.

        **Arguments:**

        - `stride`, `dilation`: of a transposed convolution, each of whose fine cells
            sees the taps that lie `stride` cells apart; 1 for any other.
        """
        return _smooth_factors(self, stride, dilation)

    def basis(
        self, out_type: "TensorType | str", in_type: "TensorType | str"
    ) -> FilterBank:
        """The constant kernels that the coefficients of a pair of types weigh."""
        return kernel_basis(self.source.group, out_type, in_type, self.window)

    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`(label, sign, kernels)` of the bases of all pairs of types, side by side.

        The first two are `(cells, in components, out components)`, the components
        counted over the types of a signature; the last `(out types, in types)`.
        """
        return _tables(self)

    def check_reaches(self) -> None:
        """**Raises:** `ValueError` if a type of the output would always be zero."""
        reached = {out for out, _ in self.pairs}
        for out_type in self.target.signature.types:
            if out_type not in reached:
                raise ValueError(_unreachable(self, out_type))


@dataclasses.dataclass(frozen=True, eq=False)
class _Coefficients:
    shapes: dict[Pair, tuple[int, int, int]]
    deviations: np.ndarray


@functools.lru_cache(maxsize=256)
def _coefficients(space: KernelSpace) -> _Coefficients:
    one = space.one_group
    sources, targets = one.source.signature, one.target.signature
    shapes, deviations = {}, []
    for out_type in targets.types:
        banks = [one.basis(out_type, t) for t in sources.types]
        taps = sum(sources.channels(bank.types[1]) * _taps(bank) for bank in banks)
        number = 0
        for bank in banks:
            in_type = bank.types[1]
            shape = len(bank), sources.channels(in_type), targets.channels(out_type)
            if len(bank):
                shapes[out_type, in_type] = shape
                number += math.prod(shape)
        if number:
            deviations.append(np.full(number, 1 / math.sqrt(taps)))
    whole = np.concatenate(deviations) if deviations else np.zeros(0)
    return _Coefficients(shapes, np.tile(whole, space.channel_groups))


@functools.lru_cache(maxsize=256)
def _tables(space: KernelSpace) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cells = math.prod(space.window)
    banks = [
        [space.basis(out, inp) for out in space.target.signature.types]
        for inp in space.source.signature.types
    ]

    def of_pair(bank: FilterBank, which: str) -> np.ndarray:
        out, inp = (space.source.components(t) for t in bank.types)
        return np.swapaxes(getattr(bank, which).reshape(cells, out, inp), 1, 2)

    def side_by_side(which: str) -> np.ndarray:
        rows = [np.concatenate([of_pair(b, which) for b in row], 2) for row in banks]
        return np.concatenate(rows, axis=1)

    kernels = np.array([[len(bank) for bank in row] for row in banks]).T
    return side_by_side("labels"), side_by_side("signs"), kernels


def _taps(bank: FilterBank) -> float:
    """Squares of what the basis does to independent numbers, by output component.

    Equal components of a symmetric input add up before they are squared, and zeros of
    an antisymmetric output do not count.
    """
    if not bank.types[1].symmetry:
        return int((bank.labels >= 0).sum()) / _outputs(bank)
    return float(np.square(_folded(bank)).sum()) / _outputs(bank)


def _outputs(bank: FilterBank) -> int:
    """Components of the output that are not zero; 1 if there are none."""
    sign = sorted_components(bank.types[0], bank.num_spatial_dims)[1]
    return max(1, int((sign != 0).sum()))


def _folded(bank: FilterBank) -> np.ndarray:
    """The kernels, `(kernels, *window, outputs, inputs)`, with the equal components of
    a symmetric input added up.
    """
    d = bank.num_spatial_dims
    index, sign = sorted_components(bank.types[1], d)
    fold = np.zeros((len(index), len(index)), int)
    fold[range(len(index)), index] = sign
    shape = (len(bank), *bank.window, d ** bank.types[0].order, len(index))
    return bank.array.reshape(shape) @ fold


@functools.lru_cache(maxsize=256)
def _smooth_factors(space: KernelSpace, stride: int, dilation: int) -> np.ndarray:
    one = space.one_group
    sources, targets = one.source.signature, one.target.signature
    factors = []
    for out_type in targets.types:
        banks = [one.basis(out_type, t) for t in sources.types]
        channels = np.repeat(
            [sources.channels(bank.types[1]) for bank in banks], list(map(len, banks))
        )
        # What each basis kernel makes of independent cells, and of equal ones.
        rough, smooth = np.concatenate(
            [_variances(bank, stride, dilation) for bank in banks], axis=1
        )
        share = rough / np.maximum(rough, smooth)
        after = max(channels @ (share * rough), channels @ (share * smooth))
        if len(share):
            each = np.sqrt(share * (channels @ rough) / after)
            factors.append(np.repeat(each, channels * targets.channels(out_type)))
    whole = np.concatenate(factors) if factors else np.zeros(0)
    return np.tile(whole, space.channel_groups)


def _variances(bank: FilterBank, stride: int, dilation: int) -> np.ndarray:
    """Of what each kernel makes of unit variance, by output component: `(2, kernels)`,
    of independent cells and of equal ones.
    """
    kernels = _folded(bank)
    sums = kernels
    for axis in range(1, kernels.ndim - 2):
        # The taps that one cell of the output sees.
        phases = np.arange(kernels.shape[axis]) * dilation % stride
        parts = [np.compress(phases == n, sums, axis) for n in range(stride)]
        sums = np.stack([part.sum(axis) for part in parts], axis)
    squares = [
        np.square(part).sum(axis=tuple(range(1, part.ndim))) for part in (kernels, sums)
    ]
    return np.array(squares) / _outputs(bank)


def _unreachable(space: KernelSpace, out_type: TensorType) -> str:
    group, types = space.source.group, space.source.signature.types
    window = "x".join(map(str, space.window))
    larger = [
        size
        for size in range(min(space.window) + 2, min(space.window) + 7, 2)
        if any(len(kernel_basis(group, out_type, t, size)) for t in types)
    ]
    mend = "Add a type to the input, such as vectors in the hidden signature"
    if larger:
        mend += f", or use size {larger[0]}, where a kernel exists"
    return (
        f"No {window} kernel that commutes with {group} leads from "
        f"'{space.source.signature}' to the output type '{out_type}': it would always "
        f"be zero. {mend}."
    )
