"""Every symmetry check of one model at once: states of training, grids and dtypes."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .._arguments import check_grid, checked, floating_dtype, shown
from .._equivariance._callables import (
    find_group,
    name_of,
    stated_signature,
)
from .._equivariance._deviation import (
    Unmoved,
    chosen_elements,
    deviations_of,
    shift_deviation,
    worst_of,
)
from .._equivariance._explained import explained
from .._equivariance._field import Field
from .._equivariance._field_map import FieldMap
from .._equivariance._motion import Motion
from .._equivariance._products import products_in, products_in_words
from .._equivariance._program import narrowing_casts
from .._group import Group
from .._image import GeometricImage
from .._index_symmetry import with_symmetries
from .._progress import watched
from .._signature import Signature
from ._certificate import Check, EquivarianceCertificate
from ._guilty_layer import layer_deviations
from ._guilty_line import guilty_line
from ._layer_trace import LayerTrace
from ._training_states import cast, training_states

DTYPES = ("float32", "bfloat16")


@checked
def certify(
    model: Any,
    grid: Sequence[int | tuple[int, ...]],
    dtypes: str | Sequence[str] = DTYPES,
    *,
    group: Group | None = None,
    in_signature: "Signature | str | None" = None,
    out_signature: "Signature | str | None" = None,
    feature_axis: int | None = None,
    elements: int | None = None,
    seed: int = 0,
    precision: str | None = "highest",
    progress: bool = False,
) -> EquivarianceCertificate:
    """Checks a model at every state that training brings it to.

    As it is given; with noise on every trainable leaf; after a step of AdamW with
    weight decay and noise on the gradients; after averaging (EMA); and cast to other
    dtypes. On every grid, for every element, layer by layer; and which translations it
    commutes with.

    **Arguments:**

    - `model`: from image to image; a module's floating-point arrays are what is
        trained.
    - `feature_axis`: for a model from array to array: the axis that holds the features,
        -1 for `(*grid, features)`, 0 for channels first.
    - `grid`: the number of cells along each axis. One that is not square is added, with
        the last side doubled; give several grids to check exactly these.
    - `dtypes`: to cast model and image to. `"float64"` works without JAX's global
        switch.
    - `group`, `in_signature`, `out_signature`: by default the model's own.
    - `elements`: check only so many, as in `equivariance_errors`.
    - `seed`: draws image and noise.
    - `precision`: of products and convolutions, as in `assert_equivariant`.
    - `progress`: on a terminal, show a bar with the time left (needs tqdm).

    **Returns:** an `EquivarianceCertificate`: print it, or read `passed`, `checks`,
    `to_dict()`, `to_json()`.

    **Raises:** `ValueError` if group or signature are not known, the model refuses a
    grid, or there is no such precision.
    """
    __tracebackhide__ = True
    if not callable(model):
        raise TypeError(f"`model` must be a function of images, got {shown(model)}.")
    asked = [_floating(d) for d in ((dtypes,) if isinstance(dtypes, str) else dtypes)]
    own_group = find_group(model, group, _first_grid(grid))
    grids = _grids(grid, own_group.num_spatial_dims)
    signature = _takes(model, in_signature)
    subject = _Subject(group, signature, out_signature, feature_axis, seed)
    with products_in(precision):
        return _certificate(model, subject, grids, asked, own_group, elements, progress)


def _certificate(
    model: Any,
    subject: "_Subject",
    grids: list[tuple[int, ...]],
    dtypes: Sequence[Any],
    group: Group,
    elements: int | None,
    progress: bool,
) -> EquivarianceCertificate:
    own, trace = _dtype_of(model), LayerTrace()
    states = dict(training_states(model, subject.input(grids[0], own), subject.seed))
    last = list(states.values())[-1]
    subjects = [(stage, state, own) for stage, state in states.items()]
    subjects += [(f"cast to {d}", last, d) for d in dtypes if d != own]
    todo = [(*one, cells) for one in subjects for cells in grids]
    checks = []
    for stage, state, dtype, cells in watched(todo, "checks", progress):
        with contextlib.nullcontext() if dtype == own else _precision(dtype):
            given = state if dtype == own else cast(state, dtype)
            field_map = subject.field_map(given, cells, dtype)
            checks.append(_check(trace, stage, field_map, elements))
    casts = narrowing_casts(last, subject.input(grids[0], own))
    with _precision(own):
        shift = _smallest_shift(subject.field_map(last, grids[0], own))
    return EquivarianceCertificate(
        name_of(model),
        group.name,
        group.order,
        tuple(checks),
        shift,
        casts,
        products_in_words(),
    )


@dataclasses.dataclass(frozen=True)
class _Subject:
    """What is the same of a model in all its states: what it takes and gives."""

    group: Group | None
    signature: Signature
    out_signature: "Signature | str | None"
    feature_axis: int | None
    """`None` for a model of images."""
    seed: int

    def input(self, cells: tuple[int, ...], dtype: Any) -> Any:
        """Random numbers on a grid, as the model takes them."""
        shape = (*cells, self.signature.features(len(cells)))
        array = np.random.default_rng(self.seed).normal(size=shape)
        array = with_symmetries(array, self.signature, len(cells))
        image = GeometricImage(self.signature, jnp.asarray(array, dtype), len(cells))
        if self.feature_axis is None:
            return image
        if not -array.ndim <= self.feature_axis < array.ndim:
            raise ValueError(
                f"`feature_axis` must be an axis of an array (*grid, features) of "
                f"{array.ndim}, got {self.feature_axis}."
            )
        return jnp.moveaxis(image.array, -1, self.feature_axis)

    def field_map(self, state: Any, cells: tuple[int, ...], dtype: Any) -> FieldMap:
        """The model in one state as a map of fields on a grid."""
        x = self.input(cells, dtype)
        if self.feature_axis is None:
            return FieldMap(state, x, self.group, None, self.out_signature, -1)
        axis = self.feature_axis
        return FieldMap(state, x, self.group, self.signature, self.out_signature, axis)


def _check(
    trace: LayerTrace, stage: str, field_map: FieldMap, number: int | None
) -> Check:
    x, values = field_map.start, []

    def watched(field: Field) -> Field:
        result, inside = trace(field_map.f, field_map.given(field))
        values.append(inside)
        return field_map.taken(result)

    elements = chosen_elements(field_map.group, number)
    y = watched(x)
    moments = list(trace.moments)
    unmoved = Unmoved.of(field_map, y)
    found = deviations_of(unmoved, elements, watched)
    motions = [Motion(x.grid, element) for element in elements]
    clean, *moved = values
    layers = layer_deviations(
        moments, clean, list(zip(motions, moved, strict=True)), field_map.feature_axis
    )
    worst = worst_of(found)
    tolerance = explained(unmoved, worst.relative)
    line = ""
    if not layers and not worst.relative <= tolerance:
        motion = Motion(x.grid, np.asarray(worst.element))
        line = guilty_line(field_map, motion, tolerance)
    return Check(
        stage, x.grid, str(unmoved.dtype), tolerance, tuple(found), tuple(layers), line
    )


def _smallest_shift(field_map: FieldMap) -> int | None:
    """The smallest power of two that the map commutes with shifts by, if any."""
    d = len(field_map.start.grid)
    unmoved = Unmoved.of(field_map, field_map(field_map.start))
    cells = 1

    def holds(shift: tuple[int, ...]) -> bool:
        found = shift_deviation(unmoved, shift).relative
        return found <= explained(unmoved, found)

    while 2 * cells <= max(field_map.start.grid):
        shifts = [
            tuple(cells if i == axis else 0 for i in range(d)) for axis in range(d)
        ]
        try:
            if all(map(holds, shifts)):
                return cells
        except ValueError:
            # The output would move by a fraction of its coarser cells.
            pass
        cells *= 2
    return None


def _first_grid(grid: "Sequence[int | tuple[int, ...]]") -> tuple[int, ...] | None:
    """The grid itself, or the first of several; `None` for what is neither."""
    sides = _sides(grid)
    return sides or next((tuple(c) for c in grid if isinstance(c, tuple | list)), None)


def _sides(grid: "Sequence[int | tuple[int, ...]]") -> tuple[int, ...]:
    return tuple(int(cells) for cells in grid if isinstance(cells, int | np.integer))


def _grids(grid: "Sequence[int | tuple[int, ...]]", d: int) -> list[tuple[int, ...]]:
    first = _sides(grid)
    if not first:
        for cells in list(grid) or [()]:
            check_grid("grid", cells, d)
        given = [_sides(cells) for cells in grid if isinstance(cells, tuple | list)]
    elif d > 1 and len(set(first)) == 1:
        given = [first, (*first[:-1], 2 * first[-1])]
    else:
        given = [first, (max(first),) * d] if d > 1 else [first]
    if any(len(cells) != d for cells in given):
        raise ValueError(
            f"`grid` {grid} must have {d} sides, since the group acts in {d} "
            "dimensions."
        )
    return given


def _floating(dtype: Any) -> Any:
    found = floating_dtype(dtype)
    if found is None:
        raise ValueError(
            f"`dtypes` must name floating-point types, such as 'float64' or "
            f"'bfloat16', got {dtype!r}."
        )
    return found


def _takes(model: Any, given: "Signature | str | None") -> Signature:
    signature = stated_signature(model) if given is None else Signature(given)
    if signature is None:
        raise ValueError(
            f"`in_signature` is needed, since {name_of(model)} does not say what it "
            "takes: for example `in_signature='density:0+ velocity:1+'`."
        )
    return signature


def _dtype_of(model: Any) -> Any:
    leaves = jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array))
    return leaves[0].dtype if leaves else jnp.zeros(()).dtype


@contextlib.contextmanager
def _precision(dtype: Any) -> Iterator[None]:
    wide: Callable[[bool], Any] = jax.enable_x64
    # A model may be strict about dtypes in its own one and not in a foreign one.
    with jax.numpy_dtype_promotion("standard"):
        if jnp.dtype(dtype).itemsize == 8:
            with wide(True):
                yield
        else:
            yield
