"""All file formats, by name, and the questions that are asked of any of them."""

from collections.abc import Iterator
from typing import Any

from ._file_format import FileContents, FileFormat
from ._inventory import inventory, unread
from ._own_records import CERTIFICATE, CONFIG, GENERATION, record_faults
from ._pdebench import PDEBENCH
from ._stored import attribute, children, damage_explained, stored
from ._well import WELL

FORMATS: dict[str, FileFormat] = {format.name: format for format in (WELL, PDEBENCH)}
"""The formats by name; a file is of the first one that recognises it."""


def format_of(file: Any) -> FileFormat | None:
    """The format of an open `h5py.File`, or `None` if it has none of ours."""
    with damage_explained(file, "the list of what it holds"):
        found = (format for format in FORMATS.values() if format.recognises(file))
        return next(found, None)


def read_contents(file: Any) -> FileContents:
    """What an open `h5py.File` holds.

    **Raises:** `ValueError` for a file of another kind, or one that lacks something.
    """
    format = format_of(file)
    if format is None:
        known = ", nor of ".join(format.signs for format in FORMATS.values())
        found = ", ".join(list(children(file))[:8]) or "nothing"
        raise ValueError(
            f"{file.filename} has not the layout of {known}; it holds {found}."
        )
    return format.read(file)


def unread_datasets(file: Any, contents: FileContents) -> tuple[str, ...]:
    """The names of what stands in a file and was not understood; of formats that do
    not say what they have read, nothing.
    """
    if contents.read is None:
        return ()
    own: list[str] = []
    if attribute(file, CONFIG) is not None:
        for group in (GENERATION, CERTIFICATE):
            own += [f"{group}/{name}" for name in children(stored(file, group))]
    return unread(file, {*contents.read, *own})


def structural_faults(file: Any) -> list[str]:
    """Where an open file departs from its format; empty if nowhere."""
    found: list[str] = []
    try:
        format = format_of(file)
        if format is None:
            return [f"the layout of no known format ({', '.join(sorted(FORMATS))})"]
        for name in inventory(file).damaged:
            found.append(f"{name} can't be read")
        for faults in (format.faults, record_faults):
            found += _until_damage(faults(file))
    except ValueError as error:
        found.append(str(error))
    return found


def _until_damage(faults: Iterator[str]) -> Iterator[str]:
    """Faults as far as they can be looked for, and what stood in the way."""
    try:
        yield from faults
    except ValueError as error:
        yield str(error)
