"""The plain baseline: the same model under the trivial group."""

from typing import Any, Literal, Protocol, TypeVar, get_args, runtime_checkable

import equinox as eqx
import jax
from jaxtyping import PRNGKeyArray

from .._group import Group, trivial
from .._signature import Signature

Match = Literal["components", "parameters"]


@runtime_checkable
class Rebuildable(Protocol):
    """A model that can be built again under another group."""

    @property
    def group(self) -> Group:
        """The group that the model commutes with."""
        ...

    @property
    def hidden(self) -> Signature:
        """The fields inside."""
        ...

    def like(self, *, group: Group, hidden: Any, key: PRNGKeyArray) -> Any:
        """The same architecture under `group`, with the fields `hidden`."""
        ...


M = TypeVar("M", bound=Rebuildable)


def twin(
    model: M, match: Match = "components", *, key: PRNGKeyArray | None = None
) -> M:
    """The non-equivariant twin: the same class under `trivial(d)`, of equal size.

    Every component is then a scalar of its own and every kernel is free.

    **Arguments:**

    - `match`: `"components"` gives it as many numbers per cell as the model has inside,
        and so the same cost; `"parameters"` the width whose number of parameters is
        nearest.
    - `key`: draws its parameters; by default a fixed key.

    **Raises:** `ValueError` if `match` is unknown.
    """
    if match not in get_args(Match):
        raise ValueError(f"`match` must be one of {get_args(Match)}, got {match!r}.")
    key = jax.random.key(0) if key is None else key
    d = model.group.num_spatial_dims
    plain = trivial(d)

    def build(width: int) -> M:
        return model.like(group=plain, hidden=f"{width}x0+", key=key)

    width = model.hidden.features(d)
    if match == "parameters":
        wanted = count_parameters(model)

        def parameters(width: int) -> int:
            return count_parameters(eqx.filter_eval_shape(build, width))

        # More components than the model's never need fewer parameters.
        low, high = 0, width
        while parameters(high) < wanted:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if parameters(middle) < wanted else (low, middle)
        width = min(
            (w for w in (low, high) if w > 0),
            key=lambda w: abs(parameters(w) - wanted),
        )
    return build(width)


def count_parameters(model: Any) -> int:
    """The number of trainable numbers: floating-point array leaves, nothing else."""

    def is_trainable(leaf: Any) -> bool:
        return isinstance(leaf, jax.ShapeDtypeStruct) or eqx.is_inexact_array(leaf)

    return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(model, is_trainable)))
