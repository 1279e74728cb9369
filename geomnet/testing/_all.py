"""Symmetry checks for users' own tests: is it equivariant, and if not, where?

A map f commutes with the group if `f(g·x) = g·f(x)` for every element g. The checks here
measure the difference for every g; for Equinox modules they also find the first layer
at which it arises.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .._action import act
from .._group import Group
from .._image import GeometricImage

Map = Callable[[GeometricImage], GeometricImage]

TOLERANCES = {"float64": 1e-12, "float32": 2e-5, "bfloat16": 6e-2, "float16": 1e-2}
"""Largest relative error that rounding alone explains, by dtype, at the depth of a UNet."""


@dataclasses.dataclass(frozen=True)
class EquivarianceError:
    """How far one map is from commuting with one group element."""

    element: tuple[tuple[int, ...], ...]
    """The group element, a signed permutation matrix."""
    relative: float
    """`max |f(g·x) - g·f(x)| / max |f(x)|`."""
    entry: str
    """The entry of the output's signature where it is largest."""
    cell: tuple[int, ...]
    """The cell of `f(g·x)` where it is largest."""


def equivariance_errors(
    f: Map, x: GeometricImage, group: Group | None = None
) -> list[EquivarianceError]:
    """The error of every element of the group, the identity first.

    **Arguments:**

    - `f`: from image to image; compiled with `equinox.filter_jit`.
    - `x`: an image without batch axes. Grids that are not square see exchanged axes.
    - `group`: by default `f.group`.

    **Raises:** `ValueError` if no group is known; `TypeError` if f gives no image.
    """
    group = _group_of(f, group)
    run = eqx.filter_jit(f)
    y = _checked(run(x), f)
    return [_compare(run(act(g, x)), y, g) for g in group.elements]


def equivariance_error(f: Map, x: GeometricImage, group: Group | None = None) -> float:
    """The largest relative error over the group: rounding if f is equivariant.

    Arguments as in `equivariance_errors`.
    """
    return max(error.relative for error in equivariance_errors(f, x, group))


def translation_error(f: Map, x: GeometricImage, shift: tuple[int, ...]) -> float:
    """`max |f(Tx) - T f(x)| / max |f(x)|` for the shift T on the torus.

    **Arguments:**

    - `shift`: cells of the input along each axis. Where f changes the grid, each must be
        a multiple of the ratio, so that the output moves by whole cells.
    """
    run = eqx.filter_jit(f)
    y = _checked(run(x), f)
    out_shift = []
    for cells, n, m in zip(shift, x.grid, y.grid, strict=True):
        if cells * m % n:
            raise ValueError(
                f"`shift` {shift} moves the output, of grid {y.grid}, by a fraction of "
                f"a cell: use multiples of {n // m} cells."
            )
        out_shift.append(cells * m // n)
    moved = x.with_array(jnp.roll(x.array, shift, x.spatial_axes))
    expected = y.with_array(jnp.roll(y.array, out_shift, y.spatial_axes))
    difference = jnp.abs(run(moved).array - expected.array).max()
    return float(difference) / _largest(expected)


def assert_equivariant(
    f: Map,
    x: GeometricImage,
    group: Group | None = None,
    *,
    tolerance: float | None = None,
) -> None:
    """Fails unless `f(g·x) = g·f(x)` to rounding for every element of the group.

    **Arguments:**

    - `tolerance`: the largest relative error to accept, by default that of the dtype in
        `TOLERANCES`.

    **Raises:** `AssertionError` that states the element, the entry, the error, the cell
    and, for an Equinox module, the first layer that does not commute with it;
    `ValueError` if no group is known.
    """
    group = _group_of(f, group)
    if tolerance is None:
        tolerance = TOLERANCES[str(x.dtype)]
    errors = equivariance_errors(f, x, group)
    worst = max(errors, key=lambda error: _nan_is_worst(error.relative))
    if worst.relative <= tolerance:
        return
    matrix = [list(row) for row in worst.element]
    guilty = first_guilty_layer(f, x, np.asarray(worst.element), tolerance)
    raise AssertionError(
        f"{_name(f)} does not commute with {group}: for g = {matrix} the relative error "
        f"is {worst.relative:.1e} (tolerance {tolerance:.0e}), worst in entry "
        f"'{worst.entry}' at cell {worst.cell}. {guilty}"
    )


def first_guilty_layer(
    f: Map, x: GeometricImage, element: np.ndarray, tolerance: float
) -> str:
    """A sentence that names the first layer inside f that does not commute with g.

    Every layer of an Equinox module is tested alone, on the image that it was given
    in `f(x)`; innermost layers come before the layers that contain them.
    """
    if not isinstance(f, eqx.Module):
        return "Its parts can't be told apart: it is no Equinox module."
    for path, layer, given in _calls(f, x):
        try:
            y = layer(given)
            if not isinstance(y, GeometricImage):
                continue
            error = _compare(layer(act(element, given)), y, element)
        except (TypeError, ValueError) as refusal:
            return (
                f"First guilty layer: `{path}` ({_name(layer)}) refuses the moved "
                f"image: {refusal}"
            )
        if not error.relative <= tolerance:
            return (
                f"First guilty layer: `{path}` ({_name(layer)}), relative error "
                f"{error.relative:.1e} on its own input, in entry '{error.entry}'."
            )
    return "Each layer alone commutes: look at how they are put together."


def perturb(model: Any, scale: float = 0.1, *, key: jax.Array) -> Any:
    """The model with normal noise added to every trainable leaf.

    Equivariance must survive training; a check at initialisation alone proves little,
    since biases are zero and scales are one there.
    """
    leaves, structure = jax.tree.flatten(eqx.filter(model, eqx.is_inexact_array))
    keys = jax.random.split(key, max(len(leaves), 1))
    noisy = [
        leaf + scale * jax.random.normal(k, leaf.shape, leaf.dtype)
        for leaf, k in zip(leaves, keys, strict=False)
    ]
    rest = eqx.filter(model, eqx.is_inexact_array, inverse=True)
    return eqx.combine(jax.tree.unflatten(structure, noisy), rest)


def cast(tree: Any, dtype: Any) -> Any:
    """Every floating-point array of a model or image in another dtype."""
    return jax.tree.map(
        lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf, tree
    )


class _Recorder:
    """Stands in for a layer, and notes what it is called with."""

    def __init__(self, path: str, layer: Any, original: Any, calls: list):
        self._path, self._layer = path, layer
        self._original, self._calls = original, calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = self._layer(*args, **kwargs)
        if len(args) == 1 and not kwargs and isinstance(args[0], GeometricImage):
            # After the call: inner layers have noted theirs already.
            self._calls.append((self._path, self._original, args[0]))
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)


def _calls(
    model: eqx.Module, x: GeometricImage
) -> Iterator[tuple[str, Any, GeometricImage]]:
    """`(path, layer, image it was given)` for each layer, in the order of completion."""
    calls: list[tuple[str, Any, GeometricImage]] = []
    _recorded(model, "", calls)(x)
    return iter(calls)


def _recorded(layer: Any, path: str, calls: list) -> Any:
    def is_inner(node: Any) -> bool:
        return node is not layer and isinstance(node, eqx.Module) and callable(node)

    leaves, structure = jax.tree_util.tree_flatten_with_path(layer, is_leaf=is_inner)
    replaced = [
        _recorded(leaf, path + jax.tree_util.keystr(where), calls)
        if is_inner(leaf)
        else leaf
        for where, leaf in leaves
    ]
    inner = jax.tree_util.tree_unflatten(structure, replaced)
    return _Recorder(path.lstrip(".") or _name(layer), inner, layer, calls)


def _compare(
    moved_output: GeometricImage, output: GeometricImage, element: np.ndarray
) -> EquivarianceError:
    expected = act(element, output)
    if moved_output.array.shape != expected.array.shape:
        raise ValueError(
            f"f(g·x) has shape {moved_output.array.shape}, g·f(x) "
            f"{expected.array.shape}: the grid is not moved with the image."
        )
    wide = jnp.promote_types(output.dtype, jnp.float32)
    difference = np.abs(
        np.asarray(moved_output.array.astype(wide)) - expected.array.astype(wide)
    )
    *cell, feature = np.unravel_index(
        np.argmax(np.where(np.isnan(difference), np.inf, difference)), difference.shape
    )
    entry = next(
        entry
        for entry, where in zip(
            output.signature,
            output.signature.slices(output.num_spatial_dims),
            strict=True,
        )
        if where.start <= feature < where.stop
    )
    return EquivarianceError(
        element=tuple(tuple(map(int, row)) for row in np.asarray(element)),
        relative=float(difference[(*cell, feature)]) / _largest(output),
        entry=str(entry),
        cell=tuple(map(int, cell)),
    )


def _largest(image: GeometricImage) -> float:
    largest = float(jnp.abs(image.array.astype(jnp.float32)).max())
    return largest if largest > 0 else 1.0


def _nan_is_worst(error: float) -> float:
    return float("inf") if np.isnan(error) else error


def _checked(y: Any, f: Map) -> GeometricImage:
    if not isinstance(y, GeometricImage):
        raise TypeError(
            f"{_name(f)} must give a GeometricImage, got {type(y).__name__}."
        )
    return y


def _group_of(f: Map, group: Group | None) -> Group:
    group = getattr(f, "group", None) if group is None else group
    if not isinstance(group, Group):
        raise ValueError(
            f"`group` is not given and {_name(f)} has no `group` of its own. Pass the "
            "group to check, such as `group=geomnet.hyperoctahedral(2)`."
        )
    return group


def _name(f: Any) -> str:
    return getattr(f, "__name__", type(f).__name__)
