"""Every picture has a command that makes it, and a page that shows it."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .pages import ROOT
from .test_notebooks import load

maker = load("make_pictures")
LINK = re.compile(r"\]\(([^)\s]+\.png)\)")


def committed(root: Path = ROOT) -> set[str]:
    return {p.relative_to(root).as_posix() for p in (root / "docs").rglob("*.png")}


def linked() -> set[str]:
    """The pictures that the pages, the README and the benchmarks' pages show."""
    found = set()
    folders = [ROOT.glob("*.md"), (ROOT / "docs").rglob("*.md")]
    for page in itertools.chain(*folders, (ROOT / "benchmarks").glob("*.md")):
        for link in LINK.findall(page.read_text()):
            path = (page.parent / link).resolve()
            if path.is_relative_to(ROOT):
                found.add(path.relative_to(ROOT).as_posix())
    return found


def wrong(there: set[str], made: list[str], shown: set[str]) -> list[str]:
    """Pictures that are made never or twice, are not there, or are nowhere shown."""
    twice = [name for name in set(made) if made.count(name) > 1]
    return sorted((there ^ set(made)) | (there - shown)) + twice


MADE = [place for m in maker.MAKINGS.values() for place in m.pictures.values()]


def test_every_picture_is_made_by_one_command_and_shown_on_a_page():
    there, shown = committed(), linked()
    assert len(there) > 8
    assert wrong(there, MADE, shown) == []
    assert wrong(there | {"docs/a.png"}, MADE, shown) == ["docs/a.png"]
    assert wrong(there, MADE[1:], shown) == MADE[:1]
    assert wrong(there, [*MADE, MADE[0]], shown) == MADE[:1]
    assert wrong(there, MADE, shown - {MADE[0]}) == MADE[:1]


@pytest.mark.parametrize("name", maker.MAKINGS)
def test_commands_are_files_or_packages_of_the_repository(name):
    making = maker.MAKINGS[name]
    words = making.command.split()
    module = ROOT / words[1] / "__main__.py"
    assert module.is_file() if words[0] == "-m" else (ROOT / words[0]).is_file()
    assert "{out}" in making.command
    assert all((ROOT / given).is_file() for given in making.given)
    assert making.minutes is None or making.minutes > 0


def test_what_the_text_cites_is_made_only_if_it_is_named(monkeypatch, capsys):
    made = []
    monkeypatch.setattr(maker, "make", lambda making: made.append(making) or 0.0)
    assert maker.main([]) == 0
    unnamed = [m for m in maker.MAKINGS.values() if not m.by_name_because]
    assert made == unnamed
    assert 0 < len(unnamed) < len(maker.MAKINGS)
    said = capsys.readouterr().out
    for name, making in maker.MAKINGS.items():
        line = f"{name}: {', '.join(making.pictures.values())}, "
        assert line in said
        assert making.by_name_because in said
    made.clear()
    assert maker.main(["--only", "rollout"]) == 0
    assert made == [maker.MAKINGS["rollout"]]
    made.clear()
    assert maker.main(["--list"]) == 0
    assert made == []


SCRIPT = "import pathlib, sys\npathlib.Path(sys.argv[1], sys.argv[2]).write_text('new')"


def test_a_picture_takes_its_place_when_the_command_has_ended_well(tmp_path):
    (tmp_path / "docs").mkdir()
    place = tmp_path / "docs" / "a.png"
    place.write_text("old")
    (tmp_path / "draw.py").write_text(SCRIPT)
    making = maker.Making("draw.py {out} b.png", {"a.png": "docs/a.png"}, minutes=1)
    with pytest.raises(RuntimeError, match=r"did not make a\.png"):
        maker.make(making, tmp_path)
    (tmp_path / "draw.py").write_text(SCRIPT + "\nraise SystemExit(3)")
    making = maker.Making("draw.py {out} a.png", {"a.png": "docs/a.png"}, minutes=1)
    with pytest.raises(RuntimeError, match="ended with 3"):
        maker.make(making, tmp_path)
    assert place.read_text() == "old"
    (tmp_path / "draw.py").write_text(SCRIPT)
    assert maker.make(making, tmp_path) < 1
    assert place.read_text() == "new"


def test_a_large_picture_is_kept_in_few_colours(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = tmp_path / "a.png"
    Image.fromarray(values).save(path)
    before = path.stat().st_size
    maker.reduce_colours(path)
    assert path.stat().st_size < 0.6 * before
    with Image.open(path) as found:
        assert (found.mode, found.size) == ("P", (64, 64))


def test_a_failure_is_told_at_the_end(monkeypatch, capsys):
    def fail(making):
        raise RuntimeError("no picture")

    monkeypatch.setattr(maker, "make", fail)
    assert maker.main(["--only", "front"]) == 1
    assert "front: no picture" in capsys.readouterr().err
