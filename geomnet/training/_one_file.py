"""Models in one file, which says what they are: no script is needed to load them."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax

from .._arguments import checked
from ..models._description import describe_model, rebuild_model, rebuild_value
from ._checkpoint import load_averaged, read_metadata, write_checkpoint
from ._file import checkpoint_path, regular_file, sole_writer
from ._leaves import all_lines
from ._metadata import canonical, differences, named
from ._run import RESERVED

_MODEL = "model"
_DEEPEST = 40
_OWN = 2**62  # weights that a model in memory may have: it has them


@checked
def save(
    model: Any,
    path: "str | os.PathLike[str]",
    metadata: Mapping[str, Any] | None = None,
    *,
    classes: Sequence[type] = (),
    overwrite: bool = False,
) -> None:
    """Writes a model into one file that `geomnet.load` needs nothing else for.

    The file is a checkpoint whose metadata hold the model's description.

    **Arguments:**

    - `model`: a network of geomnet, or wrappers around one; as it is trained, not in
        inference mode.
    - `path`: of the file.
    - `metadata`: by name, what belongs to it: text, numbers, lists and dicts, and
        objects of known classes, such as a `Normaliser` and a `Signature`. `load`
        gives them back. `{"normaliser": normaliser, "units": {"velocity": "m/s"},
        "settings": {"learning_rate": 1e-3}}`.
    - `classes`: networks, wrappers, frozen dataclasses and enums of your own in them,
        which keep their constructors' arguments as attributes.
    - `overwrite`: whether a file of that name may be replaced.

    **Raises:** before anything is written: `ValueError` if the model or a part of it
    can't be described, or its description does not build it; `TypeError` for metadata
    that can't be said; `FileExistsError` if there is such a file.
    """
    description = describe_model(model, classes)
    _check_rebuilt(model, description, classes)
    given = canonical(metadata, classes=classes)
    if _MODEL in given:
        raise ValueError(
            "`metadata` has 'model', which is the model's own description: rename it."
        )
    _rebuilt_metadata(given, classes)
    target = checkpoint_path(path)
    with sole_writer(target):
        if target.exists() and not overwrite:
            raise FileExistsError(
                f"{path} exists and is not overwritten: name another file, or say "
                "`overwrite=True`."
            )
        write_checkpoint(target, model, {_MODEL: description, **given})


@checked
def load(
    path: "str | os.PathLike[str]", *, classes: Sequence[type] = ()
) -> tuple[Any, dict[str, Any]]:
    """Reads a model from one file: `(model, metadata)`.

    Files of `geomnet.save` and checkpoints of `fit`, of which it takes the averaged
    weights where they are kept. Nothing of the file is executed, only constructors of
    known classes are called, and nothing is believed beyond what the size of the file
    explains.

    **Arguments:**

    - `path`: of the file.
    - `classes`: those of your own that the file names.

    **Returns:** the model, and what was saved with it: objects as they were, tuples as
    lists, other models as their descriptions; of a run its `"history"`, and in `"fit"`
    what decides it.

    **Raises:** `FileNotFoundError`; `ValueError` if the file is no checkpoint or not
    whole, does not say what model it holds, names an unknown class, or claims more than
    it holds.
    """
    metadata = read_metadata(path)
    with regular_file(path) as (_, size):
        pass
    description = _description_in(metadata, path)
    try:
        like = _template(description, classes, size)
        given = {k: v for k, v in metadata.items() if k not in (_MODEL, *RESERVED)}
        rebuilt = _rebuilt_metadata(given, classes)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    own = {name: metadata[name] for name in RESERVED if name in metadata}
    return load_averaged(path, like), rebuilt | own


def _description_in(metadata: dict[str, Any], path: Any) -> dict[str, Any]:
    run = metadata.get("fit")
    found = metadata.get(_MODEL) or (isinstance(run, dict) and run.get(_MODEL))
    if not isinstance(found, dict):
        raise ValueError(
            f"{path} does not say what model it holds. Save it with `geomnet.save`, or "
            'with the metadata `{"model": geomnet.models.describe_model(model)}`; or '
            "build it yourself and `geomnet.training.load_checkpoint` into it."
        )
    return found


def _template(
    description: dict[str, Any], classes: Sequence[type], most_weights: int
) -> Any:
    """The described model without numbers, which the file has."""

    def build() -> Any:
        return rebuild_model(description, classes, most_weights=most_weights)

    try:
        return eqx.filter_eval_shape(build)
    except jax.errors.JAXTypeError:
        # A constructor of the caller's that looks at numbers.
        return build()


def _check_rebuilt(
    model: Any, description: dict[str, Any], classes: Sequence[type]
) -> None:
    """**Raises:** `ValueError` unless the description builds this model."""
    built, own = (all_lines(m) for m in (_template(description, classes, _OWN), model))
    if built != own:
        lines = differences(own, built)
        text = named(lines).replace("in the file", "in the model")
        raise ValueError(
            "`model` is not what its constructor's arguments build: "
            f"{text.replace(' here', ' built')}. Set them when it is built, and save "
            "it as it is trained (`equinox.nn.inference_mode` is for afterwards)."
        )


def _rebuilt_metadata(
    metadata: dict[str, Any], classes: Sequence[type]
) -> dict[str, Any]:
    """Metadata with objects in place of their descriptions."""

    def walk(value: Any, path: str, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError(f"`{path}` is nested too deeply.")
        if isinstance(value, list):
            return [walk(x, f"{path}[{n}]", depth + 1) for n, x in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if "class" in value:
            return rebuild_value(value, path, classes)
        return {k: walk(x, f"{path}[{k!r}]", depth + 1) for k, x in value.items()}

    return walk(metadata, "metadata", 0)
