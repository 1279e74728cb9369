"""The page on checks is executed: its blocks run, in order, as its reader would."""

import pytest

from .pages import blocks_of, run_page, run_python

BLOCKS = blocks_of("checks.md")


@pytest.mark.slow
def test_every_block_runs_in_order(tmp_path):
    out = run_page("checks.md", tmp_path, least=8, commands=False)
    assert "Conv commutes with hyperoctahedral(2), 8 elements" in out
    assert "`omega` behaves as 0-, you declared 0+" in out


@pytest.mark.slow
def test_the_command_judges_the_saved_model(tmp_path):
    out = run_page("checks.md", tmp_path)
    assert "ResNet commutes with hyperoctahedral(2), 8 elements" in out
    assert (tmp_path / "report.json").exists()


def test_the_block_for_pytest_is_a_suite_that_passes(tmp_path):
    (block,) = [b for b in BLOCKS if "pytest.mark.equivariant" in b]
    (tmp_path / "test_models.py").write_text(block)
    out = run_python(
        *("-m", "pytest", "-q", "-p", "geomnet_pytest", "-p", "no:cacheprovider"),
        str(tmp_path),
        cwd=tmp_path,
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    )
    assert "2 passed" in out
