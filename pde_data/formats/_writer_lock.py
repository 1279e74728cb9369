"""One writer for each file, by a lock that dies with its process.

Names that follow from the name of a file can be known to others who write into the
folder: what is opened under such a name must be no link to a file elsewhere.
"""

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path


def in_use(path: Path) -> FileExistsError:
    """The error that a second writer of the same file gets."""
    return FileExistsError(f"another process is writing {path}; wait for it to finish.")


def open_own(path: Path, flags: int) -> int:
    """A descriptor of a file under a name of our making; a link is not followed.

    **Raises:** `FileExistsError` if a link, a folder or another thing stands there.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise _in_the_way(path, "a symbolic link") from None
        if error.errno in (errno.EISDIR, errno.ENXIO):
            raise _in_the_way(path, "no ordinary file") from None
        raise
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_nlink < 2:
        return descriptor
    os.close(descriptor)
    is_file = stat.S_ISREG(found.st_mode)
    kind = "a second name of another file" if is_file else "no ordinary file"
    raise _in_the_way(path, kind)


def _in_the_way(path: Path, kind: str) -> FileExistsError:
    return FileExistsError(
        f"{path} is in the way: it is {kind}; remove it, or choose another path."
    )


@contextlib.contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Keep other processes from writing `path`, by a lock on `path` + ".lock".

    The system frees the lock when a process dies, however it dies.

    **Raises:** `FileExistsError` if another process writes the file, or something else
    stands under the name of the lock.
    """
    lock = path.with_name(path.name + ".lock")
    while True:
        descriptor = open_own(lock, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise in_use(path) from None
        # The last writer may have removed the file between the two lines above.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.lstat(lock), os.fstat(descriptor)):
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
