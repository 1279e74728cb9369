"""Where arrays are: mappings, `.npz`, HDF5, and what xarray opens."""

import importlib
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ._arguments import shown

_HDF5 = (".h5", ".hdf5", ".hdf", ".he5", ".mat")
_XARRAY = (".nc", ".nc4", ".cdf", ".netcdf", ".zarr")
_MOST_NAMES = 12
# What h5py, zipfile and NumPy raise for files that are not whole.
_DAMAGE = (
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


class Source:
    """Arrays by name, which stay in their file until they are read.

    A file is opened when it is first read, also where this was pickled; one that has
    changed since is refused.
    """

    def __init__(self, given: Any):
        self._path = Path(given) if isinstance(given, str | os.PathLike) else None
        self._held: Any = None if self._path else given
        self._arrays: dict[str, Any] = {}
        if self._path is None:
            if not hasattr(given, "keys"):
                raise _no_source(given)
        else:
            _check_is_known(self._path)
            self._stamp = self._stamp_now()

    def __getitem__(self, name: str) -> Any:
        """The array of a name, which may be read by slices.

        **Raises:** `ValueError` if there is none, with the names that there are.
        """
        if name in self._arrays:
            return self._arrays[name]
        if self._held is None:
            self._held = self._opened()
        held = self._held
        array, dtype = self._found(held, name)
        if array is None or hasattr(type(array), "keys"):
            raise ValueError(
                f"{self} has no array '{name}'. It has {_names(held)}: `datasets={{"
                "'field': 'name there'}` says which belongs to a field."
            )
        if self._path is not None and _lies_elsewhere(array, held):
            raise ValueError(
                f"`source`: {self} takes '{name}' from outside of itself, which would "
                "read any file that its maker has named. If you trust it, open it "
                "yourself, `h5py.File(path)`, and give that."
            )
        # What isn't of NumPy's kinds (lists, PyTorch's tensors) becomes an array.
        if not hasattr(array, "shape") or not _is_dtype(dtype):
            array = np.asarray(array)
        self._arrays[name] = array
        return array

    def _found(self, held: Any, name: str) -> tuple[Any, Any]:
        """An array and its dtype, or `None`; damage in words, which h5py finds late."""
        try:
            array = held[name] if name in held else None  # noqa: SIM401 (zarr: no get)
            return array, getattr(array, "dtype", None)
        except _DAMAGE as error:
            if self._path is None:
                raise
            raise ValueError(
                f"`source`: '{name}' of {self} can't be read; the file may be damaged "
                f"({error})."
            ) from error

    def close(self) -> None:
        """Closes the file, if this opened it."""
        if self._path is not None:
            if self._held is not None:
                self._held.close()
            self._held, self._arrays = None, {}

    def __getstate__(self) -> dict[str, Any]:
        if self._path is None:
            return self.__dict__
        return self.__dict__ | {"_held": None, "_arrays": {}}

    def __str__(self) -> str:
        return "`source`" if self._path is None else str(self._path)

    def _stamp_now(self) -> tuple[int, int]:
        assert self._path is not None
        found = self._path.stat()
        return found.st_size, found.st_mtime_ns

    def _opened(self) -> Any:
        path = self._path
        assert path is not None
        if self._stamp_now() != self._stamp:
            raise ValueError(f"{path} has changed since it was opened: open it anew.")
        try:
            return _open(path)
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            why = " ".join(str(error).split())
            raise ValueError(
                f"`source`: {path} can't be read as a file of its ending ({why}). "
                "Open it yourself, and give a dict of its arrays; scipy.io.loadmat "
                "gives that of a .mat of before version 7.3."
            ) from error


def _open(path: Path) -> Any:
    ending = path.suffix.lower()
    if ending == ".npz":
        return np.load(path)
    if ending in _HDF5:
        return _imported("h5py", path, "data").File(path, "r")
    # Numbers of time are enough, and calendars need further packages.
    engine = "zarr" if ending == ".zarr" else None
    xarray = _imported("xarray", path, "xarray")
    return xarray.open_dataset(path, engine=engine, decode_times=False)


def _check_is_known(path: Path) -> None:
    if path.suffix.lower() not in (".npz", *_HDF5, *_XARRAY):
        raise ValueError(
            f"`source` '{path}' must end with .npz, {', '.join((*_HDF5, *_XARRAY))}; "
            "open anything else yourself, and give a dict of its arrays."
        )
    if not path.exists():
        raise FileNotFoundError(f"`source`: there is no file {path}.")


def _imported(name: str, path: Path, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ImportError(
            f"{path} needs {name}: use `pip install 'geomnet[{extra}]'`."
        ) from None


def _lies_elsewhere(array: Any, held: Any) -> bool:
    """Whether an array of HDF5 is of another file: by a link, raw storage or a virtual
    data set.
    """
    if not hasattr(array, "is_virtual"):
        return False
    return array.file != held or array.is_virtual or bool(array.external)


def _names(held: Any) -> str:
    names: list[str] = []
    if hasattr(held, "visititems"):
        held.visititems(
            lambda name, node: (
                names.append(name) if hasattr(type(node), "shape") else None
            )
        )
    else:
        names = [str(name) for name in held]
    more = ", …" if len(names) > _MOST_NAMES else ""
    return (", ".join(names[:_MOST_NAMES]) or "none") + more


def _is_dtype(dtype: Any) -> bool:
    try:
        return isinstance(np.dtype(dtype), np.dtype) and dtype is not None
    except TypeError:
        return False


def as_sources(given: Any) -> list[Source]:
    """One source, or several, each a path or arrays by name.

    **Raises:** `TypeError` for what is none; `ValueError` for an empty list.
    """
    several = list(given) if isinstance(given, list | tuple) else [given]
    if not several:
        raise ValueError("`source` must hold at least one source, got none.")
    return [Source(one) for one in several]


def _no_source(given: Any) -> TypeError:
    mapping = "a mapping of arrays by name, such as {'density': array}"
    return TypeError(
        f"`source` must be {mapping}, the path of a file, or a list of such, got "
        f"{shown(given)}."
    )
