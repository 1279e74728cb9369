"""What may have been meant by a name that is none.

The same file is in `geomnet` and in `pde_data`, which do not import each other.
"""

import difflib
from collections.abc import Iterable
from typing import Any


def suggestion(given: Any, known: Iterable[str]) -> str:
    """ " Did you mean ...?", or nothing where nothing is near."""
    near = suggested(given, known)
    return f" Did you mean {near}?" if near else ""


def suggested(given: Any, known: Iterable[str]) -> str:
    """The nearest of the known names; empty where none is near."""
    return next(iter(difflib.get_close_matches(str(given), list(known), 1)), "")
