"""Files that are there whole or not at all.

The same file is in `geomnet` and in `pde_data`, which do not import each other.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A path to write to, whose file appears as `path` when it is finished.

    It ends alike, as endings say what a file is. What is there already and is no
    ordinary file, such as a pipe, is written itself.

    **Raises:** `FileNotFoundError` for a folder that does not exist.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent}; make it first.")
    if path.exists() and not path.is_file():
        yield path
        return
    path = path.resolve()  # Of a link, what it leads to.
    staging = path.with_name(f".{secrets.token_hex(6)}.{path.name[-180:]}")
    try:
        yield staging
        os.replace(staging, path)
    finally:
        staging.unlink(missing_ok=True)
