"""A checkpoint holds everything: resuming goes on bit for bit.

The file: the metadata as one line of JSON; a line of JSON that says the structure of
the state, the names and sizes of its arrays, and the digest of the first line; the
bytes of the arrays; the SHA-256 digest of all that. Files of the first format (the
metadata and Equinox's serialised leaves, no digest) are read by `_first_format.py`.
"""

import hashlib
import json
import os
from typing import Any, BinaryIO, NamedTuple, TypeVar

from .._arguments import checked
from ._average import averaged_weights, with_average
from ._file import checkpoint_path, regular_file, sole_writer, whole_file
from ._first_format import FIRST_LEAF, read_first_format
from ._leaves import (
    all_lines,
    leaf_bytes,
    numbers_line,
    restored,
    stored_leaves,
    with_leaves,
)
from ._metadata import canonical, differences, named
from ._text import meanings, static_lines

T = TypeVar("T")

_FORMAT = "geomnet checkpoint"
_DIGEST = hashlib.sha256().digest_size
_LONGEST_LINE = 1 << 26
_CHUNK = 1 << 20


def save_checkpoint(
    path: "str | os.PathLike[str]", state: Any, metadata: dict[str, Any] | None = None
) -> None:
    """Writes a state and a description of it, all or nothing.

    The file appears under its name only when it is complete, so a run that is killed in
    the middle leaves the checkpoint before. A path that is a symbolic link stays one.

    **Arguments:**

    - `path`: of the file.
    - `state`: any tree of arrays, such as a `TrainState`.
    - `metadata`: what JSON can say, such as the configuration, and objects of known
        classes, such as a `Normaliser`; one line at the start of the file. Tuples
        become lists, NumPy's numbers plain ones.

    **Raises:** `TypeError` that names what JSON can't say; `ValueError` if nothing can
    be written there, or another process writes the file.
    """
    described = canonical(metadata)
    target = checkpoint_path(path)
    with sole_writer(target):
        write_checkpoint(target, state, described)


@checked
def load_checkpoint(
    path: "str | os.PathLike[str]", like: T
) -> tuple[T, dict[str, Any]]:
    """Reads what `save_checkpoint` wrote: `(state, metadata)`.

    **Arguments:**

    - `path`: of the file.
    - `like`: a state of the same structure, shapes, dtypes and static fields, such as a
        new one; or a model, where the file holds its `TrainState`. Its arrays say on
        which devices those of the file are laid.

    **Raises:** `FileNotFoundError` if there is no file; `ValueError` if it is not a
    checkpoint of such a state, with the differences, or is not whole.
    """
    with regular_file(path) as (file, size):
        metadata, header = _head(file, path)
        if header is None:
            return read_first_format(file, size, path, like), metadata
        contents = _contents(file, size, path, header)
        prefix = _place_of(static_lines(like), contents)
        return _part(file, path, contents, prefix, like), metadata


def load_averaged(path: "str | os.PathLike[str]", like: T) -> T:
    """The model of a checkpoint, with its averaged weights where there are any.

    **Raises:** as `load_checkpoint`.
    """
    with regular_file(path) as (file, size):
        header = _head(file, path)[1]
        if header is None:
            return read_first_format(file, size, path, like)
        contents = _contents(file, size, path, header)
        prefix = _place_of(static_lines(like), contents)
        model = _part(file, path, contents, prefix, like)
        if contents.texts.get(".average") != "WeightAverage" or not prefix:
            return model
        place, own = ".average.weights", averaged_weights(model)
        return with_average(model, _part(file, path, contents, place, own))


def _part(file: BinaryIO, path: Any, contents: "_Contents", prefix: str, like: T) -> T:
    """What a file holds at a place, in the form of `like`."""
    differing = differences(_below(prefix, contents.texts), all_lines(like))
    if differing:
        raise ValueError(
            f"{path} is not a checkpoint of this state: {named(differing)}. Build "
            "the model with the settings of the run that wrote it, take what fits "
            "with `geomnet.training.load_weights`, or start anew in another file."
        )
    leaves = [
        restored(leaf, _read(file, *contents.places[prefix + leaf.path]))
        for leaf in stored_leaves(like)
    ]
    return with_leaves(like, leaves)


@checked
def load_weights(path: "str | os.PathLike[str]", model: T) -> tuple[T, list[str]]:
    """The weights of a checkpoint in a changed model, by name: `(model, left)`.

    What has the same name, shape and dtype, in a layer that gives its numbers the same
    meaning (the space of kernels, the types of fields, the group), is taken from the
    file; all else stays as the model has it.

    **Arguments:**

    - `path`: a checkpoint of a model, or of a `TrainState` with one.
    - `model`: may differ from that of the file in boundaries, dilations, depth, ….

    **Returns:** the model, and the names of the arrays that stayed as they were.

    **Raises:** `ValueError` if the file is no whole checkpoint, says no names as it is
    of the first format, or has nothing that fits.
    """
    with regular_file(path) as (file, size):
        header = _head(file, path)[1]
        if header is None:
            raise ValueError(
                f"{path} is of the first format, which has no names: load it with "
                "`load_checkpoint` into the model that it is of, and save that anew."
            )
        contents = _contents(file, size, path, header)
        lines = static_lines(model)
        prefix = _place_of(lines, contents)
        texts = _below(prefix, contents.texts)
        meaning = meanings(model)
        leaves, left = [], []
        for leaf in stored_leaves(model):
            same = texts.get(numbers_line(leaf.path)) == leaf.text and all(
                texts.get(place) == lines[place] for place in meaning(leaf.path)
            )
            if same:
                place = contents.places[prefix + leaf.path]
                leaves.append(restored(leaf, _read(file, *place)))
            else:
                leaves.append(leaf.value)
                left.append(leaf.path)
    if len(left) == len(leaves):
        raise ValueError(
            f"{path} has no weights that fit `model`: no array has the same name, "
            "shape and meaning."
        )
    return with_leaves(model, leaves), left


@checked
def read_metadata(path: "str | os.PathLike[str]") -> dict[str, Any]:
    """The description at the start of the checkpoint `path`, without its arrays.

    **Raises:** `FileNotFoundError`; `ValueError` if the file is not a checkpoint, or
    the description is damaged.
    """
    with regular_file(path) as (file, _):
        return _head(file, path)[0]


def write_checkpoint(target: Any, state: Any, metadata: dict[str, Any]) -> None:
    """The same as `save_checkpoint` for who is the sole writer of a checked path."""
    leaves = stored_leaves(state)
    first = f"{json.dumps(metadata)}\n".encode()
    header = {
        _FORMAT: 2,
        "metadata": hashlib.sha256(first).hexdigest(),
        "structure": static_lines(state),
        "leaves": [(leaf.path, leaf.text, leaf.size) for leaf in leaves],
    }
    digest = hashlib.sha256()
    with whole_file(target) as file:

        def put(data: bytes) -> None:
            digest.update(data)
            file.write(data)

        put(first)
        put(f"{json.dumps(header)}\n".encode())
        for leaf in leaves:
            put(leaf_bytes(leaf))
        file.write(digest.digest())


class _Contents(NamedTuple):
    """What the second line says: texts by path, and where each array lies."""

    texts: dict[str, str]
    places: dict[str, tuple[int, int]]


def _head(file: BinaryIO, path: Any) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The metadata and the second line; None for that in files of the first format."""
    first = file.readline(_LONGEST_LINE)
    metadata = _json_line(first, path)
    start = file.tell()
    second = file.read(len(FIRST_LEAF))
    if second in (FIRST_LEAF, b""):
        file.seek(start)
        return metadata, None
    header = _json_line(second + file.readline(_LONGEST_LINE), path)
    if header.get(_FORMAT) != 2:
        raise ValueError(
            f"{path} is not a checkpoint of a format that this version reads."
        )
    if header.get("metadata") != hashlib.sha256(first).hexdigest():
        raise ValueError(
            f"{path} is not a checkpoint as it was written: its first line is damaged. "
            "Take an earlier one, or copy it again."
        )
    return metadata, header


def _json_line(line: bytes, path: Any) -> dict[str, Any]:
    try:
        found = json.loads(line) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(
            f"{path} is not a checkpoint: it does not begin with lines of JSON, or is "
            "cut off or damaged there."
        )
    return found


def _contents(
    file: BinaryIO, size: int, path: Any, header: dict[str, Any]
) -> _Contents:
    """**Raises:** `ValueError` unless the file is whole, to the last bit."""
    start = file.tell()
    file.seek(0)
    digest, left = hashlib.sha256(), size - _DIGEST
    while left > 0 and (part := file.read(min(left, _CHUNK))):
        digest.update(part)
        left -= len(part)
    if left or file.read(_DIGEST + 1) != digest.digest():
        raise ValueError(
            f"{path} is not a checkpoint as it was written: it is cut off or damaged. "
            "Take an earlier one, or copy it again."
        )
    texts: dict[str, str] = {}
    places: dict[str, tuple[int, int]] = {}
    try:
        texts = {str(place): str(text) for place, text in header["structure"].items()}
        for place, text, length in header["leaves"]:
            texts[numbers_line(place)] = str(text)
            places[str(place)] = start, int(length)
            start += int(length)
        if texts.get("") == "TrainState":
            # States of before averages were kept have no such part.
            texts.setdefault(".average", "NoneType")
        is_explained = start == size - _DIGEST
        is_explained &= all(length >= 0 for _, length in places.values())
    except (KeyError, TypeError, ValueError, AttributeError):
        is_explained = False
    if not is_explained:
        raise ValueError(f"{path} is not a checkpoint: its sizes are not those it has.")
    return _Contents(texts, places)


def _place_of(lines: dict[str, str], contents: _Contents) -> str:
    """Where in the file's state to look: at its model if a model is asked for."""
    is_state = contents.texts.get("") == "TrainState"
    return ".model" if is_state and lines.get("") != "TrainState" else ""


def _below(prefix: str, texts: dict[str, str]) -> dict[str, str]:
    return {
        place.removeprefix(prefix): text
        for place, text in texts.items()
        if place.startswith(prefix)
    }


def _read(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)
