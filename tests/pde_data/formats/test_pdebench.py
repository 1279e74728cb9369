"""PDEBench's layout is read by its names; what it does not say is refused or listed."""

from typing import Any

import h5py
import numpy as np
import pytest

import pde_data
from pde_data import _cli
from pde_data.checking._check_file import check_file


def write(path, shape, velocities, axes, times=None, **more):
    """Fields of one shape, a velocity per letter, a coordinate per letter of `axes`."""
    random = np.random.default_rng(0)
    grid = shape[len(shape) - len(axes) :]
    with h5py.File(path, "w") as file:
        for name in ("density", "pressure", *(f"V{a}" for a in velocities)):
            file[name] = 2 + random.random(shape)
        for axis, n in zip(axes, grid, strict=True):
            file[f"{axis}-coordinate"] = np.arange(float(n))
        n = shape[len(shape) - len(axes) - 1] if times is None else times
        file["t-coordinate"] = np.arange(float(n))
        for name, value in more.items():
            file[name] = value
    return path


@pytest.mark.parametrize(
    ("grid", "axes"), [((32,), "x"), ((32, 32), "xy"), ((9, 8, 7), "xyz")]
)
def test_a_file_without_trajectory_axis_is_one_trajectory(grid, axes, tmp_path):
    path = write(tmp_path / "flow.hdf5", (101, *grid), axes, axes)
    with pde_data.load(path) as flow, _open(path) as file:
        assert (flow.num_trajectories, flow.grid) == (1, grid)
        assert flow["velocity"].shape == (1, 101, *grid, len(grid))
        np.testing.assert_array_equal(flow.times, np.arange(101))
        density, velocity, pressure = flow.primitive(0)
        np.testing.assert_array_equal(density, file["density"][()])
        np.testing.assert_array_equal(pressure, file["pressure"][()])
        for i, axis in enumerate(axes):
            np.testing.assert_array_equal(velocity[..., i], file[f"V{axis}"][()])
        np.testing.assert_array_equal(
            flow["velocity"][:, 3:9:2, ::-1, ..., 0][0], velocity[3:9:2, ::-1, ..., 0]
        )
        assert flow.unread == ()
    layout = check_file(path).findings[0]
    assert layout.passed, str(layout)


def test_one_trajectory_and_several_are_one_data_set(tmp_path):
    one = write(tmp_path / "one.hdf5", (5, 6, 7), "xy", "xy")
    three = write(tmp_path / "three.hdf5", (3, 5, 6, 7), "xy", "xy")
    with pde_data.load([one, three]) as flow:
        assert flow["velocity"].shape == (4, 5, 6, 7, 2)
        everything = np.asarray(flow["velocity"])
        np.testing.assert_array_equal(flow["velocity"][[3, 0]], everything[[3, 0]])


@pytest.mark.parametrize(
    ("shape", "velocities", "axes", "message"),
    [
        ((3, 5, 6, 7), "xyz", "xy", "holds Vz, but no z-coordinate"),
        ((5, 6, 7), "xyz", "xy", "holds Vz, but no z-coordinate"),
        ((3, 5, 6, 7), "xy", "x", "holds Vy, but no y-coordinate"),
        ((3, 5, 6, 7), "x", "xy", "lacks Vy"),
        ((3, 5, 6, 7), "xy", "", "lacks x-coordinate, y-coordinate"),
        ((3, 5, 6, 7), "xy", "xz", "lacks y-coordinate"),
        ((4, 3, 5, 6, 7), "xy", "xy", "density must have axes"),
        ((6, 7), "xy", "xy", "density must have axes"),
        ((0, 5, 6, 7), "xy", "xy", "no trajectory, no time or no cell"),
        ((3, 0, 6, 7), "xy", "xy", "no trajectory, no time or no cell"),
        ((3, 5, 0, 7), "xy", "xy", "no trajectory, no time or no cell"),
    ],
)
def test_names_that_contradict_each_other_are_refused(
    shape, velocities, axes, message, tmp_path, capsys
):
    path = write(tmp_path / "flow.hdf5", shape, velocities, axes)
    with pytest.raises(ValueError, match=message):
        pde_data.load(path)
    assert not check_file(path).passed
    assert _cli.main(["info", str(path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("times", [4, 7, 1])
def test_times_are_not_cut(times, tmp_path):
    path = write(tmp_path / "flow.hdf5", (3, 5, 6, 7), "xy", "xy", times=times)
    with pytest.raises(ValueError, match=r"t-coordinate has shape .*have 5 entries"):
        pde_data.load(path)


def test_what_is_not_understood_is_listed(tmp_path, capsys):
    more = {"tracer": np.ones((3, 5, 6, 7)), "extra/mask": np.ones(3)}
    path = write(tmp_path / "flow.hdf5", (3, 5, 6, 7), "xy", "xy", **more)
    with pde_data.load(path) as flow:
        assert flow.unread == ("extra/mask", "tracer")
    found = {f.name: f for f in check_file(path).findings}
    assert found["unread"].passed is None
    assert "extra/mask, tracer" in found["unread"].detail
    assert _cli.main(["info", str(path)]) == 0
    assert "not read      tracer" in capsys.readouterr().out


def test_everything_in_our_own_files_is_accounted_for(tmp_path):
    for format in ("pdebench", "well"):
        config = pde_data.GenerateConfig(
            grid=(8, 8), trajectories=1, snapshots=2, final_time=0.01, format=format
        )
        path = pde_data.generate(config, tmp_path / f"{format}.hdf5")
        with pde_data.load(path) as flow:
            assert flow.unread == ()
            assert flow.constants == ()


def test_an_open_file_is_refused_with_what_to_give_instead(tmp_path):
    path = write(tmp_path / "flow.hdf5", (3, 5, 6, 7), "xy", "xy")
    with h5py.File(path, "r") as file:
        for given in (file, [file]):
            with pytest.raises(TypeError, match=r"got h5py.*: pass its name, load\("):
                pde_data.load(given)
    for given in (3, None, b"flow.hdf5", {"a": 1}, [3]):
        with pytest.raises(TypeError, match="`paths` must be a path, a pattern"):
            pde_data.load(given)


def _open(path) -> Any:
    return h5py.File(path, "r")
