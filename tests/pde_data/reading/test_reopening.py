"""Data sets go to worker processes, where their files are opened again."""

import multiprocessing
import operator
import os
import pickle

import h5py
import numpy as np
import pytest

import geomnet as gn
import pde_data


def write(path, seed=0, trajectories=2, trailing=True):
    values = np.random.default_rng(seed).random((trajectories, 5, 6, 4))
    with h5py.File(path, "w") as file:
        for n, name in enumerate(("density", "pressure", "Vx", "Vy")):
            file[name] = values + n if trailing else values[0] + n
        for name, n in (("x", 6), ("y", 4), ("t", 5)):
            file[f"{name}-coordinate"] = np.arange(float(n))
    return path


@pytest.fixture
def paths(tmp_path):
    return [write(tmp_path / "a.hdf5", 0), write(tmp_path / "b.hdf5", 1, 1, False)]


def again(value):
    return pickle.loads(pickle.dumps(value))


def test_all_that_reads_can_be_pickled(paths):
    with pde_data.load(paths) as flow:
        frames = gn.LazyFrames(flow, [2, 0], fields=["velocity"])
        windows = gn.Windows("velocity:1+", frames, past=2)
        copies = again((flow, flow["velocity"], frames, windows))
        expected = flow["velocity"][:], np.asarray(frames), windows.take(np.arange(3))
        described = repr(flow), flow.times.tolist(), flow.paths, flow.parameters
    # The first process has closed its files: the copies open their own.
    other, velocity, other_frames, other_windows = copies
    assert (repr(other), other.times.tolist(), other.paths, other.parameters) == (
        described
    )
    np.testing.assert_array_equal(velocity[:], expected[0])
    np.testing.assert_array_equal(other["velocity"][:], expected[0])
    np.testing.assert_array_equal(np.asarray(other_frames), expected[1])
    for mine, theirs in zip(other_windows.take(np.arange(3)), expected[2], strict=True):
        np.testing.assert_array_equal(mine.array, theirs.array)
    np.testing.assert_array_equal(again(again(velocity))[1], expected[0][1])
    other.close()
    with pytest.raises(ValueError, match=r"a\.hdf5 is closed: read before `close`"):
        other["density"][0]


def test_a_spawned_process_reads_what_it_is_sent(paths, tmp_path):
    with pde_data.load(paths) as flow:
        density = flow["density"]
        frames = gn.LazyFrames(flow, fields=["density"], dtype=np.float32)
        windows = gn.Windows("density:0+", frames, past=1)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            here = windows.take(np.array([4, 9]))[1].array
            there = pool.apply(windows.take, (np.array([4, 9]),))[1].array
            np.testing.assert_array_equal(here, there)
            got = pool.apply(operator.getitem, (density, (1, 2)))
            np.testing.assert_array_equal(got, density[1, 2])
            os.replace(write(tmp_path / "new.hdf5", 5), paths[0])
            with pytest.raises(ValueError, match=r"a\.hdf5 has changed since it was"):
                pool.apply(operator.getitem, (density, 0))


def test_a_file_that_has_changed_or_gone_is_named(paths, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pde_data.load("a.hdf5") as flow:
        sent = pickle.dumps(flow)
    # The paths are whole: another process may stand in another folder.
    monkeypatch.chdir("/")
    assert pickle.loads(sent)["density"][0].shape == (5, 6, 4)
    stamp = paths[0].stat()
    os.utime(paths[0], ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
    with pytest.raises(ValueError, match=r"a\.hdf5 has changed .* load it anew"):
        pickle.loads(sent)["density"][0]
    os.utime(paths[0], ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert pickle.loads(sent)["density"][0].shape == (5, 6, 4)
    paths[0].unlink()
    with pytest.raises(FileNotFoundError, match=r"There is no file .*a\.hdf5"):
        pickle.loads(sent)["density"][0]


def test_a_closed_data_set_stays_closed(paths):
    flow = pde_data.load(paths)
    flow.close()
    for each in (flow, again(flow)):
        with pytest.raises(ValueError, match="is closed"):
            each["density"][0]


def test_numbers_from_another_file_are_not_sent(paths, tmp_path):
    with h5py.File(paths[0], "r+") as file:
        del file["Vx"]
        file["Vx"] = h5py.ExternalLink(str(write(tmp_path / "c.hdf5")), "/Vy")
    with (
        pde_data.load(paths[0], allow_external=True) as flow,
        pytest.raises(TypeError, match=r"lies in .*c\.hdf5, so it can't be pickled"),
    ):
        pickle.dumps(flow)
