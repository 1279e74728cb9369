"""The pages on how to do something are executed: the blocks of each run, in order."""

import pytest

from .pages import QUICKLY, pages_in, run_page, run_pages

ALONE = "how_to/devices.md"
FOUR = "--xla_force_host_platform_device_count=4"
# Too long for each run of the tests.
LONG = {"how_to/files.md", "how_to/three_dimensions.md", "how_to/walls.md"}


EXPORT = "how_to/export.md"


def test_every_short_page_runs(tmp_path):
    apart = {ALONE, EXPORT, *LONG}
    run_pages([page for page in pages_in("how_to") if page not in apart], tmp_path)


def test_the_page_on_export_runs(tmp_path):
    pytest.importorskip("flatbuffers")  # What `jax.export` writes with.
    run_page(EXPORT, tmp_path)


@pytest.mark.slow
def test_the_page_on_several_devices_runs_on_four(tmp_path):
    flags = f"{FOUR} {QUICKLY['XLA_FLAGS']}"
    run_page(ALONE, tmp_path, least=2, commands=False, XLA_FLAGS=flags)


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted(LONG))
def test_every_long_page_runs(page, tmp_path):
    run_page(page, tmp_path)
