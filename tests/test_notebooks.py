"""The notebooks are those that the pages make, and run from first to last."""

import importlib.util
import json
import re
import sys
import time
from typing import Any

import pytest

from .pages import ROOT, as_a_user, blocks_of
from .test_site import dead_links

DOCS = ROOT / "docs"


def load(name: str) -> Any:
    """A script of `docs/`, as a module."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


maker = load("make_notebooks")


def committed(page: str) -> str:
    return (DOCS / maker.notebook_of(page)).read_text()


def texts(notebook: str, kind: str) -> list[str]:
    cells = json.loads(notebook)["cells"]
    return ["".join(c["source"]) for c in cells if c["cell_type"] == kind]


@pytest.mark.parametrize("page", maker.PAGES)
def test_a_notebook_is_what_its_page_makes(page):
    text = (DOCS / page).read_text()
    made = maker.notebook(page, text)
    # `python docs/make_notebooks.py` makes them anew.
    assert committed(page) == made
    assert committed(page) != maker.notebook(page, text.replace("square", "cube"))
    assert committed(page) != maker.notebook(page, text + "One word more.\n")


def test_every_notebook_is_made_of_a_page():
    found = {p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.ipynb")}
    assert found == set(map(maker.notebook_of, maker.PAGES))


@pytest.mark.parametrize("page", maker.PAGES)
def test_code_is_that_of_the_page_and_pictures_are_shown(page):
    first, *cells = texts(committed(page), "code")
    assert first == "%matplotlib inline"
    assert len(cells) == len(blocks_of(page)) > 3
    for cell, block in zip(cells, blocks_of(page), strict=True):
        shown = re.sub(r"^( *)display\((.*)\)$", r"\1\2", cell, flags=re.MULTILINE)
        assert shown == re.sub(r"\.savefig\(.*\)", "", block).strip()
        assert cell.count("display(") == block.count(".savefig(")
    assert "```python" not in "".join(texts(committed(page), "markdown"))


@pytest.mark.parametrize("page", maker.PAGES)
def test_the_links_of_a_notebook_lead_somewhere(page):
    for text in texts(committed(page), "markdown"):
        assert dead_links(text, DOCS / "notebooks") == []


@pytest.mark.parametrize("page", maker.PAGES)
def test_a_notebook_has_a_valid_form_and_no_outputs(page):
    content = json.loads(committed(page))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    names = [cell["id"] for cell in content["cells"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in names)
    assert not any(cell.get("outputs") for cell in content["cells"])
    assert content["cells"][0]["source"][0].startswith("# ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# No link\n", "must say once: As"),
        (
            "As [a notebook](../notebooks/x.ipynb).\n```python\nsavefig(\n)\n```\n",
            "in a line of its own",
        ),
    ],
    ids=["does not name it", "a picture that is not shown"],
)
def test_a_page_that_makes_no_notebook_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        maker.notebook("tutorials/x.md", text)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("page", maker.PAGES)
def test_a_notebook_runs(page, tmp_path, monkeypatch):
    reason = "Jupyter is not here: pip install 'geomnet[notebooks]'"
    pytest.importorskip("ipykernel", reason=reason)
    client = pytest.importorskip("nbclient", reason=reason)
    nbformat = pytest.importorskip("nbformat", reason=reason)
    monkeypatch.setenv("PYTHONPATH", as_a_user()["PYTHONPATH"])
    content = nbformat.reads(committed(page), as_version=4)
    nbformat.validate(content)
    began = time.monotonic()
    # The kernel is a process of its own, with the matplotlib that Jupyter gives it.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    resources = {"metadata": {"path": str(tmp_path)}}
    client.NotebookClient(content, timeout=600, resources=resources).execute()
    assert time.monotonic() - began < 600
    code = [cell for cell in content.cells if cell.cell_type == "code"]
    pictures = ["image/png" in out.get("data", {}) for c in code for out in c.outputs]
    drawn = 3 if "filters" in page else 0
    assert sum(pictures) == drawn
    assert all(cell.execution_count for cell in code)
