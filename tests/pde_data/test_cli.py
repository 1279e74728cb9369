from typing import Any

import h5py
import jax
import numpy as np
import pytest

import pde_data
from pde_data import _cli
from pde_data.verification._cases import Result

_FIELDS = ("density", "pressure", "Vx", "Vy")


def _repeat(field):
    field[0, 2] = field[0, 1]


ARGUMENTS = [
    "--grid",
    "16",
    "16",
    "--trajectories",
    "2",
    "--snapshots",
    "3",
    "--final-time",
    "0.05",
    "--mach",
    "0.3",
    "--eta",
    "0.01",
    "--zeta",
    "0.02",
    "--seed",
    "3",
    "--quiet",
]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "flow.hdf5"
    assert _cli.main(["generate", "--out", str(path), *ARGUMENTS]) == 0
    return path


def test_the_arguments_reach_the_file(path):
    with pde_data.load(path) as flow:
        assert flow.config is not None
        assert (flow.config.shear_viscosity, flow.config.bulk_viscosity) == (0.01, 0.02)
        assert (flow.grid, flow.num_trajectories, flow.config.seed) == ((16, 16), 2, 3)


def test_a_good_file_passes_the_check(path, capsys):
    assert _cli.main(["check", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "PASS" in printed
    for law in ("mass drift", "energy drift", "commutation error", "continuity"):
        assert law in printed


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (lambda f: f["density"].__setitem__((1, 2, 3, 4), np.nan), "finite"),
        (lambda f: f["pressure"].__setitem__((0, 1, 3, 4), -1.0), "positive"),
        (lambda f: f["density"].__setitem__((0, 2), f["density"][0, 2] * 1.01), "mass"),
        (lambda f: f["Vx"].__setitem__((0, 2), f["Vx"][0, 2] + 0.1), "momentum"),
        (lambda f: [_repeat(f[n]) for n in _FIELDS], "duplicate snapshots"),
        (lambda f: f["generation/stored"].__setitem__(1, 0), "layout"),
        (lambda f: f["certificate/max_mach"].__setitem__(1, 0.1), "certificates"),
        (lambda f: f["certificate/commutation_error"].__setitem__(0, 1e-3), "commut"),
    ],
)
def test_a_spoilt_file_fails_the_check(path, spoil, finding, tmp_path, capsys):
    spoilt = tmp_path / "spoilt.hdf5"
    spoilt.write_bytes(path.read_bytes())
    with _open(spoilt, "r+") as file:
        spoil(file)
    assert _cli.main(["check", str(spoilt)]) == 1
    failures = [x for x in capsys.readouterr().out.splitlines() if "FAIL" in x]
    assert any(finding in line for line in failures)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "none.hdf5"], "There is no file"),
        (["info", "none.hdf5"], "There is no file"),
        (["generate", "--out", "none/flow.hdf5"], "There is no folder"),
        (["generate", "--out", "flow.hdf5", "--mach", "-1"], "`mach`"),
        (["generate", "--out", "flow.hdf5", "--grid", "2"], "`grid`"),
        (["generate", "--out", "flow.hdf5", "--eta", "1", "0.1"], "`shear_viscosity`"),
    ],
)
def test_a_wrong_input_is_one_clear_line_and_code_2(
    arguments, message, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert _cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


def test_one_unreadable_file_does_not_hide_the_others(path, tmp_path, capsys):
    assert _cli.main(["check", str(tmp_path / "none.hdf5"), str(path)]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: There is no file")
    assert "PASS" in printed.out


def test_what_cannot_be_simulated_leaves_nothing_in_the_way(tmp_path, capsys):
    arguments = ["generate", "--out", str(tmp_path / "flow.hdf5"), "--quiet"]
    assert _cli.main([*arguments, "--family", "taylor_green", "--grid", "16"]) == 2
    assert "at least 2 axes" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_ctrl_c_says_that_the_run_can_be_resumed(tmp_path, monkeypatch, capsys):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(_cli, "generate", interrupt)
    command = ["generate", "--out", str(tmp_path / "flow.hdf5")]
    assert _cli.main(command) == 130
    # Before there is a file there is none to go on from.
    assert capsys.readouterr().err == "\nInterrupted.\n"
    (tmp_path / "flow.hdf5.partial").touch()
    assert _cli.main(command) == 130
    assert "goes on from there" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["generate", "families", "check", "info", "plot", "animate", "verify"]
)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        _cli.main([command, "--help"])
    assert "usage" in capsys.readouterr().out


def test_a_part_that_is_none_is_refused_in_words(tmp_path, capsys):
    arguments = ["generate", "--out", str(tmp_path / "flow.hdf5"), "--shard", "half"]
    with pytest.raises(SystemExit, match="2"):
        _cli.main(arguments)
    error = capsys.readouterr().err
    assert "--shard: must be a part such as 1/4, got 'half'" in error


def test_info_plot_and_animate_show_the_file(path, tmp_path, capsys):
    assert _cli.main(["info", str(path)]) == 0
    shown = capsys.readouterr().out
    for words in ("16 x 16", "random_fourier", "muscl", "extent", "refinement"):
        assert words in shown
    assert "nan" not in shown
    picture, movie = tmp_path / "flow.png", tmp_path / "flow.gif"
    assert _cli.main(["plot", str(path), "--out", str(picture)]) == 0
    assert _cli.main(["animate", str(path), "--out", str(movie)]) == 0
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert movie.read_bytes()[:3] == b"GIF"
    assert _cli.main(["plot", str(path), "--trajectory", "9"]) == 2


def _open(*arguments: Any, **options: Any) -> Any:
    """An HDF5 file, whose nodes the type checker need not tell apart."""
    return h5py.File(*arguments, **options)


def test_verify_forgets_the_programs_of_a_case(monkeypatch, capsys):
    program: Any = jax.jit(lambda x: x + 1)

    def case():
        program(1)
        assert program._cache_size() == 1
        yield Result("some case", "muscl", (8,), (0.0,), 0.0)

    monkeypatch.setitem(_cli.CASES, "batches", case)
    assert _cli.main(["verify", "--only", "batches"]) == 0
    assert program._cache_size() == 0
    assert "some case" in capsys.readouterr().out
