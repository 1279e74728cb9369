"""Files that are opened again where they are unpickled, such as in a worker process.

An open HDF5 file can't go to another process. What is pickled is its path, and what
tells that another file stands there now.
"""

import os
from pathlib import Path
from typing import Any

from ..formats._hdf5 import open_hdf5
from ..formats._spread import Spread
from ..formats._stored import dataset


class OpenFile:
    """An open `h5py.File`. Unpickled, it is opened when something is read of it."""

    def __init__(self, file: Any, *, allow_external: bool = False):
        self.filename: str = file.filename
        self._path = Path(os.path.abspath(file.filename))
        self._allow_external = allow_external
        self._file: Any | None = file
        self._closed = False
        self._stamp = _stamp(self._path)

    def opened(self) -> Any:
        """The `h5py.File`.

        **Raises:** `FileNotFoundError` if it has gone, `ValueError` if it has changed
        or is closed.
        """
        if self._closed:
            raise ValueError(
                f"{self.filename} is closed: read before `close`, or inside of the "
                "`with` block."
            )
        if self._file is None:
            file = open_hdf5(self._path, allow_external=self._allow_external)
            if _stamp(self._path) != self._stamp:
                file.close()
                raise ValueError(
                    f"{self._path} has changed since it was loaded in the process that "
                    "sent it here: load it anew."
                )
            self._file = file
        return self._file

    def close(self) -> None:
        """For good: nothing opens it again."""
        self._closed = True
        if self._file is not None:
            self._file.close()

    def kept(self, array: Any) -> Any:
        """A data set of this file, or what is made of such, fit to be pickled."""
        if isinstance(array, (list, tuple)):
            return [self.kept(part) for part in array]
        if isinstance(array, Spread):
            return array.of(self.kept(array.source))
        # Formats of others may give what they like.
        return StoredDataset(self, array) if hasattr(array, "id") else array

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_file": None}


class StoredDataset:
    """A data set of an `OpenFile`."""

    def __init__(self, file: OpenFile, node: Any):
        self.file = file
        self.name: str = node.name
        self.shape: tuple[int, ...] = node.shape
        self.dtype: Any = node.dtype
        self._node: Any | None = node

    def __getitem__(self, key: Any) -> Any:
        file = self.file.opened()
        node = dataset(file, self.name) if self._node is None else self._node
        self._node = node
        return node[key]

    def __getstate__(self) -> dict[str, Any]:
        node = self._node
        if node and node.file.filename != self.file.filename:
            raise TypeError(
                f"{self.file.filename}: {self.name} lies in {node.file.filename}, so "
                "it can't be pickled: load the files anew in the other process."
            )
        return self.__dict__ | {"_node": None}


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes with the file; nothing for one that is not on a disk."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
