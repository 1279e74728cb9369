"""Files that appear whole, with one writer each, or a clear word of a full disk."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# No space, over quota, over the limit on the size of a file.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def in_use(path: Path) -> FileExistsError:
    """The error that a second writer of the same file gets."""
    return FileExistsError(f"another process is writing {path}; wait for it to finish.")


@contextlib.contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Keep other processes from writing `path`, by a lock on `path` + ".lock".

    The system frees the lock when a process dies, however it dies.

    **Raises:** `FileExistsError` if another process writes the file.
    """
    lock = path.with_name(path.name + ".lock")
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise in_use(path) from None
        # The last writer may have removed the file between the two lines above.
        with contextlib.suppress(FileNotFoundError):
            if os.stat(lock).st_ino == os.fstat(descriptor).st_ino:
                break
        os.close(descriptor)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def remove_idle_lock(path: Path) -> None:
    """Remove the lock that a process left which died when `path` was whole already."""
    if path.with_name(path.name + ".lock").exists():
        # Whoever holds it is about to remove it; where nothing may be written it stays.
        with contextlib.suppress(FileExistsError, PermissionError), only_writer(path):
            pass


def reserve(descriptor: int, path: Path, size: int) -> None:
    """Claim disk space for `size` bytes of an open file now rather than run out later.

    **Raises:** `OSError` that says how much is needed if the disk is full.
    """
    with full_disk_explained(path, size):
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            # Some file systems cannot reserve; the writes themselves will tell.
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise


@contextlib.contextmanager
def full_disk_explained(path: Path, size: int | None = None) -> Iterator[None]:
    """Turn the errors of a full disk into one that says what to do."""
    try:
        yield
    except OSError as error:
        # HDF5 hides the number in its text.
        text = str(error)
        number = next(
            (n for n in _FULL if error.errno == n or f"errno = {n}," in text), None
        )
        if number is None:
            raise
        needed = "" if size is None else f": {size / 2**20:.1f} MiB are needed"
        raise OSError(
            number,
            f"the disk is full{needed}; free some space and run the same command "
            "again, which goes on from what is finished, or choose another folder",
            str(path),
        ) from error


@contextlib.contextmanager
def new_hdf5(path: Path, size: int) -> Iterator[Any]:
    """An `h5py.File` to fill, which appears as `path` when it is whole.

    It is made in `path` + ".new", for which `size` bytes, no less than it will need,
    are claimed first: HDF5 crashes the process if it cannot close a file.
    """
    import h5py

    staging = path.with_name(path.name + ".new")
    descriptor = os.open(staging, os.O_RDWR | os.O_CREAT, 0o644)
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
