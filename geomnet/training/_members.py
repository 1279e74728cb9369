"""Several models trained at once: one program for all, each as if it were alone."""

from collections.abc import Sequence
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from .._arguments import checked
from ._leaves import all_lines
from ._metadata import differences, named
from ._step import Loss, check_loss, check_optimiser, takes_key

M = TypeVar("M")


@checked
def stack_models(models: Sequence[M]) -> M:
    """One model whose arrays have a leading axis of `models`, such as of other seeds.

    `fit` trains it with `loss_of_members(loss)` and `optimiser_of_members(optimiser)`;
    `unstack_models` gives the members back. It is not called itself: `jax.vmap` over
    its arrays is (`equinox.filter_vmap`).

    **Raises:** `ValueError` if there is none, or two are not one function of their
    arrays: of another class, shape, or static field.
    """
    models = list(models)
    if not models:
        raise ValueError("`models` is empty: there is nothing to stack.")
    first, *others = [all_lines(model) for model in models]
    for n, lines in enumerate(others, start=1):
        differing = differences(first, lines)
        if differing:
            text = named(differing).replace("in the file", "in `models[0]`")
            raise ValueError(
                f"`models[{n}]` can't be stacked on the first: "
                f"{text.replace(' here', ' there')}. Members differ in numbers alone."
            )
    return jax.tree.map(
        lambda *leaves: jnp.stack(leaves) if eqx.is_array(leaves[0]) else leaves[0],
        *models,
    )


def unstack_models(stacked: M) -> list[M]:
    """The members of a stack, `stacked`, in order.

    **Raises:** `ValueError` if the arrays have no leading axis in common.
    """
    arrays = jax.tree.leaves(eqx.filter(stacked, eqx.is_array))
    sizes = {np.shape(array)[:1] for array in arrays}
    if len(sizes) != 1 or sizes == {()}:
        raise ValueError(
            "`stacked` must be of `stack_models`: its arrays have no leading axis of "
            f"members in common, but {sorted(sizes)}."
        )
    (count,) = sizes.pop()
    return [
        jax.tree.map(lambda x, n=n: x[n] if eqx.is_array(x) else x, stacked)
        for n in range(count)
    ]


def loss_of_members(loss: Loss) -> Loss:
    """The sum of a `loss` over the members of a stack, all on the same batch.

    A sum, so that the gradient of each member is that of its own loss alone. A loss
    with a `key` gets another one for each member.

    **Raises:** `TypeError` if it is no function.
    """
    check_loss(loss)

    def total(stacked: Any, batch: Any, key: Any = None) -> Float[Array, ""]:
        arrays, fixed = eqx.partition(stacked, eqx.is_array)

        def one(arrays: Any, key: Any) -> Float[Array, ""]:
            model = eqx.combine(arrays, fixed)
            return loss(model, batch) if key is None else loss(model, batch, key=key)

        if key is None:
            return jax.vmap(lambda arrays: one(arrays, None))(arrays).sum()
        count = jax.tree.leaves(arrays)[0].shape[0]
        return jax.vmap(one)(arrays, jax.random.split(key, count)).sum()

    if takes_key(loss):
        return total
    return lambda stacked, batch: total(stacked, batch)


def optimiser_of_members(
    optimiser: optax.GradientTransformation,
) -> optax.GradientTransformation:
    """The `optimiser` for each member of a stack alone: norms, by which gradients are
    clipped, and all that it remembers are each member's own.

    **Raises:** `TypeError` if it is no optimiser; one that asks for the loss fails, as
    there is one loss for all.
    """
    check_optimiser(optimiser)

    def init(params: Any) -> Any:
        return jax.vmap(optimiser.init)(params)

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        if params is None:
            return jax.vmap(lambda g, s: optimiser.update(g, s))(updates, state)
        return jax.vmap(optimiser.update)(updates, state, params)

    return optax.GradientTransformation(init, update)
