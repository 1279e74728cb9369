"""Hypothesis strategies: groups, types, signatures, grids, images, cases.

Imported by itself, since it needs hypothesis: `from geomnet.testing import strategies`.

Examples are small, so that shrinking and compiling stay fast: every new shape and
signature is a new compilation, unless what is tested runs without it.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st

from .._group import (
    Group,
    cyclic,
    hyperoctahedral,
    reflections,
    rotations,
    trivial,
)
from .._image import GeometricImage
from .._index_symmetry import with_symmetries
from .._signature import Entry, Signature, TensorType

# Not `st.DrawFn`: a protocol that run-time type checkers refuse.
_Draw: TypeAlias = Callable[..., Any]

_ORDERS = {1: 2, 2: 2, 3: 1}


def groups(num_spatial_dims: int | None = None) -> st.SearchStrategy[Group]:
    """A named group, a product around an axis, or one from drawn generators.

    **Arguments:**

    - `num_spatial_dims`: 1, 2 or 3; by default any.
    """
    options = [1, 2, 3] if num_spatial_dims is None else [num_spatial_dims]
    dims = st.sampled_from(options)
    return dims.flatmap(lambda d: st.sampled_from(_named(d)) | _generated(d))


def elements(group: Group) -> st.SearchStrategy[np.ndarray]:
    """An element of the `group`, a `(d, d)` integer matrix."""
    return st.sampled_from([np.asarray(g) for g in group.elements])


@st.composite
def tensor_types(draw: _Draw, max_order: int = 2) -> TensorType:
    """A type such as `"0-"`, `"1+"` or `"2s+"`, of order up to `max_order`."""
    order = draw(st.integers(0, max_order))
    parity = draw(st.sampled_from((1, -1)))
    symmetry = draw(st.sampled_from(("", "s", "a"))) if order > 1 else ""
    return TensorType(order, parity, symmetry)


@st.composite
def signatures(
    draw: _Draw,
    max_entries: int = 3,
    max_channels: int = 2,
    max_order: int = 2,
    named: bool = False,
) -> Signature:
    """A signature of a few entries, with or without names.

    **Arguments:**

    - `max_entries`, `max_channels`, `max_order`: the largest of each.
    - `named`: give every entry a name of its own; else none has one.
    """
    number = draw(st.integers(1, max_entries))
    return Signature(
        Entry(
            f"field_{i}" if named else "",
            draw(st.integers(1, max_channels)),
            draw(tensor_types(max_order)),
        )
        for i in range(number)
    )


@st.composite
def grids(
    draw: _Draw,
    num_spatial_dims: int = 2,
    *,
    multiple_of: int = 1,
    max_side: int = 8,
) -> tuple[int, ...]:
    """The numbers of cells along each axis, often unequal.

    **Arguments:**

    - `num_spatial_dims`: how many axes.
    - `multiple_of`: divides every side, such as `2**depth` for a UNet.
    - `max_side`: the largest side.
    """
    if not 1 <= multiple_of <= max_side:
        raise ValueError(
            f"`multiple_of` must be from 1 to `max_side` = {max_side}, got "
            f"{multiple_of}."
        )
    sides = st.integers(1, max_side // multiple_of).map(lambda n: n * multiple_of)
    return tuple(draw(sides) for _ in range(num_spatial_dims))


@st.composite
def images(
    draw: _Draw,
    signature: "Signature | str | st.SearchStrategy[Signature] | None" = None,
    grid: "tuple[int, ...] | st.SearchStrategy[tuple[int, ...]] | None" = None,
    *,
    dtype: Any = "float32",
    special: bool = True,
) -> GeometricImage:
    """An image of random numbers, now and then zero, constant or of few values.

    **Arguments:**

    - `signature`, `grid`: fixed, or strategies; by default small ones in 2D.
    - `dtype`: of its numbers.
    - `special`: whether to draw also images that are zero, constant or full of ties,
        where careless layers divide by zero or prefer one of equal cells.
    """
    sig = Signature(draw(_as_strategy(signature, signatures())))
    cells = draw(_as_strategy(grid, grids(2)))
    kinds = ("normal", "zero", "constant", "ties") if special else ("normal",)
    kind = draw(st.sampled_from(kinds))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (*cells, sig.features(len(cells)))
    array = random.normal(size=shape)
    if kind == "zero":
        array = np.zeros(shape)
    elif kind == "constant":
        array = np.broadcast_to(array[(0,) * len(cells)], shape)
    elif kind == "ties":
        array = np.round(array)
    array = with_symmetries(array, sig, len(cells))
    return GeometricImage(sig, np.asarray(array, dtype), len(cells))


@st.composite
def cases(
    draw: _Draw, num_spatial_dims: int | None = None, **image_arguments: Any
) -> tuple[Group, GeometricImage]:
    """A group and an image that it acts on: what `assert_equivariant` needs.

    **Arguments:** `num_spatial_dims`: 1, 2 or 3, by default any; `image_arguments`:
    those of `images`, by name.
    """
    group = draw(groups(num_spatial_dims))
    d = group.num_spatial_dims
    image_arguments.setdefault("signature", signatures(max_order=_ORDERS[d]))
    image_arguments.setdefault("grid", grids(d, max_side=6 if d < 3 else 4))
    return group, draw(images(**image_arguments))


def _as_strategy(value: Any, default: st.SearchStrategy) -> st.SearchStrategy:
    if value is None:
        return default
    return value if isinstance(value, st.SearchStrategy) else st.just(value)


def _named(d: int) -> Sequence[Group]:
    same: list[Group] = [hyperoctahedral(d), rotations(d), reflections(d), trivial(d)]
    if d == 2:
        same += [cyclic(2), cyclic(4)]
    if d == 3:
        same += [cyclic(4) * trivial(1), hyperoctahedral(2) * trivial(1)]
    return same


def _generated(d: int) -> st.SearchStrategy[Group]:
    matrices = st.sampled_from(hyperoctahedral(d).elements.tolist())
    return st.lists(matrices, min_size=1, max_size=2).map(Group.from_generators)
