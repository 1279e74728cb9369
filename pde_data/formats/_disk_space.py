"""Disk space that is claimed before it is written, or a clear word of a full disk."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

# No space, over quota, over the limit on the size of a file.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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
