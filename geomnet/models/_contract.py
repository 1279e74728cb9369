"""What every network says of itself, so that it can be checked, rebuilt and compared.

The public contract for who writes a network: see `docs/own_layers.md`.
"""

import abc
import inspect
from collections.abc import Iterator
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from .._arguments import shown
from .._arithmetic import accumulator
from .._group import Group
from .._representation import Representation
from .._signature import Signature
from ..nn import AbstractLayer, common_steps

M = TypeVar("M", bound=eqx.Module)

_NOT_KEPT = ("self", "key", "dtype")


class AbstractMap(AbstractLayer):
    """A layer or network between two signatures: a block, a network, a wrapper."""

    # Each a `Signature`, as a field or as a property, like `group`.
    in_signature: eqx.AbstractVar[Any]
    out_signature: eqx.AbstractVar[Any]

    @property
    def source(self) -> Representation:
        """What it takes, and how the group acts on that."""
        return Representation(self.group, self.in_signature)


class AbstractBlock(AbstractMap):
    """Layers on one grid, of which those that convolve decide what commutes."""

    @property
    @abc.abstractmethod
    def convolutions(self) -> tuple[Any, ...]:
        """The layers that convolve, from what the block takes to what it gives."""

    @property
    def group(self) -> Group:
        """The group that the block commutes with."""
        return self.convolutions[0].group

    @property
    def in_signature(self) -> Signature:
        """What the block takes."""
        return self.convolutions[0].in_signature

    @property
    def out_signature(self) -> Signature:
        """What the block gives."""
        return self.convolutions[-1].out_signature

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """One cell along periodic axes, 0 along others.

        **Raises:** `ValueError` if a layer refuses the grid, with the mend.
        """
        return common_steps(grid, *self.convolutions)


class AbstractWrapper(AbstractMap):
    """Something around one model, between the same signatures."""

    model: eqx.AbstractVar[Any]

    @property
    def in_signature(self) -> Signature:
        """What the model takes, if it says so."""
        return self.model.in_signature

    @property
    def out_signature(self) -> Signature:
        """What the model gives, if it says so."""
        return self.model.out_signature

    @property
    def num_parameters(self) -> int:
        """How many numbers it is called with after its input."""
        return getattr(self.model, "num_parameters", 0)


class AbstractTransparentWrapper(AbstractWrapper):
    """A wrapper that commutes with what its model commutes with."""

    @property
    def group(self) -> Group:
        """The group that the model commutes with."""
        return self.model.group

    @property
    def hidden(self) -> Signature:
        """The fields inside the model."""
        return self.model.hidden

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """The shifts that the model commutes with; 0 where it does not say.

        **Raises:** `ValueError` if the model refuses the grid, with the mend.
        """
        return steps_of(self.model, grid)


class AbstractNetwork(AbstractMap):
    """A network whose constructor takes `group`, `in_signature`, `out_signature`,
    `hidden`, `key` and `dtype`, and keeps its other arguments as attributes.

    That is all that `like`, `geomnet.twin`, `geomnet.models.describe_model` and the
    command line need.
    """

    hidden: eqx.AbstractVar[Signature]

    def like(
        self: M, *, group: Group, hidden: "Signature | str", key: PRNGKeyArray
    ) -> M:
        """A new network of the same shape.

        **Arguments:**

        - `group`: what the new one commutes with.
        - `hidden`: the fields inside.
        - `key`: draws its weights.

        **Raises:** `ValueError` if the network does not keep its arguments.
        """
        return rebuilt(self, group=group, hidden=hidden, key=key)


def check_says(model: Any, name: str) -> None:
    """**Raises:** `TypeError` unless a model can be called, and says one of its
    signatures.
    """
    if not callable(model) or getattr(model, name, None) is None:
        raise TypeError(
            f"`model` must be a module of images that has `{name}`, such as "
            f"`geomnet.UNet(...)`, got {shown(model)}."
        )


def steps_of(model: Any, grid: tuple[int, ...]) -> tuple[int, ...]:
    """A model's `translation_steps`; 0 along each axis if it does not say."""
    stated = getattr(model, "translation_steps", None)
    return (0,) * len(grid) if stated is None else stated(grid)


def parts_of(model: Any) -> Iterator[Any]:
    """A model, what it is around, and so on to the innermost."""
    while model is not None:
        yield model
        model = getattr(model, "model", getattr(model, "inside", None))


def check_periodic(model: Any, grid: tuple[int, ...], what: str) -> None:
    """**Raises:** `ValueError` if a model says that an axis of a grid is not periodic.

    **Arguments:** `what`: is not exact then, for the message.
    """
    *_, innermost = parts_of(model)
    steps = steps_of(model, grid) if hasattr(innermost, "translation_steps") else ()
    for axis, step in enumerate(steps):
        if step == 0:
            raise ValueError(
                f"{what} along axis {axis} of the grid would not be exact: "
                f"{type(innermost).__name__} commutes with no translation along it. "
                "Leave it out where a boundary is not PERIODIC."
            )


def own_units_of(model: Any, history: Any, *inputs: Any) -> Any:
    """The units of a sample that a model has, or what it is around; None if it has
    none.
    """
    for part in parts_of(model):
        if hasattr(part, "own_units"):
            return part.own_units(history, *inputs)
    return None


def given_parameters(
    where: str, units: Any, parameters: Any, built_in: Any, dtype: Any
) -> jax.Array:
    """The parameters of a sample in the order of `units`, or those built in.

    **Raises:** `ValueError` if there are none, or not as many as the units have.
    """
    names = list(dict(units.parameters))
    given = built_in if parameters is None else parameters
    if given is None:
        raise ValueError(
            f"{where}: the sample's {names} are missing: call "
            "`net(history, parameters)`, or build it with `parameters=`."
        )
    given = jnp.asarray(given, accumulator(dtype))
    if given.shape != (len(names),):
        raise ValueError(
            f"{where}: `parameters` must hold {len(names)} numbers, in the order of "
            f"{names}, got shape {given.shape}."
        )
    return given


def kept_arguments(model: Any) -> dict[str, Any]:
    """The arguments that built a model, as its attributes of the same names have them.

    **Raises:** `ValueError` if the model does not keep one of them.
    """
    names = inspect.signature(type(model).__init__).parameters
    arguments = {}
    for name in names:
        if name in _NOT_KEPT or _said(name, model, arguments.get("model")):
            continue
        if not hasattr(model, name):
            raise ValueError(
                f"`model`: {type(model).__name__} does not keep its argument `{name}`, "
                "so it can't be built again."
            )
        arguments[name] = getattr(model, name)
    return arguments


def _said(name: str, model: Any, inside: Any) -> bool:
    """Whether the model inside of a wrapper says it: then the wrapper need not."""
    own = ("group", "in_signature", "out_signature")
    return name in own and getattr(inside, name, None) == getattr(model, name, ())


def rebuilt(model: M, *, key: PRNGKeyArray, **changed: Any) -> M:
    """A new model of the same class, shape and dtype; some arguments changed.

    **Raises:** `ValueError` if the model does not keep its arguments.
    """
    leaves = jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array))
    arguments = {**kept_arguments(model), **changed}
    arguments |= {"key": key, "dtype": leaves[0].dtype}
    return type(model)(**arguments)
