"""HDF5 files: opened with clear errors, made so that they appear whole, compressed.

h5py is loaded when it is used.
"""

import contextlib
import importlib.util
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ._disk_space import full_disk_explained, reserve
from ._inventory import refuse_outside
from ._stored import DAMAGE
from ._writer_lock import in_use, open_own

# More than a file needs for names, attributes and headers.
_METADATA = 2**17
# More than the index needs for each chunk: with five axes 91 bytes, with six 100.
_CHUNK_ENTRY = 256
# Smaller chunks cost more than they save.
_LEAST_CHUNK = 2**14


def need_h5py() -> None:
    """Refuse to go on without the package that files need.

    **Raises:** `ImportError` that says how to install it.
    """
    if importlib.util.find_spec("h5py") is None:
        raise ImportError(
            "Reading and writing files needs h5py: pip install 'geomnet[data]'."
        )


def open_hdf5(path: Path, *, allow_external: bool = False) -> Any:
    """An `h5py.File` open for reading, or an error that says what to do.

    A file that takes numbers from outside of itself is refused, unless that is allowed.
    """
    need_h5py()
    import h5py

    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.{_hint(path)}")
    if path.is_dir():
        raise ValueError(
            f"{path} is a folder; name the files in it, such as {path}/*.hdf5."
        )
    try:
        file = h5py.File(path, "r")
    except BlockingIOError:
        raise in_use(path) from None
    except DAMAGE as error:
        raise ValueError(
            f"{path} is not a readable HDF5 file; it may be truncated or of another "
            f"kind ({error})."
        ) from error
    if not allow_external:
        try:
            refuse_outside(file)
        except BaseException:
            file.close()
            raise
    return file


def _hint(path: Path) -> str:
    partial = path.with_name(path.name + ".partial")
    if partial.exists():
        return (
            f" There is {partial.name}, an unfinished one: run `generate` again to "
            "finish it."
        )
    pattern = f"{path.stem}-*-of-*{path.suffix}"
    if any(path.parent.glob(pattern)):
        return f" There are parts of it: load {path.with_name(pattern)}."
    return ""


@contextlib.contextmanager
def new_hdf5(path: Path, size: int) -> Iterator[Any]:
    """An `h5py.File` to fill, which appears as `path` when it is whole.

    It is made in `path` + ".new", for which `size` bytes, no less than its data sets
    will need, are claimed first: HDF5 crashes the process if it cannot close a file.
    """
    import h5py

    size += _METADATA
    staging = path.with_name(path.name + ".new")
    descriptor = open_own(staging, os.O_RDWR | os.O_CREAT)
    try:
        reserve(descriptor, path, size)
        with full_disk_explained(path), h5py.File(staging, "w") as file:
            # Opening has given the space back.
            reserve(descriptor, path, size)
            yield file
            file.flush()
            end = file.id.get_filesize()
        os.ftruncate(descriptor, end)
        os.fsync(descriptor)
        os.replace(staging, path)
    finally:
        os.close(descriptor)
        staging.unlink(missing_ok=True)


def compress(path: Path) -> None:
    """Rewrite a finished file with compressed chunks, each of one snapshot or of as
    many small ones as are worth an entry in the index.
    """
    import h5py

    with h5py.File(path, "r") as old:
        size, chunks = path.stat().st_size, {}

        def plan(name: str, node: Any) -> None:
            nonlocal size
            if isinstance(node, h5py.Dataset) and node.ndim > 2:
                chunks[name] = chunk = _chunk(node.shape, node.dtype.itemsize)
                number = node.shape[0] * math.ceil(node.shape[1] / chunk[1])
                # Chunks that do not shrink are stored as they are, the last ones whole.
                nbytes = math.prod(chunk) * node.dtype.itemsize
                size += number * (nbytes + _CHUNK_ENTRY) - node.nbytes

        old.visititems(plan)
        with new_hdf5(path, size) as new:
            _copy_attributes(old, new)

            def copy(name: str, node: Any) -> None:
                if name in chunks:
                    target = new.create_dataset(
                        name,
                        node.shape,
                        node.dtype,
                        chunks=chunks[name],
                        compression="gzip",
                        shuffle=True,
                    )
                    for index in range(node.shape[0]):
                        target[index] = node[index]
                elif isinstance(node, h5py.Dataset):
                    target = new.create_dataset(name, data=node[()])
                else:
                    target = new.require_group(name)
                _copy_attributes(node, target)

            old.visititems(copy)


def _chunk(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    snapshot = math.prod(shape[2:]) * itemsize
    times = min(max(1, _LEAST_CHUNK // snapshot), shape[1])
    return (1, times, *shape[2:])


def _copy_attributes(old: Any, new: Any) -> None:
    import h5py

    for name in old.attrs:
        # The stored type, as NumPy's object arrays do not say what they hold.
        stored = h5py.h5a.open(old.id, name.encode())
        new.attrs.create(name, old.attrs[name], stored.shape, stored.dtype)
