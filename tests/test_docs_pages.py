"""The first page of the site and that of other libraries' names are executed."""

from .pages import run_pages


def test_every_page_runs(tmp_path):
    run_pages(["index.md", "migration.md"], tmp_path)
