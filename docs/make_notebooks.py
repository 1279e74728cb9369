"""The notebooks of the documentation, made of its pages, so that text is in one place.

    python docs/make_notebooks.py

Each block of Python is a cell, what stands between is text. A picture that the page
saves is shown instead. Without outputs, so that the same page gives the same bytes.
"""

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

DOCS = Path(__file__).parent
FOLDER = "notebooks"
PAGES = ("tutorials/filters.md", "tutorials/first_unet.md")
"""Those that there is a notebook of."""

_BLOCK = re.compile(r"^```python\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_SAVED = re.compile(r"^(\s*)(\S.*)\.savefig\([^\n]*\)$", flags=re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s#]+)(#[^)\s]*)?\)")


def notebook_of(page: str) -> str:
    """Where the notebook of a page lies, below `docs/`."""
    return f"{FOLDER}/{PurePosixPath(page).stem}.ipynb"


def notebook(page: str, text: str) -> str:
    """The notebook of a page, in the format 4.5 of Jupyter.

    **Raises:** `ValueError` if the page does not name it, or saves a picture in a way
    that can't be shown.
    """
    parts = _BLOCK.split(_introduced(page, text))
    cells = [_cell("code", "%matplotlib inline")]
    for number, part in enumerate(parts):
        if part.strip():
            kind = "code" if number % 2 else "markdown"
            cells.append(_cell(kind, _shown(page, part) if number % 2 else part))
    # The title is the first thing to be read.
    cells[:2] = cells[1::-1]
    for number, cell in enumerate(cells):
        cell["id"] = f"{PurePosixPath(page).stem}-{number}".replace("_", "-")
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    # As Jupyter writes it, so that saving it unchanged changes nothing.
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _introduced(page: str, text: str) -> str:
    """The page with links from where the notebook lies, its own turned round."""
    own = f"As [a notebook](../{notebook_of(page)})."
    if text.count(own) != 1:
        raise ValueError(f"`docs/{page}` must say once: {own}")
    words = (
        f"Made of [this page](../{page}) by `python docs/make_notebooks.py`. Needs "
        "`pip install -e '.[notebooks]'` in a checkout."
    )
    folder = PurePosixPath(page).parent

    def moved(link: re.Match[str]) -> str:
        path, anchor = link[1], link[2] or ""
        if "://" in path or path.startswith("../"):
            return link[0]
        other = f"{folder}/{path}"
        target = PurePosixPath(notebook_of(other)).name
        return f"]({target if other in PAGES else f'../{other}'}{anchor})"

    return _LINK.sub(moved, text.replace(own, "\0")).replace("\0", words)


def _shown(page: str, code: str) -> str:
    shown = _SAVED.sub(r"\1display(\2)", code)
    if "savefig" in shown:
        raise ValueError(f"`docs/{page}` must save a picture in a line of its own.")
    return shown


def _cell(kind: str, text: str) -> dict[str, Any]:
    lines = text.strip("\n").splitlines(keepends=True)
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": lines}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def main() -> None:
    """Writes all of them."""
    for page in PAGES:
        path = DOCS / notebook_of(page)
        path.write_text(notebook(page, (DOCS / page).read_text()))
        print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
