"""Whatever is in a file, commands say what is wrong: no traceback, no crash."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import pde_data
from pde_data import _cli
from pde_data.checking._check_file import check_file

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("damage.py")
DAMAGE = runpy.run_path(str(SCRIPT))
write_pdebench, write_well = DAMAGE["write_pdebench"], DAMAGE["write_well"]


def run(kind, folder, first, last):
    """In a process of its own, which a broken file might take along."""
    result = subprocess.run(
        [
            sys.executable,
            str(SCRIPT),
            kind,
            str(folder),
            str(first),
            str(last),
        ],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert (result.returncode, result.stdout) == (0, ""), result.stderr[-200:]
    assert result.stderr.count("case ") >= min(last - first, 50)


@pytest.mark.parametrize("kind", ["alter", "flip"])
def test_a_damaged_file_is_described_and_never_a_traceback(kind, tmp_path):
    run(kind, tmp_path, 0, 10)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "first"),
    [
        *(("alter", n) for n in range(10, 700, 100)),
        *(("flip", n) for n in range(10, 510, 100)),
    ],
)
def test_many_damaged_files_are_described_and_never_a_traceback(kind, first, tmp_path):
    run(kind, tmp_path, first, first + 100)


def test_the_damage_is_done(tmp_path):
    """The law above could hold of files that are whole."""
    for write in (write_pdebench, write_well):
        path = write(tmp_path / "flow.hdf5")
        whole = path.read_bytes()
        pde_data.load(path).close()
        cases = DAMAGE["alterations"](path)
        assert len(cases) > 200
        broken = 0
        for case in cases[:40]:
            path.write_bytes(whole)
            DAMAGE["alter"](path, case)
            broken += not check_file(path).passed
        assert broken > 20
        path.write_bytes(whole)
        DAMAGE["flip"](path, 0)
        assert path.read_bytes() != whole


@pytest.mark.parametrize(
    ("spoil", "name", "words"),
    [
        (
            lambda f: f.attrs.__setitem__("gamma", "x"),
            "flow",
            "gamma must be one number",
        ),
        (lambda f: f.__delitem__("Vy"), "layout", "no Vy"),
        (
            lambda f: f.attrs.__setitem__("pde_data_config", 3),
            "readable",
            "holds no conf",
        ),
        (
            lambda f: f.attrs.__setitem__("pde_data_config", "[" * 10**5),
            "readable",
            "holds no conf",
        ),
    ],
)
def test_check_lists_what_is_wrong_and_goes_on(spoil, name, words, tmp_path):
    path = write_pdebench(tmp_path / "flow.hdf5")
    with h5py.File(path, "r+") as file:
        del file["parameters/gamma"]
        file["pressure"][1, 2, 3, 4] = np.nan  # type: ignore[index]
        spoil(file)
    failed = {f.name: f.detail for f in check_file(path).findings if not f.passed}
    assert words in failed[name]
    if name == "flow":
        assert failed["finite pressure"] == "trajectories 1"


@pytest.mark.parametrize(
    "shape", [(0, 3, 6, 5), (2, 0, 6, 5), (2, 1, 6, 5), (2, 3, 1, 5)]
)
def test_few_times_or_cells_end_in_words_or_in_a_picture(shape, tmp_path, capsys):
    path = write_pdebench(tmp_path / "flow.hdf5")
    with h5py.File(path, "r+") as file:
        for name in ("density", "pressure", "Vx", "Vy"):
            del file[name]
            file[name] = np.ones(shape)
        for name, n in zip("txy", shape[1:], strict=True):
            del file[f"{name}-coordinate"]
            file[f"{name}-coordinate"] = np.arange(float(n))
        del file["parameters"]
    picture = tmp_path / "flow.png"
    for command in (["check"], ["info"], ["plot", "--out", str(picture)]):
        code = _cli.main([*command, str(path)])
        error = capsys.readouterr().err
        assert error.count("\n") == (code == 2)
        readable = 0 not in shape and (command[0] != "plot" or 1 not in shape[2:])
        assert (code == 2) == (command[0] != "check" and not readable)


UNSIGNED = bytes([0x10, 0, 0, 0, 8, 0, 0, 0, 0, 0, 64, 0])
"""How HDF5 describes an unsigned number of 8 bytes; of 9 there is no such type."""


@pytest.mark.parametrize(
    "options",
    [
        {"shape": (0, 3, 6, 5)},
        {"shape": (2, 3, 6, 5)},
        {"data": np.ones((2, 3, 6, 5))},
        {"data": np.ones((2, 3, 6, 5)), "chunks": (1, 3, 6, 5)},
    ],
)
@pytest.mark.parametrize("name", ["pressure", "parameters/gamma"])
def test_what_can_not_be_opened_is_damaged_and_not_missing(
    name, options, tmp_path, capsys
):
    path = write_pdebench(tmp_path / "flow.hdf5")
    with h5py.File(path, "r+") as file:
        del file[name]
        file.create_dataset(name, dtype=np.uint64, **options)
    whole = path.read_bytes()
    assert whole.count(UNSIGNED) == 1
    path.write_bytes(whole.replace(UNSIGNED, UNSIGNED.replace(b"\x08", b"\x09")))
    with pytest.raises(ValueError, match="can't be read; the file may be") as raised:
        pde_data.load(path)
    assert name.split("/")[-1] in str(raised.value)
    assert _cli.main(["check", str(path)])
    assert "Traceback" not in capsys.readouterr().err


def test_what_can_not_be_read_of_a_field_is_named_and_the_rest_judged(tmp_path):
    path = write_pdebench(tmp_path / "flow.hdf5")
    with h5py.File(path, "r+") as file:
        del file["Vx"]
        values = np.random.default_rng(0).random((2, 3, 6, 5))
        node = file.create_dataset(
            "Vx", data=values, chunks=(1, 3, 6, 5), fletcher32=True
        )
        place = node.id.get_chunk_info(1).byte_offset
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    findings = {f.name: f for f in check_file(path).findings}
    assert findings["finite velocity"].passed is False
    assert "trajectories 1" in findings["finite velocity"].detail
    assert "Vx can't be read" in findings["finite velocity"].detail
    assert findings["finite density"].passed
    with pde_data.load(path) as flow:
        flow["velocity"][0]
        with pytest.raises(ValueError, match="Vx can't be read; the file may be damag"):
            flow["velocity"][1]
