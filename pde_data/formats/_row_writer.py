"""A file that survives being killed: all metadata first, then rows written in place.

Every data set is contiguous and allocated when the file is made, so that storing a
trajectory touches no HDF5 metadata. A kill between or during writes leaves a valid file
with some rows marked as absent.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._arguments import check_kind, shown
from ._digests import DIGEST, covered, row_digest
from ._disk_space import full_disk_explained, reserve
from ._own_records import STORED
from ._writer_lock import open_own


def create_rows(file: Any, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
    """A contiguous data set of an open `h5py.File`, allocated at once, zero-filled.

    **Arguments:**

    - `file`: an open `h5py.File`, or a group.
    - `name`: of the data set.
    - `shape`, `dtype`: of its numbers.

    **Raises:** `TypeError` for another kind of argument, `ValueError` for a name that
    is taken.
    """
    import h5py

    if not isinstance(file, h5py.Group):
        raise TypeError(f"`file` must be an open h5py.File, got {shown(file)}.")
    check_kind("name", name, str)
    check_kind("shape", shape, tuple[int, ...])
    try:
        h5py.h5t.py_create(np.dtype(dtype), logical=True)
    except TypeError as error:
        raise TypeError(
            f"`dtype` must be one that HDF5 stores, such as 'float32', got "
            f"{shown(dtype)}."
        ) from error
    if name in file:
        raise ValueError(f"`name` must be new, but {file.file.filename} has {name!r}.")
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.CONTIGUOUS)
    # Equal runs make equal bytes.
    properties.set_obj_track_times(False)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    # The blocks of a new file read as zeros: writing them would double the time.
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    links = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    identifier = h5py.h5d.create(
        file.id,
        name.encode(),
        h5py.h5t.py_create(np.dtype(dtype), logical=True),
        h5py.h5s.create_simple(shape),
        properties,
        links,
    )
    return h5py.Dataset(identifier)


def row_names(file: Any) -> list[str]:
    """The names of the data sets of an open `h5py.File` that `create_rows` has made."""
    import h5py

    found: list[str] = []

    def visit(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            fill_time = node.id.get_create_plist().get_fill_time()
            if fill_time == h5py.h5d.FILL_TIME_NEVER:
                found.append(name)

    file.visititems(visit)
    return found


class RowWriter:
    """Writes trajectories into the rows of a prepared file, each one durable.

    **Raises:** `OSError` that says how much is needed if the disk is full.
    """

    def __init__(self, path: Path):
        import h5py

        self.path = path
        self._places: dict[str, tuple[int, tuple[int, ...], np.dtype]] = {}

        def visit(name: str, node: Any) -> None:
            if isinstance(node, h5py.Dataset):
                offset = node.id.get_offset()
                if offset is not None and node.shape:
                    self._places[name] = (offset, node.shape, node.dtype)

        file: Any
        with h5py.File(path, "r") as file:
            file.visititems(visit)
            self.stored = np.asarray(file[STORED][()])
            self._covered = covered(file)
        self._descriptor = open_own(path, os.O_RDWR)

    def reserve(self) -> None:
        """Claim the disk space of the whole file now rather than run out later."""
        ends = [
            offset + int(np.prod(shape)) * dtype.itemsize
            for offset, shape, dtype in self._places.values()
        ]
        size = max([os.fstat(self._descriptor).st_size, *ends])
        reserve(self._descriptor, self.path, size)

    def write(self, index: int, rows: Mapping[str, np.ndarray]) -> None:
        """Store the trajectory of row `index`: its rows, and only then the mark."""
        if self._covered:
            if absent := sorted(set(self._covered) - set(rows)):
                raise ValueError(f"`rows` must have a row of {', '.join(absent)}.")
            types = {name: self._places[name][2] for name in self._covered}
            kept = {name: np.asarray(rows[name], types[name]) for name in types}
            rows = {**rows, DIGEST: np.asarray(row_digest(kept))}
        with full_disk_explained(self.path):
            for name, row in rows.items():
                self._write_row(name, index, row)
            os.fsync(self._descriptor)
            self._write_row(STORED, index, np.asarray(1))
            os.fsync(self._descriptor)
        self.stored[index] = 1

    def close(self) -> None:
        """Release the file."""
        os.close(self._descriptor)

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _write_row(self, name: str, index: int, row: np.ndarray) -> None:
        offset, shape, dtype = self._places[name]
        if row.shape != shape[1:] or not 0 <= index < shape[0]:
            raise ValueError(
                f"`row` {index} of {name} must have shape {shape[1:]}, got {row.shape}."
            )
        data = np.ascontiguousarray(row, dtype).tobytes()
        position = offset + index * len(data)
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, position)
            view, position = view[written:], position + written
