"""Windows over arrays and over files: the same, and no larger than a batch."""

import tracemalloc
from typing import Any

import h5py
import numpy as np
import pytest

import geomnet as gn
import pde_data


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write(tmp_path_factory.mktemp("windows") / "flow.hdf5", trajectories=4)


def write(path, trajectories, times=9, grid=(6, 5)):
    """A float64 file in PDEBench's layout, one trajectory in memory at a time."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for name in ("density", "pressure", "Vx", "Vy"):
            node = file.create_dataset(name, (trajectories, times, *grid), np.float64)
            for i in range(trajectories):
                node[i] = 3 + rng.standard_normal((times, *grid))
        for name, n in zip("xyt", (*grid, times), strict=True):
            file[f"{name}-coordinate"] = np.arange(float(n))
    return path


@pytest.mark.parametrize(
    ("past", "stride", "targets"), [(2, 1, 1), (2, 2, 1), (1, 3, 2), (3, 1, 3)]
)
def test_windows_over_files_are_those_over_arrays(path, past, stride, targets):
    chosen = {"fields": ["velocity", "density"], "times": slice(0, None)}
    with pde_data.load(path) as data:
        lazy = gn.LazyFrames(data, [3, 1], **chosen)
        frames = gn.read_frames(data, [3, 1], **chosen)
        assert (lazy.shape, lazy.dtype) == (frames.shape, frames.dtype)
        options: dict[str, Any] = {
            "past": past,
            "stride": stride,
            "num_targets": targets,
        }
        normaliser = gn.fit_normaliser(lazy.signature, lazy)
        held = gn.fit_normaliser(lazy.signature, frames)
        np.testing.assert_allclose(normaliser.scale, held.scale, rtol=1e-13)
        np.testing.assert_allclose(normaliser.mean, held.mean, rtol=1e-13)
        done = normaliser.normalise(frames, np.float32)
        many = gn.Windows(lazy.signature, lazy.normalised(normaliser), **options)
        few = gn.Windows(lazy.signature, done, **options)
        span = (past + targets - 1) * stride
        assert len(many) == len(few) == 2 * (9 - span)
        numbers = np.arange(len(few))[::-1]
        for mine, theirs in zip(many.take(numbers), few.take(numbers), strict=True):
            assert mine.signature == theirs.signature
            np.testing.assert_array_equal(mine.array, theirs.array)
        for mine, theirs in zip(many.rollouts(), few.rollouts(), strict=True):
            np.testing.assert_array_equal(mine.array, theirs.array)
        # Window 1 of the first trajectory starts at time 1.
        history, target = few.take(np.array([1]))
        at = 1 + stride * np.arange(past + targets)
        expected = done[0, at[past:]]
        np.testing.assert_array_equal(
            np.reshape(target.array, expected.shape), expected
        )
        newest = gn.latest_frame(history, lazy.signature)
        np.testing.assert_array_equal(newest.array[0], done[0, at[past - 1]])


def test_a_window_that_does_not_fit_is_refused(path):
    with pde_data.load(path) as data:
        lazy = gn.LazyFrames(data)
        signature = lazy.signature
        refused: list[dict[str, Any]] = [
            {"past": 9},
            {"past": 0},
            {"past": 5, "stride": 2},
            {"past": 4, "num_targets": 6},
        ]
        for options in refused:
            with pytest.raises(ValueError, match="`past` must be from 1 to"):
                gn.Windows(signature, lazy, **options)
        with pytest.raises(ValueError, match="`stride` must be 1 or more"):
            gn.Windows(signature, lazy, past=1, stride=0)
        with pytest.raises(ValueError, match=r"`signature` is .* but the frames are"):
            gn.Windows("pressure:0+ density:0+ velocity:1+", lazy, past=1)
        windows = gn.Windows(signature, lazy, past=1)
        with pytest.raises(IndexError, match="`numbers` must be from 0 to 31"):
            windows.take(np.array([32]))


def test_memory_does_not_grow_with_the_file(tmp_path):
    """Three times the file, the same peak; both files are larger than the bound."""
    bound, peaks = 16 * 2**20, []
    for trajectories in (4, 12):
        path = write(tmp_path / "flow.hdf5", trajectories, times=33, grid=(64, 64))
        assert path.stat().st_size > bound
        with pde_data.load(path) as data:
            tracemalloc.start()
            lazy = gn.LazyFrames(data, fields=["density", "velocity"])
            normaliser = gn.fit_normaliser(lazy.signature, lazy)
            windows = gn.Windows(lazy.signature, lazy.normalised(normaliser), past=2)
            for numbers in np.arange(len(windows)).reshape(-1, 4)[:8]:
                windows.take(numbers)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert max(peaks) < bound
    assert peaks[1] < 1.1 * peaks[0]


def test_reading_needs_the_memory_of_the_result_and_little_more(tmp_path):
    path = write(tmp_path / "flow.hdf5", 12, times=33, grid=(64, 64))
    with pde_data.load(path) as data:
        tracemalloc.start()
        frames = gn.read_frames(data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1.35 * frames.nbytes
