"""Locks and files where systems differ, and arrays that are not what they should be."""

import errno
import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomnet import training
from geomnet.training import _file


def without_locks(monkeypatch) -> ModuleType:
    """The module as a system imports it that has no `fcntl`, such as Windows."""
    monkeypatch.setitem(sys.modules, "fcntl", None)
    spec = importlib.util.spec_from_file_location("file_on_windows", _file.__file__)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_where_there_are_no_locks_files_are_written_all_the_same(tmp_path, monkeypatch):
    module = without_locks(monkeypatch)
    target = tmp_path / "a"
    with module.sole_writer(target), module.whole_file(target) as file:
        file.write(b"whole")
        # Nothing keeps a second writer out.
        with module.sole_writer(target):
            pass
    assert target.read_bytes() == b"whole"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    # Here one is kept out.
    refused = pytest.raises(ValueError, match="another process")
    with _file.sole_writer(target), refused, _file.sole_writer(target):
        pass


def test_a_lock_that_the_last_writer_has_removed_meanwhile_is_taken_again(
    tmp_path, monkeypatch
):
    """Else two processes would hold locks on two files of one name."""
    lock, opened = tmp_path / "a.lock", []
    original = _file.os.open

    def open_and_lose(path, *rest):
        descriptor = original(path, *rest)
        opened.append(path)
        if len(opened) == 1:
            lock.unlink()
        elif len(opened) == 2:
            # And a third process has made another one.
            lock.unlink()
            os.close(original(lock, os.O_CREAT | os.O_RDWR))
        return descriptor

    monkeypatch.setattr(_file.os, "open", open_and_lose)
    with _file.sole_writer(tmp_path / "a"):
        assert lock.exists()
        assert opened == [lock] * 3
    assert not lock.exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_file_systems_without_locks_are_written_to(number, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(number, "no locks here")

    monkeypatch.setattr(_file.fcntl, "flock", refuse)
    training.save_checkpoint(tmp_path / "a", jnp.ones(3))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_lock_that_fails_otherwise_is_an_error(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "the disk is gone")

    monkeypatch.setattr(_file.fcntl, "flock", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        training.save_checkpoint(tmp_path / "a", jnp.ones(3))


def of_the_first_format(path: Path, tree) -> Path:
    with path.open("wb") as file:
        file.write((json.dumps({}) + "\n").encode())
        eqx.tree_serialise_leaves(file, tree)
    return path


def test_arrays_of_the_first_format_are_those_of_the_model(tmp_path):
    """They have no names: shapes and dtypes are all that tells another model."""
    path = of_the_first_format(tmp_path / "a", jnp.arange(3.0))
    found, _ = training.load_checkpoint(path, jnp.zeros(3))
    np.testing.assert_array_equal(found, np.arange(3.0))
    for other in (jnp.zeros(4), jnp.zeros(3, jnp.int32), (jnp.zeros(3), jnp.zeros(3))):
        with pytest.raises(ValueError, match="is not a checkpoint of this state: "):
            training.load_checkpoint(path, other)


def damaged(whole: bytes, old: bytes, new: bytes) -> bytes:
    assert old in whole
    return whole.replace(old, new.ljust(len(old)), 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"NUMPY\x01\x00", b"NUMPY\x09\x00"),
        (b"'shape': (3,)", b"'shape': (3,"),
        (b"'<f4'", b"'|O'"),
        (b"(3,)", b"(0)"),
        (b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)", b"-" * 50),
    ],
    ids=["version", "header", "objects", "shape", "no header"],
)
def test_damaged_arrays_of_the_first_format_are_not_read(old, new, tmp_path):
    path = of_the_first_format(tmp_path / "a", jnp.arange(3.0))
    path.write_bytes(damaged(path.read_bytes(), old, new))
    with pytest.raises(ValueError, match="cut off or damaged at byte 3"):
        training.load_checkpoint(path, jnp.zeros(3))


@pytest.mark.parametrize(
    ("leaf", "words"),
    [
        (np.array([{}, None]), "holds objects, not numbers"),
        (10**30, "is too large a number to be saved: 1000"),
    ],
)
def test_what_is_no_number_of_a_machine_is_not_saved(leaf, words, tmp_path):
    with pytest.raises(TypeError, match=rf"`state\['a'\]` {words}"):
        training.save_checkpoint(tmp_path / "a", {"a": leaf})
    assert list(tmp_path.iterdir()) == []


def test_a_loaded_array_lies_where_the_one_before_lay(tmp_path):
    """One that was put on a device stays there; others may be moved by what uses it."""
    there = jax.device_put(jnp.arange(3.0), jax.devices()[0])
    training.save_checkpoint(tmp_path / "a", {"here": jnp.zeros(3), "there": there})
    like = {"here": jnp.ones(3), "there": there + 1}
    found, _ = training.load_checkpoint(tmp_path / "a", like)
    assert found["there"].committed
    assert not found["here"].committed
    np.testing.assert_array_equal(found["there"], np.arange(3.0))
