"""What stands under a name of our making is never followed out of it."""

import os

import numpy as np
import pytest

import pde_data
from pde_data import _cli
from pde_data.formats import _writer_lock
from pde_data.formats._hdf5 import new_hdf5
from pde_data.formats._row_writer import RowWriter
from pde_data.formats._writer_lock import only_writer, remove_idle_lock


def _lock(path):
    with only_writer(path):
        pass


def _staging(path):
    with new_hdf5(path, 10) as file:
        file["x"] = np.ones(3)


def _symbolic(name, victim):
    name.symlink_to(victim)


def _dangling(name, victim):
    victim.unlink()
    name.symlink_to(victim)


def _hard(name, victim):
    name.hardlink_to(victim)


def _folder(name, victim):
    name.mkdir()


def _pipe(name, victim):
    os.mkfifo(name)


@pytest.mark.parametrize(
    ("use", "suffix"), [(_lock, ".lock"), (_staging, ".new")], ids=["lock", "staging"]
)
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_symbolic, "is a symbolic link"),
        (_dangling, "is a symbolic link"),
        (_hard, "is a second name of another file"),
        (_folder, "is no ordinary file"),
        (_pipe, "is no ordinary file"),
    ],
)
def test_what_is_in_the_way_is_named_and_left_alone(use, suffix, make, words, tmp_path):
    path, victim = tmp_path / "flow.hdf5", tmp_path / "victim"
    victim.write_text("precious")
    name = path.with_name(path.name + suffix)
    make(name, victim)
    before = sorted(os.listdir(tmp_path)), os.lstat(name).st_mode
    with pytest.raises(FileExistsError, match=rf"{suffix} is in the way: it {words};"):
        use(path)
    assert (sorted(os.listdir(tmp_path)), os.lstat(name).st_mode) == before
    if make is not _dangling:
        assert victim.read_text() == "precious"


def test_rows_are_not_written_through_a_link(tmp_path):
    real, link = tmp_path / "real", tmp_path / "flow.hdf5.partial"
    with new_hdf5(real, 10) as file:
        file["generation/stored"] = np.zeros(2, np.uint8)
    link.symlink_to(real)
    with pytest.raises(FileExistsError, match="is a symbolic link"):
        RowWriter(link)


@pytest.mark.parametrize("suffix", [".lock", ".partial.new", ".partial"])
def test_generate_says_in_one_line_what_is_in_the_way(suffix, tmp_path, capsys):
    path, victim = tmp_path / "flow.hdf5", tmp_path / "victim"
    victim.write_text("precious")
    path.with_name(path.name + suffix).symlink_to(victim)
    assert _cli.main(["generate", "--grid", "8", "8", "--out", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "in the way" in error
    assert victim.read_text() == "precious"
    assert not path.exists()


def test_a_lock_of_a_dead_process_is_no_hindrance(tmp_path):
    path = tmp_path / "flow.hdf5"
    path.with_name("flow.hdf5.lock").write_text("")
    _lock(path)
    assert os.listdir(tmp_path) == []
    with pytest.raises(FileNotFoundError):
        pde_data.load(path)


def test_the_lock_of_a_whole_file_is_removed_unless_it_is_held(tmp_path):
    path, lock = tmp_path / "flow.hdf5", tmp_path / "flow.hdf5.lock"
    remove_idle_lock(path)
    lock.write_text("")
    remove_idle_lock(path)
    assert not lock.exists()
    with only_writer(path):
        remove_idle_lock(path)
        assert lock.exists()
        refused = pytest.raises(FileExistsError, match="another process is writing")
        with refused, only_writer(path):
            pass
    assert not lock.exists()


def test_a_lock_that_the_last_writer_has_removed_meanwhile_is_taken_again(
    tmp_path, monkeypatch
):
    """Else two processes would hold locks on two files of one name."""
    lock, opened = tmp_path / "flow.hdf5.lock", []
    original = _writer_lock.os.open

    def open_and_lose(path, *rest):
        opened.append(path)
        descriptor = original(path, *rest)
        if len(opened) < 3:
            lock.unlink()
        if len(opened) == 2:
            # And a third process has made another one.
            os.close(original(lock, os.O_CREAT | os.O_RDWR))
        return descriptor

    monkeypatch.setattr(_writer_lock.os, "open", open_and_lose)
    with only_writer(tmp_path / "flow.hdf5"):
        assert lock.exists()
        assert opened == [lock] * 3
    assert not lock.exists()


def test_a_place_that_there_is_not_is_no_obstacle_but_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        _lock(tmp_path / "none" / "flow.hdf5")
