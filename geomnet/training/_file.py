"""Files that appear whole or not at all, with one writer each."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

try:
    import fcntl
except (
    ImportError
):  # Windows has no such locks: there nothing keeps a second writer out.
    fcntl: Any = None

_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)


def checkpoint_path(
    path: "str | os.PathLike[str]", argument: str = "checkpoint"
) -> Path:
    """Where a file of that name lies, symbolic links followed; its folder exists.

    **Raises:** `ValueError` if nothing can be written there.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"`{argument}` must be the path of a file, got {path!r}.")
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise ValueError(f"`{argument}` must be the path of a file: {path} is none.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"`{argument}` can't be written into {target.parent}: {error.strerror}. "
            "Name a file in a folder of your own."
        ) from error
    return target


@contextlib.contextmanager
def sole_writer(target: Path) -> Iterator[None]:
    """Keeps other writers from a file, by a lock on its name + ".lock".

    The system frees the lock when a process dies, however it dies.

    **Raises:** `ValueError` if another process writes the file, or nothing can be
    written there.
    """
    lock = target.with_name(target.name + ".lock")
    while True:
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | _NO_LINKS, 0o666)
        except OSError as error:
            is_link = error.errno in (errno.ELOOP, errno.EMLINK)
            reason = "is a symbolic link" if is_link else error.strerror
            raise ValueError(
                f"`checkpoint` can't be written: {lock} {'' if is_link else '- '}"
                f"{reason}. Remove what is in the way, or name a file in a folder of "
                "your own."
            ) from error
        if _is_held(descriptor):
            os.close(descriptor)
            raise ValueError(
                f"`checkpoint`: another process writes {target}. Wait for it to "
                "finish, or name another file."
            )
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


def _is_held(descriptor: int) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        # Some network file systems know no locks.
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
    return False


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[BinaryIO]:
    """A file to fill, which appears under its name when it is whole and on the disk.

    Its mode is that of a new file: what the umask leaves.
    """
    staging = target.with_name(f".{target.name[:180]}.{secrets.token_hex(6)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS
    descriptor = os.open(staging, flags | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(staging, target)
    except BaseException:
        staging.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def regular_file(path: "str | os.PathLike[str]") -> Iterator[tuple[BinaryIO, int]]:
    """An ordinary file to read, and its size.

    **Raises:** `FileNotFoundError`; `ValueError` for folders, pipes and devices.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError(f"{path} is not a checkpoint: it is no ordinary file.")
    with Path(path).open("rb") as file:
        yield file, os.fstat(file.fileno()).st_size
