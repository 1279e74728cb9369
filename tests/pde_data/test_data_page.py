"""Every command and every line of Python in `docs/data.md` works as it stands there."""

import pytest

import pde_data
from pde_data.generation._generate import FIGURES, RECORDS

from ..pages import ROOT, as_program, run_page

PAGE = ROOT / "docs" / "data.md"


@pytest.mark.slow
def test_the_page_on_data_runs_from_top_to_bottom(tmp_path):
    run_page("data.md", tmp_path, least=4, MPLBACKEND="Agg")
    assert as_program("data.md").count("__main__") >= 10  # Commands.
    with (
        pde_data.load(tmp_path / "flow.hdf5") as whole,
        pde_data.load(str(tmp_path / "part-*-of-2.hdf5")) as parts,
    ):
        assert parts.num_trajectories == whole.num_trajectories == 3
    assert (tmp_path / "well" / "stats.yaml").exists()
    assert (tmp_path / "flow.png").exists()
    assert (tmp_path / "flow.gif").exists()


def test_the_page_names_all_that_a_file_holds():
    text = PAGE.read_text()
    for name in (*FIGURES, *RECORDS, "stored", "pde_data_config", "source"):
        assert name in text, name
