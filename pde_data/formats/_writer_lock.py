"""One writer for each file, by a lock that dies with its process."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


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
