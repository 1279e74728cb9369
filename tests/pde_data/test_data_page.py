"""Every command and every line of Python in `docs/data.md` works as it stands there."""

import re
import shlex
from pathlib import Path

import pytest

import pde_data
from pde_data import _cli
from pde_data.generation._generate import FIGURES, RECORDS

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


@pytest.mark.slow
def test_the_page_on_data_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    commands, names = 0, {}
    for language, text in blocks:
        if language == "python":
            exec(text, names)
            continue
        for line in text.strip().splitlines():
            words = shlex.split(line)
            if words[0] == "mkdir":
                Path(words[-1]).mkdir(parents=True)
                continue
            assert words[:3] == ["python", "-m", "pde_data"]
            assert _cli.main(words[3:]) == 0, line
            commands += 1
    assert commands >= 10
    with (
        pde_data.load("flow.hdf5") as whole,
        pde_data.load("part-*-of-2.hdf5") as parts,
    ):
        assert parts.num_trajectories == whole.num_trajectories == 3
    assert Path("well/stats.yaml").exists()
    assert Path("flow.png").exists()
    assert Path("flow.gif").exists()


def test_the_page_names_all_that_a_file_holds():
    text = PAGE.read_text()
    for name in (*FIGURES, *RECORDS, "stored", "pde_data_config", "source"):
        assert name in text, name
