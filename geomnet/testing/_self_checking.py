"""Equivariance errors inside compiled programs: a model that checks itself.

For debugging: works under `jit`, `grad`, `vmap` and `scan`, at the price of running
every layer again for each generator of the group.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._action import act
from .._arguments import check_kind, checked
from .._equivariance._callables import find_group
from .._equivariance._tolerance import lower_precision, tolerance_for
from .._group import Group
from .._image import GeometricImage

OnError = Callable[[str, GeometricImage, Array, float], GeometricImage]


@checked
def raise_error(
    path: str, y: GeometricImage, error: Float[Array, ""], tolerance: float
) -> GeometricImage:
    """Stops the program with `equinox.error_if` at the first layer that is wrong.

    **Arguments:**

    - `path`: where the layer is in the model.
    - `y`: what it gives, which is given back.
    - `error`: its relative error, which may be traced.
    - `tolerance`: the largest error to accept.

    **Raises:** `equinox.EquinoxRuntimeError` as the program runs; `TypeError` for
    another kind of argument.
    """
    message = (
        f"`{path}` does not commute with its group: the relative error is above "
        f"{tolerance:.0e}. `geomnet.testing.assert_equivariant` tells the element, the "
        "entry and the cell."
    )
    # Written so that NaN fails.
    return eqx.error_if(y, ~(error <= tolerance), message)


@checked
def print_error(
    path: str, y: GeometricImage, error: Float[Array, ""], tolerance: float
) -> GeometricImage:
    """Prints the error of each layer each time that it runs, and goes on.

    **Arguments:** as of `raise_error`.

    **Raises:** `TypeError` for another kind of argument.
    """
    jax.debug.print(path.replace("{", "").replace("}", "") + ": {}", error)
    return y


@checked
def checkify_error(
    path: str, y: GeometricImage, error: Float[Array, ""], tolerance: float
) -> GeometricImage:
    """A check for `jax.experimental.checkify.checkify`, which states the error.

    **Arguments:** as of `raise_error`.

    **Raises:** `TypeError` for another kind of argument.
    """
    from jax.experimental import checkify

    error = jnp.asarray(error)
    checkify.check(
        error <= tolerance,
        f"`{path}` does not commute with its group: relative error {{error}}, "
        f"tolerance {tolerance:.0e}.",
        error=error,
    )
    return y


class SelfChecking(eqx.Module):
    """A layer that runs again on moved images and compares: see `self_checking`.

    A module around the layer, so that `jit` and `grad` see the layer's numbers through
    it and an optimiser can train them.
    """

    checked: Any
    path: str = eqx.field(static=True)
    group: Group = eqx.field(static=True)
    tolerance: float | None = eqx.field(static=True)
    on_error: OnError = eqx.field(static=True)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer gives, once it is checked."""
        y = self.checked(*args, **kwargs)
        if not args or not _is_image(y) or not _is_image(args[0]):
            return y
        error = jnp.zeros(())
        for element in self.group.generators:
            moved = [act(element, a) if _is_image(a) else a for a in args]
            got = self.layer(*moved, **kwargs)
            error = jnp.maximum(error, _relative(got, act(element, y)))
        tolerance = self.tolerance
        if tolerance is None:
            tolerance = tolerance_for(lower_precision(args[0].dtype, y.dtype))
        return self.on_error(self.path, y, error, tolerance)

    @property
    def layer(self) -> Any:
        """The layer without checks: made anew, so that its numbers exist only once."""
        return _without_checks(self.checked)

    def __getattr__(self, name: str) -> Any:
        # Asked only for what the wrapper itself does not have. A model reads its
        # layers' attributes (`self.conv.stride`), so they must be there.
        if name.startswith("__") or name == "checked":
            # Not passed on: protocols, such as `__array__` or `__deepcopy__`, of which
            # the layer's would answer for the layer without its check; nor `checked`,
            # which is missing while a wrapper is being unflattened or unpickled, and
            # would be looked for in itself for ever.
            raise AttributeError(name)
        return getattr(self.checked, name)


@checked
def self_checking(
    model: Any,
    group: Group | None = None,
    *,
    tolerance: float | None = None,
    on_error: OnError = raise_error,
) -> SelfChecking:
    """The `model` with every layer compared on moved images each time that it runs.

    It can take the model's place in a training step or a rollout: the errors are
    computed inside the compiled program. Layers that take and give images are checked,
    each alone on its own input; the group's generators suffice.

    **Arguments:**

    - `group`: by default the model's own.
    - `tolerance`: the largest relative error to accept, by default `tolerance_for` the
        dtype: the program runs with the products that it has.
    - `on_error`: what to do with the error: `raise_error`, `print_error`,
        `checkify_error`, or your own `(path, y, error, tolerance) -> y`.

    **Raises:** `ValueError` if no group is known; `TypeError` for a model that can't be
    called, and other kinds of arguments. The model that is returned raises
    `equinox.EquinoxRuntimeError`, with `raise_error`, as it runs.
    """
    check_kind("model", model, Callable)
    group = find_group(model, group)
    return _wrapped(model, type(model).__name__, "", group, tolerance, on_error)


def _wrapped(
    layer: Any,
    name: str,
    path: str,
    group: Group,
    tolerance: float | None,
    on_error: OnError,
) -> SelfChecking:
    def is_inner(node: Any) -> bool:
        return node is not layer and isinstance(node, eqx.Module) and callable(node)

    leaves, structure = jax.tree_util.tree_flatten_with_path(layer, is_leaf=is_inner)
    inner = []
    for where, leaf in leaves:
        at = (path + jax.tree_util.keystr(where)).lstrip(".")
        inner.append(
            _wrapped(leaf, at, at, group, tolerance, on_error)
            if is_inner(leaf)
            else leaf
        )
    checked = jax.tree_util.tree_unflatten(structure, inner)
    return SelfChecking(checked, name, group, tolerance, on_error)


def _without_checks(layer: Any) -> Any:
    def is_check(node: Any) -> bool:
        return isinstance(node, SelfChecking)

    return jax.tree.map(
        lambda node: node.layer if is_check(node) else node, layer, is_leaf=is_check
    )


def _is_image(value: Any) -> bool:
    return isinstance(value, GeometricImage)


def _relative(found: GeometricImage, expected: GeometricImage) -> Float[Array, ""]:
    wide = expected.array.astype(jnp.float32)
    distance = jnp.abs(found.array.astype(jnp.float32) - wide).max()
    largest = jnp.abs(wide).max()
    return distance / jnp.where(largest > 0, largest, jnp.ones_like(largest))
