"""A network's description as JSON can say it, and the network again from it."""

import inspect
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np

from .._arguments import checked
from .._group import Group
from .._signature import Signature
from ..nn import Boundary
from ._contract import kept_arguments
from ._description_bounds import check_bounds
from ._fno import FNO
from ._persistence import Persistence
from ._res_unet import ResUNet
from ._residual import Residual
from ._resnet import DilatedResNet, ResNet
from ._unet import UNet

NETWORKS: tuple[type, ...] = (DilatedResNet, FNO, Persistence, ResNet, ResUNet, UNet)
"""What can be described without being named."""


@checked
def describe_model(model: Any, classes: Sequence[type] = ()) -> dict[str, Any]:
    """What to write into a checkpoint, so that the model can be built again.

    The class's name and the arguments that built it, as the model's attributes have
    them: `{"class": "UNet", "group": "hyperoctahedral(2)", "in_signature": "0+ 1+",
    ...}`; `"residual": true` for a `geomnet.Residual` around it.

    **Arguments:**

    - `classes`: networks of your own, besides those of `geomnet.models`.

    **Raises:** `ValueError` if the class is none of these, or does not keep an
    argument.
    """
    if isinstance(model, Residual):
        return {**describe_model(model.model, classes), "residual": True}
    name = type(model).__name__
    if _known(classes).get(name) is not type(model):
        raise ValueError(
            f"`model` is a {name}, which is none of {', '.join(_known(classes))}: name "
            f"it, `describe_model(model, classes=[{name}])`, here and where it is "
            "rebuilt."
        )
    described = {name: _plain(value) for name, value in kept_arguments(model).items()}
    description: dict[str, Any] = {"class": name, **described}
    dtypes = {str(a.dtype) for a in jax.tree.leaves(eqx.filter(model, eqx.is_array))}
    floating = sorted(
        d for d in dtypes if np.issubdtype(jax.numpy.dtype(d), np.inexact)
    )
    if len(floating) == 1 and floating != ["float32"]:
        description["dtype"] = floating[0]
    return description


@checked
def rebuild_model(
    description: dict[str, Any],
    classes: Sequence[type] = (),
    *,
    most_weights: int = 2**30,
) -> Any:
    """A new model from what `describe_model` gave, with arbitrary numbers.

    The numbers come from the checkpoint: `load_checkpoint(path, rebuilt)`.

    **Arguments:**

    - `classes`: networks of your own, besides those of `geomnet.models`.
    - `most_weights`: what a description from a stranger may claim; for a file, the
        bytes that it has. Larger networks are refused before they are built.

    **Raises:** `ValueError` if the description names no known class, lacks an argument
    of it, or claims a network that is too large.
    """
    check_bounds(description, most_weights)
    arguments = dict(description)
    name = arguments.pop("class", None)
    is_residual = arguments.pop("residual", False)
    known = _known(classes)
    if name not in known:
        raise ValueError(
            f'`description` must have a "class" among {", ".join(known)}, got '
            f"{name!r}: write `geomnet.models.describe_model(model)` into the "
            "checkpoint, and name a network of your own in `classes`."
        )
    if "group" in arguments:
        arguments["group"] = _group(arguments["group"])
    if "dtype" in arguments:
        arguments["dtype"] = jax.numpy.dtype(arguments["dtype"])
    if "boundary" in arguments:
        arguments["boundary"] = _boundary(arguments["boundary"])
    build = known[name]
    parameters = inspect.signature(build.__init__).parameters
    if "norm" in parameters:
        arguments.setdefault("norm", "layer")  # Before there was a choice.
    if "key" in parameters:
        arguments["key"] = jax.random.key(0)
    try:
        model = build(**{k: _frozen(v) for k, v in arguments.items()})
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"`description` does not fit {name}: {error}. It was written by another "
            "version of the library, or by hand."
        ) from error
    return Residual(model) if is_residual else model


def _known(classes: Sequence[type]) -> dict[str, type]:
    return {kind.__name__: kind for kind in (*NETWORKS, *classes)}


def _plain(value: Any) -> Any:
    if isinstance(value, Signature):
        return str(value)
    if isinstance(value, Group):
        return named_group(value)
    if isinstance(value, Boundary):
        return value.name
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ValueError(
        f"`model` has an argument of type {type(value).__name__}, which JSON can't "
        "say: build the model yourself before loading."
    )


def named_group(group: Group) -> str | list[list[list[int]]]:
    """A group by its name, or by its generators if it has none that is known."""
    try:
        if Group.from_name(group.name) == group:
            return group.name
    except ValueError:
        pass
    return [np.asarray(g).tolist() for g in group.generators]


def _group(value: Any) -> Group:
    if isinstance(value, str):
        return Group.from_name(value)
    return Group.from_generators(value)


def _boundary(value: Any) -> Any:
    if isinstance(value, str):
        return Boundary[value]
    return tuple(map(_boundary, value))


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
