"""Files from strangers name no other files, and take no memory they do not explain."""

import tracemalloc
from typing import Any

import h5py
import numpy as np
import pytest

import pde_data
from pde_data import _cli
from pde_data.checking._check_file import check_file


def flow_file(path, leave_out=()):
    with h5py.File(path, "w") as file:
        for name in ("density", "pressure", "Vx"):
            if name not in leave_out:
                file[name] = 1 + np.random.default_rng(0).random((2, 4, 8))
        for name, n in (("x-coordinate", 8), ("t-coordinate", 4)):
            if name not in leave_out:
                file[name] = np.arange(float(n))
    return path


def _raw(file, other):
    other.write_bytes(np.ones((2, 4, 8)).tobytes())
    size = other.stat().st_size
    file.create_dataset("Vx", (2, 4, 8), np.float64, external=[(str(other), 0, size)])


def _link(file, other):
    flow_file(other)
    file["Vx"] = h5py.ExternalLink(str(other), "/Vx")


def _group_link(file, other):
    flow_file(other)
    file["elsewhere"] = h5py.ExternalLink(str(other), "/")
    file["Vx"] = h5py.SoftLink("/elsewhere/Vx")


def _virtual(file, other):
    flow_file(other)
    layout = h5py.VirtualLayout((2, 4, 8), np.float64)
    layout[...] = h5py.VirtualSource(str(other), "Vx", (2, 4, 8))
    file.create_virtual_dataset("Vx", layout)


def _unread_raw(file, other):
    file["Vx"] = np.ones((2, 4, 8))
    other.write_bytes(b"1" * 8)
    file.create_dataset("deep/down", (1,), np.float64, external=[(str(other), 0, 8)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_raw, r"takes Vx \(raw storage in .*other"),
        (_link, r"takes Vx \(a link into .*other"),
        (_group_link, r"takes elsewhere \(a link into .*other"),
        (_virtual, r"takes Vx \(a virtual data set of .*other"),
        (_unread_raw, r"takes deep/down \(raw storage in .*other"),
    ],
)
def test_what_lies_outside_of_a_file_is_refused_unless_allowed(
    make, message, tmp_path, capsys
):
    path, other = flow_file(tmp_path / "flow.hdf5", ["Vx"]), tmp_path / "other"
    with h5py.File(path, "r+") as file:
        make(file, other)
    with pytest.raises(ValueError, match=message + r".*allow_external=True"):
        pde_data.load(path)
    report = check_file(path)
    assert [f.name for f in report.findings if f.passed is False] == ["self-contained"]
    picture = tmp_path / "flow.png"
    for command in (["info"], ["plot", "--out", str(picture)], ["animate"]):
        assert _cli.main([*command, str(path)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not picture.exists()
    with pde_data.load(path, allow_external=True) as flow:
        assert flow["velocity"][0, 0].shape == (8, 1)


def test_groups_that_contain_each_other_are_looked_at_once(tmp_path):
    path = flow_file(tmp_path / "flow.hdf5")
    with _open(path, "r+") as file:
        file["a/b/c"] = 1.0
        file["a/b/again"] = file["a"]
        file["nowhere"] = h5py.SoftLink("/nowhere")
    with pde_data.load(path) as flow:
        assert flow.unread == ("a/b/c",)


@pytest.mark.parametrize(
    "name", ["x-coordinate", "t-coordinate", "parameters/mach", "density"]
)
def test_a_size_that_is_only_claimed_is_not_read(name, tmp_path):
    """A terabyte in a file of some kilobytes, none of it ever written."""
    path = flow_file(tmp_path / "flow.hdf5", [name])
    with h5py.File(path, "r+") as file:
        shape = (2, 4, 10**11) if name == "density" else (10**11,)
        file.create_dataset(name, shape, np.float64, chunks=(1,) * len(shape))
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"{name} claims .*never written as a whole"):
        pde_data.load(path)
    assert not check_file(path).passed
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["x-coordinate", "parameters/mach"])
def test_compressed_zeros_are_not_unpacked_beyond_the_size_of_the_file(name, tmp_path):
    path = flow_file(tmp_path / "flow.hdf5", [name])
    with h5py.File(path, "r+") as file:
        file.create_dataset(name, data=np.zeros(10**7), compression="gzip")
    tracemalloc.start()
    with pytest.raises(ValueError, match="would need 80000000 bytes of memory"):
        pde_data.load(path)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_a_constant_is_not_repeated_beyond_what_the_file_explains(tmp_path):
    """One number, and three lines whose product is a terabyte."""
    path, lines = tmp_path / "flow.hdf5", {"time": 2, "x": 4000, "y": 4000, "z": 4000}
    with h5py.File(path, "w") as file:
        for name, n in lines.items():
            file[f"dimensions/{name}"] = np.arange(float(n))
        file["dimensions"].attrs["spatial_dims"] = ["x", "y", "z"]
        for name, varies in (("density", False), ("pressure", True)):
            value = np.ones(2) if varies else 1.0
            node = file.create_dataset(f"t0_fields/{name}", data=value)
            node.attrs["sample_varying"] = False
            node.attrs["time_varying"] = varies
            node.attrs["dim_varying"] = np.zeros(3, bool)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"density would need .*does not explain"):
        pde_data.load(path)
    assert not check_file(path).passed
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_names_that_are_no_text_end_in_words(tmp_path, capsys):
    path = flow_file(tmp_path / "flow.hdf5")
    with _open(path, "r+") as file:
        file.attrs[b"eta\xff"] = 0.5
    with pde_data.load(path) as flow:
        assert flow.parameters["eta\\xff"] == 0.5
    for command in ("info", "check"):
        assert _cli.main([command, str(path)]) < 2
    capsys.readouterr()
    with _open(path, "r+") as file:
        file[b"parameters/mach\xff"] = np.ones(2)
    assert _cli.main(["info", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_control_characters_do_not_reach_the_terminal(tmp_path, capsys):
    path, evil = flow_file(tmp_path / "flow.hdf5"), "\x1b]0;owned\x07\u202e\n"
    with h5py.File(path, "r+") as file:
        file[f"unread{evil}"] = np.ones(3)
        file.attrs["eta"] = f"text{evil}"
        file.attrs[f"name{evil}"] = 1.0
        file.attrs["many"] = [f"{i}{evil}" for i in range(9)]
        file[f"parameters/p{evil}"] = np.ones(2)
    for command in ("info", "check"):
        assert _cli.main([command, str(path)]) < 2
        printed = capsys.readouterr()
        assert "unread\\x1b]0;owned\\x07\\u202e\\n" in printed.out
        assert all(c.isprintable() or c == "\n" for c in printed.out + printed.err)
    with h5py.File(path, "r+") as file:
        del file["Vx"]
        file[f"V{evil}"] = h5py.ExternalLink(f"/etc/{evil}", evil)
    assert _cli.main(["info", str(path)]) == 2
    error = capsys.readouterr().err
    assert all(c.isprintable() for c in error.removesuffix("\n"))


def _open(*arguments: Any) -> Any:
    return h5py.File(*arguments)
