"""Whatever is asked for: an answer in words and a code, and no file but results."""

import random
import re
import types

import pytest

from pde_data import _cli
from pde_data.generation import _cost
from pde_data.generation._options import SETTINGS
from pde_data.generation._settings import Choice

HUGE = ("1e30", "9e18", "1e300", "3.5e38", "1" + "0" * 25, "1" * 5000, "inf", "nan")
ODD = ("-1", "0", "1e-300", "", "x", "1/2", "\x1b[31m", "16", "2", "0.3")


def run(arguments, folder, monkeypatch):
    """The exit code, whether given by argparse or by `main`."""
    monkeypatch.chdir(folder)
    try:
        return _cli.main(arguments)
    except SystemExit as stop:
        return stop.code


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--refinement", "1000000000"], "`refinement` must be a whole number from 1"),
        (["--refinement", "1024"], "TiB of memory"),
        (["--refinement", "500", "--grid", "8", "8"], "--any-size"),
        (["--snapshots", "1000000"], "memory"),
        (["--trajectories", "1e30"], "must be a whole number, got '1e30'"),
        (["--trajectories", "1" + "0" * 30], "`trajectories` must be a whole number"),
        (["--trajectories", "10000000"], "on the disk"),
        (["--snapshots", "9e18"], "must be a whole number, got '9e18'"),
        (["--snapshots", "9000000000000000000"], "`snapshots` must be a whole number"),
        (["--final-time", "1e38"], "`final_time` must be from 1e-09 to 1e+09"),
        (["--extent", "1e300"], "`extent` must be from 1e-06 to 1e+06"),
        (["--seed", "1e30"], "must be a whole number"),
        (["--seed", "9" * 30], "`seed` must be a whole number from 0 to 2**63 - 1"),
        (["--eta", "3.5e38"], "`shear_viscosity` (--eta) must be from 0 to 1e+06"),
        (["--zeta", "nan"], "`bulk_viscosity` (--zeta)"),
        (["--mach", "inf"], "`mach`"),
        (["--gamma", "1"], "`gamma`"),
        (["--batch", "0"], "`batch`"),
        (["--courant-number", "2"], "`courant_number`"),
        (["--shard", "3/2"], "`shard`"),
        (["--grid", "8", "8", "8", "8"], "`grid`"),
        (["--family", "nope"], "`family` must be one of"),
        (["--family", "kelvin_helmoltz"], "Did you mean kelvin_helmholtz?"),
        (["--scheme", "weno5"], "Did you mean weno5z?"),
        (["--format", "wel"], "Did you mean well?"),
        (["--familly", "blast"], "Did you mean --family?"),
        (["--family", "taylor_green", "--grid", "16"], "at least 2 axes"),
        (["--out", "a.npz"], "`path` must end with one of .hdf5"),
    ],
)
def test_what_can_not_be_is_refused_before_anything_is_made(
    arguments, words, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(_cost, "memory_there", lambda: 2**33)
    disk = types.SimpleNamespace(free=2**33)
    monkeypatch.setattr(_cost.shutil, "disk_usage", lambda _: disk)
    monkeypatch.setattr(_cost, "prepare_attempt", None)  # Nothing is allocated.
    command = ["generate", "--out", "flow.hdf5", "--quiet", *arguments]
    assert run(command, tmp_path, monkeypatch) == 2
    error = capsys.readouterr().err
    assert words in error
    assert re.fullmatch(r"(usage: (.|\n)*)?(.*error: .*)\n", error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "none.hdf5", "--regenerate", "9" * 30],
        ["check", "none.hdf5", "--regenerate", "-1"],
        ["plot", "none.hdf5", "--number", "9000000000000000000"],
        ["plot", "none.hdf5", "--trajectory", "-1"],
        ["animate", "none.hdf5", "--trajectory", "1e30"],
        ["animate", "none.hdf5", "--quantity", "colour"],
        ["verify", "--only", "nope"],
        ["families", "--jsn"],
        ["generat"],
    ],
)
def test_every_command_bounds_its_numbers(arguments, tmp_path, monkeypatch, capsys):
    assert run(arguments, tmp_path, monkeypatch) == 2
    assert "error: " in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_one_number_for_the_grid_is_called_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(_cli, "generate", lambda *_, **__: None)
    line = ["generate", "--out", "flow.hdf5", "--grid", "16"]
    assert run(line, tmp_path, monkeypatch) == 0
    assert "--grid 16 is a line, 1D; a plane is --grid 16 16" in capsys.readouterr().err
    assert run([*line, "16"], tmp_path, monkeypatch) == 0
    assert capsys.readouterr().err == ""


def any_value(draw, field):
    if isinstance(field.metadata["kind"], Choice):
        known = [*field.metadata["kind"].names()]
        if field.name == "viscosity":
            # In tests its type is checked before it is.
            return draw.choice(known)
        return draw.choice([*known, *known, "nope", ""])
    kind = field.metadata["kind"]
    if field.name == "shard":
        return draw.choice(["1/1", "1/2", "2/1", "0/0", "x", "9/1e9", "1/99999999999"])
    bounds = [str(kind.least), str(kind.most), str(kind.least + 1)]
    return draw.choice([*bounds, *HUGE, *ODD])


def command_line(draw):
    """Small, but for what is drawn: mostly legal, with one to four odd options."""
    small = {"grid": "8 8", "snapshots": "2", "final_time": "0.01"}
    for field in draw.sample(SETTINGS, draw.randint(1, 4)):
        values = [any_value(draw, field)]
        kind = field.metadata["kind"]
        if getattr(kind, "drawn", False) or getattr(kind, "listed", False):
            most = 2 if kind.listed else 1
            values += [any_value(draw, field) for _ in range(draw.randint(0, most))]
        small[field.name] = " ".join(values)
    words = ["generate", "--out", "flow.hdf5"]
    for name, text in small.items():
        words += [f"--{name.replace('_', '-')}", *text.split(" ")]
    return words + draw.choice([[], ["--quiet"]])


@pytest.mark.slow
def test_three_hundred_odd_command_lines_end_in_words(tmp_path, monkeypatch, capsys):
    # What takes longer is refused; a machine of a GiB.
    monkeypatch.setattr(_cost, "MOST_SECONDS", 2.0)
    monkeypatch.setattr(_cost, "MOST_SECONDS_IN_ALL", 2.0)
    monkeypatch.setattr(_cost, "memory_there", lambda: 2**30)
    draw, codes = random.Random(0), []
    for number in range(300):
        folder = tmp_path / str(number)
        folder.mkdir()
        words = command_line(draw)
        code = run(words, folder, monkeypatch)
        printed = capsys.readouterr()
        assert code in (0, 2), words
        assert "Traceback" not in printed.err, words
        names = [path.name for path in folder.iterdir()]
        assert len(names) == (1 if code == 0 else 0), (words, names)
        assert ("error: " in printed.err) == (code == 2), (words, printed.err)
        codes.append(code)
    assert 20 < codes.count(0) < 280
