"""All file formats, by name, and the questions that are asked of any of them."""

from typing import Any

from ._file_format import FileContents, FileFormat
from ._own_records import record_faults
from ._pdebench import PDEBENCH
from ._well import WELL

# A file is of the first format that recognises it.
FORMATS: dict[str, FileFormat] = {format.name: format for format in (WELL, PDEBENCH)}


def format_of(file: Any) -> FileFormat | None:
    """The format of an open `h5py.File`, or `None` if it has none of ours."""
    found = (format for format in FORMATS.values() if format.recognises(file))
    return next(found, None)


def read_contents(file: Any) -> FileContents:
    """What an open `h5py.File` holds.

    **Raises:** `ValueError` for a file of another kind, or one that lacks something.
    """
    format = format_of(file)
    if format is None:
        known = ", nor of ".join(format.signs for format in FORMATS.values())
        found = ", ".join(sorted(file)[:8]) or "nothing"
        raise ValueError(
            f"{file.filename} has not the layout of {known}; it holds {found}."
        )
    return format.read(file)


def structural_faults(file: Any) -> list[str]:
    """Where an open file departs from its format; empty if nowhere."""
    format = format_of(file)
    if format is None:
        return [f"the layout of no known format ({', '.join(sorted(FORMATS))})"]
    return [*format.faults(file), *record_faults(file)]
