"""Rows that are written in place: what fits, and what is refused in words."""

import errno
import os
from typing import Any

import h5py
import numpy as np
import pytest

from pde_data.formats import _disk_space, create_rows
from pde_data.formats._row_writer import RowWriter, row_names


@pytest.fixture
def path(tmp_path):
    """A file of two rows of three numbers, without digests, as ours of before."""
    with h5py.File(tmp_path / "flow.hdf5", "w") as file:
        create_rows(file, "flow/a", (2, 3), np.float32)
        create_rows(file, "generation/stored", (2,), np.uint8)
        file["notes"] = np.ones(5)
    return tmp_path / "flow.hdf5"


def test_a_row_is_there_and_marked_and_the_other_is_not(path):
    with RowWriter(path) as writer:
        writer.reserve()
        assert writer.stored.tolist() == [0, 0]
        writer.write(1, {"flow/a": np.arange(3.0)})
        assert writer.stored.tolist() == [0, 1]
    with h5py.File(path, "r") as file:
        rows: Any = file["flow/a"]
        np.testing.assert_array_equal(rows[()], [[0, 0, 0], [0, 1, 2]])
        assert file["generation/stored"][()].tolist() == [0, 1]  # type: ignore[index]
        assert row_names(file) == ["flow/a", "generation/stored"]


@pytest.mark.parametrize(
    ("index", "row"),
    [(0, np.ones(2)), (0, np.ones((1, 3))), (2, np.ones(3)), (-1, np.ones(3))],
)
def test_what_is_no_row_of_the_file_changes_nothing(path, index, row):
    before = path.read_bytes()
    with RowWriter(path) as writer, pytest.raises(ValueError, match="must have shape"):
        writer.write(index, {"flow/a": row})
    assert path.read_bytes() == before


def test_a_file_system_that_can_not_reserve_is_written_to(path, monkeypatch):
    """The writes themselves will tell; of a full disk it is said what is needed."""

    def refuse(number):
        def allocate(*_):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(_disk_space.os, "posix_fallocate", allocate)

    with RowWriter(path) as writer:
        for number in (errno.EOPNOTSUPP, errno.EINVAL):
            refuse(number)
            writer.reserve()
        refuse(errno.ENOSPC)
        with pytest.raises(OSError, match=r"the disk is full: \d+\.\d MiB are needed"):
            writer.reserve()
        refuse(errno.EIO)
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            writer.reserve()


@pytest.mark.usefixtures("no_type_checks")
def test_what_is_no_data_set_of_rows_is_refused(path, tmp_path):
    with h5py.File(path, "r+") as file:
        with pytest.raises(ValueError, match=r"`name` must be new, but .*'flow/a'"):
            create_rows(file, "flow/a", (2, 3), np.float32)
        for dtype in ("float31", object(), np.dtype("O")):
            with pytest.raises(TypeError, match="`dtype` must be one that HDF5 stores"):
                create_rows(file, "b", (2, 3), dtype)
        shape: Any = 2
        with pytest.raises(TypeError, match="`shape` must be a sequence"):
            create_rows(file, "b", shape, np.float32)
        assert "b" not in file
    with pytest.raises(
        TypeError, match=r"`file` must be an open h5py.File, got PosixP"
    ):
        create_rows(tmp_path, "b", (2, 3), np.float32)
