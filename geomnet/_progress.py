"""A bar for what takes long.

The same file is in `geomnet` and in `pde_data`, which do not import each other.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any


def watched(
    items: Iterable[Any], what: str, progress: bool, total: int | None = None
) -> Iterator[Any]:
    """The items, with a bar that shows the time left on stderr.

    Only on a terminal, and where tqdm is installed.
    """
    if progress:
        with contextlib.suppress(ImportError):
            from tqdm import tqdm

            items = tqdm(items, desc=what, total=total, disable=None, leave=False)
    yield from items
