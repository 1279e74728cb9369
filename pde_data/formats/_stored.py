"""What an open HDF5 file stores under a name: checked and bounded, or refused by name.

A file may be damaged, or made by a stranger: nothing is taken for what it claims to be.
Every refusal is a `ValueError` of one line that names the file and what is stored.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

# What h5py raises, from wherever it stands, for metadata that make no sense.
DAMAGE = (
    AttributeError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    SystemError,
    TypeError,
    ValueError,
)
# Deflate makes no less of a byte than this; every other filter of h5py makes more.
_MOST_COMPRESSED = 1100
# What may be read beyond the size of the file: coordinates of repeated fields.
_SLACK = 2**16


@contextlib.contextmanager
def damage_explained(file: Any, what: str) -> Iterator[None]:
    """Says which part of which file could not be read, whatever h5py raises.

    For single accesses to h5py alone: our own mistakes are not to pass for damage.
    """
    try:
        yield
    except DAMAGE as error:
        raise ValueError(
            f"{file.file.filename}: {what} can't be read; the file may be damaged "
            f"({error})."
        ) from error


def as_text(name: str | bytes) -> str:
    """A name in a file, which h5py gives as bytes where they are no UTF-8."""
    return name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else name


def stored(file: Any, name: str | bytes) -> Any | None:
    """The group or data set of that name; `None` for none, or a link to nothing.

    **Raises:** `ValueError` if it is there and can't be opened.
    """
    with damage_explained(file, as_text(name)):
        # `get` alone gives `None` for what is damaged, too.
        if type(file.get(name, getlink=True)).__name__ == "HardLink":
            return file[name]
        return file.get(name)


def children(group: Any | None) -> dict[str, Any]:
    """What stands in a group, by name in order; nothing for `None` or a data set."""
    if group is None or not hasattr(type(group), "keys"):
        return {}
    with damage_explained(group, group.name):
        names = {as_text(name): name for name in group}
    nodes = {text: stored(group, names[text]) for text in sorted(names)}
    return {name: node for name, node in nodes.items() if node is not None}


def is_dataset(node: Any) -> bool:
    """Whether a node is a data set: asked of its class, as h5py looks into the file for
    what an instance has.
    """
    return hasattr(type(node), "shape")


def dataset(file: Any, name: str) -> Any:
    """A data set of finite size, of real numbers, that the file really holds.

    **Raises:** `ValueError` if it is missing, a group, of another kind, or larger than
    what is stored of it explains.
    """
    node = stored(file, name)
    where = f"{file.file.filename}: {name}"
    if node is None:
        raise ValueError(f"{where} is missing.")
    fault = dataset_fault(node)
    if fault:
        raise ValueError(f"{where} {fault}.")
    return node


def dataset_fault(node: Any) -> str:
    """Why a node is no data set of real numbers that the file really holds, or ""."""
    if not is_dataset(node):
        return "is no data set"
    with damage_explained(node, str(node.name)):
        shape, dtype = node.shape, node.dtype
        nbytes = 0 if shape is None else int(node.nbytes)
        outside = node.is_virtual or bool(node.external)
        held = None if outside else int(node.id.get_storage_size())
        packed = node.id.get_create_plist().get_nfilters() > 0
        size = int(node.file.id.get_filesize())
    if shape is None:
        return "is empty"
    if dtype.kind not in "fiub":
        return f"holds {dtype}, no real numbers"
    if held is None:  # Allowed explicitly, by whoever knows those files.
        return ""
    explained = min(held, size) * (_MOST_COMPRESSED if packed else 1)
    if nbytes > explained:
        return (
            f"claims {shape}, {nbytes} bytes, of which the file stores {held}; it was "
            "never written as a whole"
        )
    return ""


def numbers(file: Any, name: str) -> np.ndarray:
    """A small data set of numbers, read at once.

    **Raises:** `ValueError` as `dataset`, and if it would need more memory than the
    size of the file explains.
    """
    node = dataset(file, name)
    _refuse_large(file, name, int(node.nbytes))
    with damage_explained(file, name):
        return np.asarray(node[()])


def group_of_numbers(file: Any, name: str) -> dict[str, np.ndarray]:
    """Every data set of a group, read at once; nothing where there is no such group."""
    nodes = children(stored(file, name))
    paths = {key: f"{name}/{key}" for key in nodes}
    claims = [int(dataset(file, path).nbytes) for path in paths.values()]
    _refuse_large(file, name, sum(claims))
    return {key: numbers(file, path) for key, path in paths.items()}


def attribute(node: Any, name: str | bytes, default: Any = None) -> Any:
    """The value of an attribute, or the default where there is none."""
    with damage_explained(node, f"attribute {as_text(name)} of {node.name}"):
        return node.attrs.get(name, default)


def attributes(node: Any) -> dict[str, Any]:
    """All attributes by name."""
    with damage_explained(node, f"the attributes of {node.name}"):
        names = list(node.attrs)
    return {as_text(name): attribute(node, name) for name in names}


def words(node: Any, name: str) -> list[str]:
    """An attribute that lists names; none where it is missing.

    **Raises:** `ValueError` if it holds anything but text.
    """
    value = attribute(node, name, [])
    listed = [value] if isinstance(value, (str, bytes)) else value
    found = []
    for word in np.ravel(np.asarray(listed, object)):
        if isinstance(word, bytes):
            word = word.decode("utf-8", "replace")
        if not isinstance(word, str):
            raise ValueError(
                f"{node.file.filename}: attribute {name} of {node.name} must list "
                f"names, got {_short(value)}."
            )
        found.append(word)
    return found


def flag(node: Any, name: str) -> bool | None:
    """An attribute that is true or false; `None` where it is missing.

    **Raises:** `ValueError` if it is neither.
    """
    value = attribute(node, name)
    if value is None:
        return None
    if np.ndim(value) != 0 or not isinstance(value, (bool, int, np.bool, np.integer)):
        raise ValueError(
            f"{node.file.filename}: attribute {name} of {node.name} must be true or "
            f"false, got {_short(value)}."
        )
    return bool(value)


def whole_number(node: Any, name: str) -> int | None:
    """An attribute that is a whole number; `None` where it is missing.

    **Raises:** `ValueError` if it is none.
    """
    value = attribute(node, name)
    if value is None:
        return None
    if np.size(value) != 1 or np.asarray(value).dtype.kind not in "iu":
        raise ValueError(
            f"{node.file.filename}: attribute {name} of {node.name} must be a whole "
            f"number, got {_short(value)}."
        )
    return int(np.ravel(value)[0])


def _refuse_large(file: Any, name: str, nbytes: int) -> None:
    with damage_explained(file, name):
        size = int(file.file.id.get_filesize())
    if nbytes > size + _SLACK:
        raise ValueError(
            f"{file.file.filename}: {name} would need {nbytes} bytes of memory, which "
            f"a file of {size} bytes does not explain."
        )


def refuse_unexplained(file: Any, name: str, nbytes: int) -> None:
    """Refuse a field that repeats itself into more than any file of this size unpacks
    to.

    **Raises:** `ValueError` that says what is claimed.
    """
    with damage_explained(file, name):
        size = int(file.file.id.get_filesize())
    if nbytes > size * _MOST_COMPRESSED:
        raise ValueError(
            f"{file.file.filename}: one trajectory of {name} would need {nbytes} bytes "
            f"of memory, repeated along the axes that it lacks, which a file of {size} "
            "bytes does not explain."
        )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
