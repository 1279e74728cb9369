"""Losses from losses: in micro-batches, in half precision, on moved batches."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._action import act
from .._arguments import check_count, check_dtype
from .._arithmetic import accumulator
from .._group import Group, check_group
from .._image import GeometricImage
from .._stand_in import StandIn
from ..models import AbstractNetwork
from ..nn import check_dimension
from ._step import Loss, check_loss, takes_key


def accumulate(loss: Loss, num_parts: int) -> Loss:
    """The same loss, computed in parts of a batch, one after the other.

    Memory is that of one part: its activations are computed anew for the gradient.
    Value and gradient are those of the whole batch up to rounding, with sums in float32
    or wider. For batches that do not fit; a batch of a step stays one batch, so that
    settings for the whole batch hold.

    **Arguments:**

    - `loss`: a mean over the samples of a batch. One with a `key` gets another for each
        part.
    - `num_parts`: must divide the batch size.

    **Raises:** `ValueError` if a batch has no leading axis that can be so divided.
    """
    check_loss(loss)
    check_count("num_parts", num_parts)

    def part_of(model: Any, part: Any, key: Any) -> Float[Array, ""]:
        value = loss(model, part) if key is None else loss(model, part, key=key)
        return value.astype(accumulator(value.dtype))

    def total(model: Any, batch: Any, key: Any = None) -> Float[Array, ""]:
        arrays, rest = eqx.partition(batch, eqx.is_array)
        parts = jax.tree.map(lambda x: _in_parts(x, num_parts), arrays)
        keys = None if key is None else jax.random.split(key, num_parts)
        weights, fixed = eqx.partition(model, eqx.is_array)

        # A sum inside of a scan is what is differentiated, so that gradients are added
        # up part by part.
        @jax.checkpoint
        def one(weights: Any, part: Any, key: Any) -> Float[Array, ""]:
            return part_of(eqx.combine(weights, fixed), eqx.combine(part, rest), key)

        def add(sum_so_far: Any, given: Any) -> Any:
            return sum_so_far + one(weights, *given), None

        first = jax.tree.map(lambda x: x[0], (parts, keys))
        dtype = jax.eval_shape(one, weights, *first).dtype
        return jax.lax.scan(add, jnp.zeros((), dtype), (parts, keys))[0] / num_parts

    return _with_key_of(loss, total)


def mixed_precision(loss: Loss, dtype: Any = jnp.bfloat16) -> Loss:
    """The same loss, with the networks inside of the model computed in half precision.

    Mixed precision (Micikevicius et al. 2018). Weights, their updates, what wrappers
    such as `Residual` add, targets and the sums of the loss stay float32: each network
    gets a copy of its weights and its inputs in `dtype`, and what it gives is float32
    again. A model without a network of geomnet inside is cast as a whole. bfloat16 has
    the range of float32, so the loss needs no scaling; float16 has not.

    **Arguments:**

    - `loss`: as `make_train_step` takes it.
    - `dtype`: such as `jax.numpy.bfloat16`.

    **Raises:** `TypeError` if that is no floating-point type.
    """
    check_loss(loss)
    check_dtype("dtype", dtype)
    dtype = jnp.dtype(dtype)

    def total(model: Any, batch: Any, key: Any = None) -> Float[Array, ""]:
        low = _computing_in(model, dtype)
        value = loss(low, batch) if key is None else loss(low, batch, key=key)
        return value.astype(accumulator(value.dtype))

    return _with_key_of(loss, total)


def augmented(loss: Loss, group: Group) -> Callable[..., Float[Array, ""]]:
    """The same loss, of batches that are moved by a random element of a group each.

    What a model without the symmetry is told of it by its data (augmentation); the loss
    of a model that has it does not change.

    **Arguments:**

    - `loss`: `(model, batch) -> number`, or with a `key`. All images of a batch are
        moved, histories and targets alike; its other inputs are left as they are.
    - `group`: such as `geomnet.hyperoctahedral(2)`.

    **Returns:** `(model, batch, key) -> number`.

    **Raises:** `ValueError` if an element exchanges unlike sides of the grid.
    """
    check_loss(loss)
    check_group(group)
    needs_key = takes_key(loss)

    def is_image(leaf: Any) -> bool:
        return isinstance(leaf, GeometricImage)

    def total(model: Any, batch: Any, key: PRNGKeyArray) -> Float[Array, ""]:
        for image in filter(is_image, jax.tree.leaves(batch, is_leaf=is_image)):
            check_dimension(image.grid, group)
            if not group.keeps(image.grid):
                raise ValueError(
                    f"`group` is {group}, which exchanges axes, and the grid is "
                    f"{image.grid}: a batch holds one grid. Use a subgroup such as "
                    "`geomnet.reflections(d)`, or square grids."
                )

        def moved(g: Any) -> Callable[[Any], Any]:
            def one(leaf: Any) -> Any:
                return act(g, leaf) if is_image(leaf) else leaf

            return lambda batch: jax.tree.map(one, batch, is_leaf=is_image)

        choice, rest = jax.random.split(key)
        number = jax.random.randint(choice, (), 0, group.order)
        batch = jax.lax.switch(number, [moved(g) for g in group.elements], batch)
        return loss(model, batch, key=rest) if needs_key else loss(model, batch)

    return total


class _LowPrecision(StandIn):
    """A network that computes in another precision than that of what it is given."""

    def __init__(self, layer: Any, dtype: Any):
        super().__init__(layer)
        self._dtype = dtype

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        dtypes = [array.dtype for array in _floating((inputs, named))]
        wide = jnp.result_type(*dtypes) if dtypes else jnp.dtype(jnp.float32)
        low = _cast(self._layer, self._dtype)
        given, named = _cast((inputs, named), self._dtype)
        return _cast(low(*given, **named), wide)


def _computing_in(model: Any, dtype: Any) -> Any:
    def is_network(node: Any) -> bool:
        return isinstance(node, AbstractNetwork)

    nodes = jax.tree.leaves(model, is_leaf=is_network)
    if not any(map(is_network, nodes)):
        return _LowPrecision(model, dtype)
    return jax.tree.map(
        lambda node: _LowPrecision(node, dtype) if is_network(node) else node,
        model,
        is_leaf=is_network,
    )


def _floating(tree: Any) -> list[Any]:
    return jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))


def _cast(tree: Any, dtype: Any) -> Any:
    def one(leaf: Any) -> Any:
        is_real = eqx.is_array(leaf) and jnp.issubdtype(leaf.dtype, jnp.floating)
        return leaf.astype(dtype) if is_real else leaf

    return jax.tree.map(one, tree)


def _in_parts(array: Any, num_parts: int) -> Any:
    size = np.shape(array)[0] if np.ndim(array) else 0
    if size == 0 or size % num_parts:
        raise ValueError(
            f"`accumulate`: a batch with an array of shape {np.shape(array)} can't be "
            f"computed in {num_parts} parts: each array needs a leading axis of "
            "samples that `num_parts` divides. Choose one of the divisors of the batch "
            "size."
        )
    return jnp.reshape(array, (num_parts, size // num_parts, *np.shape(array)[1:]))


def _with_key_of(loss: Loss, total: Callable[..., Any]) -> Loss:
    """`total`, with an argument `key` only where the loss wants one."""
    if takes_key(loss):
        return total
    return lambda model, batch: total(model, batch)
