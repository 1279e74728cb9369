"""Every symmetry check of one model at once: states of training, grids and dtypes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .._group import Group
from .._image import GeometricImage
from .._index_symmetry import with_symmetries
from .._signature import Signature
from ._adapter import FieldMap, find_group, name_of, unwrapped
from ._errors import (
    EquivarianceError,
    chosen_elements,
    rounding_of,
    shift_error,
    worst_of,
)
from ._guilty import guilty_line, layer_errors
from ._layers import LayerTrace
from ._moving import Motion, difference
from ._program import narrowing_casts, rounding_depth
from ._report import Certificate, Check
from ._states import cast, training_states
from ._tolerance import lower_precision, tolerance_for

DTYPES = ("float32", "bfloat16")


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
) -> Certificate:
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

    **Returns:** a `Certificate`: print it, or read `passed`, `checks`, `to_dict()`,
    `to_json()`.

    **Raises:** `ValueError` if group or signature are not known, or the model refuses a
    grid.
    """
    given, group = group, find_group(model, group)
    dtypes = [_floating(d) for d in ((dtypes,) if isinstance(dtypes, str) else dtypes)]
    signature = _takes(model, in_signature)
    grids = _grids(grid, group.num_spatial_dims)
    own_dtype = _dtype_of(model)

    def random_input(cells: tuple[int, ...], dtype: Any) -> Any:
        image = _random_image(signature, cells, dtype, seed)
        return image if feature_axis is None else _moved_last(image, feature_axis)

    def field_map(state: Any, x: Any) -> FieldMap:
        taken = None if feature_axis is None else signature
        axis = -1 if feature_axis is None else feature_axis
        return FieldMap(state, x, given, taken, out_signature, axis)

    run = LayerTrace()
    checks = []
    states = dict(training_states(model, random_input(grids[0], own_dtype), seed))
    for stage, state in states.items():
        checks += [
            _check(
                run, stage, field_map(state, random_input(cells, own_dtype)), elements
            )
            for cells in grids
        ]
    last = states[list(states)[-1]]
    for dtype in dtypes:
        if dtype == own_dtype:
            continue
        with _precision(dtype):
            checks += [
                _check(
                    run,
                    f"cast to {dtype}",
                    field_map(cast(last, dtype), random_input(cells, dtype)),
                    elements,
                )
                for cells in grids
            ]
    casts = narrowing_casts(last, random_input(grids[0], own_dtype))
    with _precision(own_dtype):
        shift = _smallest_shift(field_map(last, random_input(grids[0], own_dtype)))
    return Certificate(
        name_of(model), group.name, group.order, tuple(checks), shift, casts
    )


def _check(
    run: LayerTrace, stage: str, field_map: FieldMap, number: int | None
) -> Check:
    elements = chosen_elements(field_map.group, number)
    x = field_map.start
    result, clean = run(field_map.f, field_map.given(x))
    moments = list(run.moments)
    y = field_map.taken(result)
    zero = rounding_of(field_map, x, y)
    errors, moved_values = [], []
    for element in elements:
        result, values = run(field_map.f, field_map.given(x.moved(element)))
        found = difference(field_map.taken(result), y.moved(element), zero)
        matrix = tuple(tuple(map(int, row)) for row in element)
        errors.append(
            EquivarianceError(matrix, found.relative, found.entry, found.cell)
        )
        moved_values.append((Motion(x.grid, element), values))
    dtype = lower_precision(x.array.dtype, y.array.dtype)
    tolerance = tolerance_for(dtype)
    worst = worst_of(errors)
    if not worst.relative <= tolerance:
        depth = rounding_depth(field_map.f, field_map.given(x))
        tolerance = tolerance_for(dtype, depth)
    layers = layer_errors(moments, clean, moved_values, field_map.feature_axis)
    line = ""
    if not layers and not worst.relative <= tolerance:
        line = guilty_line(
            field_map, Motion(x.grid, np.asarray(worst.element)), tolerance
        )
    return Check(
        stage, x.grid, str(dtype), tolerance, tuple(errors), tuple(layers), line
    )


def _smallest_shift(field_map: FieldMap) -> int | None:
    """The smallest power of two that the map commutes with shifts by, if any."""
    d = len(field_map.start.grid)
    tolerance = tolerance_for(field_map.start.array.dtype)
    cells = 1
    while 2 * cells <= max(field_map.start.grid):
        shifts = [
            tuple(cells if i == axis else 0 for i in range(d)) for axis in range(d)
        ]
        try:
            if all(shift_error(field_map, s).relative <= tolerance for s in shifts):
                return cells
        except ValueError:
            # The output would move by a fraction of its coarser cells.
            pass
        cells *= 2
    return None


def _grids(grid: "Sequence[int | tuple[int, ...]]", d: int) -> list[tuple[int, ...]]:
    if isinstance(grid, int | str):
        raise TypeError(
            f"`grid` must hold the cells along each axis, such as {(8,) * d}, got "
            f"{grid!r}."
        )
    first = tuple(cells for cells in grid if isinstance(cells, int))
    if not first:
        given = [tuple(cells) for cells in grid if not isinstance(cells, int)]
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
    try:
        found = jnp.dtype(dtype)
    except TypeError:
        found = None
    if found is None or not jnp.issubdtype(found, jnp.floating):
        raise ValueError(
            f"`dtypes` must name floating-point types, such as 'float64' or "
            f"'bfloat16', got {dtype!r}."
        )
    return found


def _takes(model: Any, given: "Signature | str | None") -> Signature:
    own = unwrapped(model)
    # Layers that give what they take have one signature.
    for name in ("in_signature", "signature"):
        given = getattr(own, name, None) if given is None else given
    if given is None:
        raise ValueError(
            f"`in_signature` is needed, since {name_of(model)} does not say what it "
            "takes: for example `in_signature='density:0+ velocity:1+'`."
        )
    return Signature(given)


def _random_image(
    signature: Signature, cells: tuple[int, ...], dtype: Any, seed: int
) -> GeometricImage:
    shape = (*cells, signature.features(len(cells)))
    array = np.random.default_rng(seed).normal(size=shape)
    array = with_symmetries(array, signature, len(cells))
    return GeometricImage(signature, jnp.asarray(array, dtype), len(cells))


def _moved_last(image: GeometricImage, axis: int) -> jax.Array:
    return jnp.moveaxis(image.array, -1, axis)


def _dtype_of(model: Any) -> Any:
    leaves = jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array))
    return leaves[0].dtype if leaves else jnp.zeros(()).dtype


@contextmanager
def _precision(dtype: Any) -> Iterator[None]:
    wide: Callable[[bool], Any] = jax.enable_x64
    # A model may be strict about dtypes in its own one and not in a foreign one.
    with jax.numpy_dtype_promotion("standard"):
        if jnp.dtype(dtype).itemsize == 8:
            with wide(True):
                yield
        else:
            yield
