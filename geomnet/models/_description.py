"""A model's description as JSON can say it, and the model again from it.

What is described is made of objects of known classes, whose constructors' arguments
are kept as attributes, one inside another; of texts, numbers, None, tuples and dicts.
Nothing else is built from a file.
"""

import enum
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np

from .._arguments import checked
from .._group import Group
from .._normaliser import Normaliser
from .._representation import Representation
from .._signature import Entry, Signature, TensorType
from .._unit_normaliser import UnitNormaliser
from .._units import Units
from ..nn import Boundary
from ._conserving import Conserving
from ._contract import AbstractMap, AbstractNetwork, kept_arguments
from ._description_bounds import check_bounds, check_text, objects
from ._fno import FNO
from ._galilean import Galilean
from ._group_average import GroupAverage
from ._nondimensional import Nondimensional
from ._persistence import Persistence
from ._propagator import Propagator
from ._res_unet import ResUNet
from ._residual import Residual, Stated
from ._resnet import DilatedResNet, ResNet
from ._unet import UNet

_NETWORKS = (DilatedResNet, FNO, Persistence, Propagator, ResNet, ResUNet, UNet)
_WRAPPERS = (Conserving, Galilean, GroupAverage, Nondimensional, Residual, Stated)
_VALUES = (
    Boundary,
    Entry,
    Group,
    Normaliser,
    Representation,
    Signature,
    TensorType,
    UnitNormaliser,
    Units,
)
KNOWN: tuple[type, ...] = (*_NETWORKS, *_WRAPPERS, *_VALUES)
"""What can be described without being named in `classes`."""

# Arguments of these names are written short: `"group": "hyperoctahedral(2)"`.
_SIGNATURES = ("in_signature", "out_signature", "hidden")


@checked
def describe_model(model: Any, classes: Sequence[type] = ()) -> dict[str, Any]:
    """What to write into a checkpoint, so that the model can be built again.

    The class's name and the arguments that built it, as the model's attributes have
    them: `{"class": "UNet", "group": "hyperoctahedral(2)", "in_signature": "0+ 1+",
    ...}`. Arguments may be objects of known classes again: `{"class": "Residual",
    "model": {"class": "UNet", ...}}`. `geomnet.save` writes it with the weights.

    **Arguments:**

    - `classes`: networks, wrappers, frozen dataclasses and enums of your own, besides
        those of geomnet. Each keeps the arguments of its constructor as attributes.

    **Raises:** `ValueError` if a class is none of these, or does not keep an argument,
    or an argument is nothing that JSON can say.
    """
    return _of_object(model, "model", _known(classes))


def describe_value(value: Any, path: str, classes: Sequence[type] = ()) -> Any:
    """The same for anything that can be described, such as a `Normaliser`."""
    return _described(value, path, _known(classes))


def is_describable(value: Any, classes: Sequence[type] = ()) -> bool:
    """Whether a value is an object of a known class."""
    return _known(classes).get(type(value).__name__) is type(value)


@checked
def rebuild_model(
    description: dict[str, Any],
    classes: Sequence[type] = (),
    *,
    most_weights: int = 2**30,
) -> Any:
    """A new model from what `describe_model` gave, with arbitrary numbers.

    The numbers come from the checkpoint: `load_checkpoint(path, rebuilt)`. Only
    constructors of known classes are called.

    **Arguments:**

    - `description`: by names, what JSON can say.
    - `classes`: those of your own, as in `describe_model`.
    - `most_weights`: what a description from a stranger may claim; for a file, the
        bytes that it has. Larger networks are refused before they are built.

    **Raises:** `ValueError` if the description names no known class, lacks an argument
    of it, or claims a network that is too large.
    """
    if not isinstance(description, dict):
        raise ValueError(
            f"`description` must be a dict, as `describe_model` gives, got "
            f"{type(description).__name__}."
        )
    check_bounds(description, most_weights)
    return _object(description, "description", _known(classes))


def rebuild_value(description: Any, path: str, classes: Sequence[type]) -> Any:
    """The value that `describe_value` described; models stay descriptions, as what is
    described has no weights.
    """
    check_text(description, path)
    known = _known(classes)
    kinds = (known.get(str(part.get("class"))) for part in objects(description))
    if any(kind is not None and issubclass(kind, AbstractMap) for kind in kinds):
        return description
    return _value(description, path, known)


def named_group(group: Group) -> str | list[list[list[int]]]:
    """A group by its name, or by its generators if it has none that is known."""
    try:
        if Group.from_name(group.name) == group:
            return group.name
    except ValueError:
        pass
    return [np.asarray(g).tolist() for g in group.generators]


def _known(classes: Sequence[type]) -> dict[str, type]:
    known = {kind.__name__: kind for kind in KNOWN}
    for kind in classes:
        if known.setdefault(kind.__name__, kind) is not kind or kind is dict:
            raise ValueError(
                f"`classes` has a second class called {kind.__name__}: files know "
                "classes by their names, so give it another one."
            )
    return known


def _described(value: Any, path: str, known: dict[str, type]) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    is_plain = value is None or isinstance(value, bool | int | float | str)
    if is_plain and not isinstance(value, enum.Enum):
        return value
    if isinstance(value, tuple | list):
        return [_described(x, f"{path}[{n}]", known) for n, x in enumerate(value)]
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise ValueError(f"`{path}` has keys that are no text: JSON has no others.")
        items = {k: _described(x, f"{path}[{k!r}]", known) for k, x in value.items()}
        return {"class": "dict", "items": items}
    return _of_object(value, path, known)


def _of_object(value: Any, path: str, known: dict[str, type]) -> dict[str, Any]:
    name = type(value).__name__
    if known.get(name) is not type(value):
        raise ValueError(
            f"`{path}` is a {name}, which is none of {', '.join(known)}: name its "
            f"class in `classes=[{name}]`, here and where it is rebuilt, if its "
            "constructor's arguments are kept as attributes and are such values."
        )
    if isinstance(value, Signature):
        return {"class": name, "entries": str(value)}
    if isinstance(value, Group):
        said = named_group(value)
        return {"class": name, "name" if isinstance(said, str) else "generators": said}
    if isinstance(value, enum.Enum):
        return {"class": name, "name": value.name}
    description: dict[str, Any] = {"class": name}
    for argument, item in kept_arguments(value).items():
        place = f"{path}.{argument}"
        short = _short(argument, item)
        description[argument] = (
            _described(item, place, known) if short is None else short
        )
    if "dtype" in _parameters(type(value)):
        description |= _dtype(value)
    return description


def _dtype(model: Any) -> dict[str, str]:
    """That of all weights, if it is one and not float32."""
    trainable = jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array))
    dtypes = {str(array.dtype) for array in trainable}
    is_other = len(dtypes) == 1 and dtypes != {"float32"}
    return {"dtype": dtypes.pop()} if is_other else {}


def _short(argument: str, value: Any) -> Any:
    """What is written for well-known arguments; None for all others."""
    if argument == "group" and isinstance(value, Group):
        return named_group(value)
    if argument in _SIGNATURES and isinstance(value, Signature):
        return str(value)
    if argument == "boundary":
        if isinstance(value, Boundary):
            return value.name
        if isinstance(value, tuple | list):
            parts = [_short(argument, item) for item in value]
            return None if None in parts else parts
    return None


def _long(argument: str, value: Any) -> Any:
    """The value that `_short` wrote; None if it has not."""
    if not isinstance(value, str | list):
        return None
    if argument == "group":
        return _group(value)
    if argument in _SIGNATURES and isinstance(value, str):
        return Signature(value)
    if argument == "boundary":
        if isinstance(value, str):
            return Boundary[value]
        return tuple(_long(argument, item) for item in value)
    return None


def _group(value: Any) -> Group:
    if isinstance(value, str):
        return Group.from_name(value)
    return Group.from_generators(value)


def _value(described: Any, path: str, known: dict[str, type]) -> Any:
    if isinstance(described, list | tuple):
        return tuple(_value(x, f"{path}[{n}]", known) for n, x in enumerate(described))
    if not isinstance(described, dict):
        return described
    if described.get("class") == "dict" and isinstance(described.get("items"), dict):
        items = described["items"].items()
        return {k: _value(x, f"{path}[{k!r}]", known) for k, x in items}
    return _object(described, path, known)


def _object(described: dict[str, Any], path: str, known: dict[str, type]) -> Any:
    arguments = dict(described)
    name = arguments.pop("class", None)
    if not isinstance(name, str) or name not in known:
        raise ValueError(
            f'`{path}` must have a "class" among {", ".join(known)}, got {name!r}: '
            "write `geomnet.models.describe_model(model)` into the checkpoint, and "
            "name a class of your own in `classes`."
        )
    kind = known[name]
    if "residual" in arguments and "residual" not in _parameters(kind):
        # As files of before say it.
        is_residual = arguments.pop("residual")
        model = _object({"class": name, **arguments}, path, known)
        return Residual(model) if is_residual else model
    try:
        return _built(kind, arguments, path, known)
    except (ValueError, jax.errors.JAXTypeError):
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ValueError(
            f"`{path}` does not fit {name}: {said}. It was written by another version "
            "of the library, or by hand."
        ) from error


def _built(
    kind: type, arguments: dict[str, Any], path: str, known: dict[str, type]
) -> Any:
    if kind is Group:
        return _group(*arguments.values())
    if issubclass(kind, enum.Enum):
        return kind[arguments["name"]]
    given = {}
    for argument, item in arguments.items():
        short = _long(argument, item)
        place = f"{path}.{argument}"
        given[argument] = _value(item, place, known) if short is None else short
    if "dtype" in given:
        given["dtype"] = jax.numpy.dtype(given["dtype"])
    if issubclass(kind, AbstractNetwork) and "norm" in _parameters(kind):
        given.setdefault("norm", "layer")  # Before there was a choice.
    if "key" in _parameters(kind):
        given["key"] = jax.random.key(0)
    return kind(**given)


def _parameters(kind: type) -> Mapping[str, Any]:
    return inspect.signature(kind.__init__).parameters
