"""The Well's layout is read by its attributes: constants and single runs too."""

import h5py
import numpy as np
import pytest

import geomnet as gn
import pde_data
from pde_data import _cli
from pde_data.checking._check_file import check_file

GRID, SAMPLES, TIMES = (6, 5), 3, 4


def write(path, fields, samples=SAMPLES, **attributes):
    """`{"t0_fields/density": (sample_varying, time_varying, dim_varying)}`."""
    text, random = h5py.string_dtype(), np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for name, value in attributes.items():
            file.attrs[name] = value
        dimensions = file.create_group("dimensions")
        dimensions.attrs.create("spatial_dims", ["x", "y"], dtype=text)
        for name, n in (("time", TIMES), ("x", 6), ("y", 5)):
            dimensions[name] = np.arange(float(n))
        for where, (sample, time, along) in fields.items():
            order = int(where[1])
            grid = [n for n, varies in zip(GRID, along, strict=True) if varies]
            leading = [n for n, on in ((samples, sample), (TIMES, time)) if on]
            file[where] = 1 + random.random((*leading, *grid, *(2,) * order))
            file[where].attrs["sample_varying"] = sample
            file[where].attrs["time_varying"] = time
            file[where].attrs["dim_varying"] = np.array(along)
    return path


MAZE = {
    "t0_fields/pressure": (True, True, (True, True)),
    "t0_fields/density": (True, False, (True, True)),
    "t0_fields/speed_of_sound": (False, False, (True, True)),
    "t0_fields/depth": (False, False, (False, True)),
    "t1_fields/velocity": (True, True, (True, True)),
}


def test_fields_constant_in_time_are_fields(tmp_path, capsys):
    path = write(tmp_path / "maze.hdf5", MAZE)
    with pde_data.load(path) as flow, h5py.File(path) as file:
        assert flow.constants == ("density", "depth", "speed_of_sound")
        names = [field.name for field in flow.fields]
        assert names == ["density", "depth", "pressure", "speed_of_sound", "velocity"]
        node = {name: np.asarray(file[f"t0_fields/{name}"]) for name in names[:4]}
        whole = (SAMPLES, TIMES, *GRID)
        expected = {
            "pressure": node["pressure"],
            "density": np.broadcast_to(node["density"][:, None], whole),
            "speed_of_sound": np.broadcast_to(node["speed_of_sound"], whole),
            "depth": np.broadcast_to(node["depth"], whole),
        }
        keys = [..., (1, 2), (slice(0, 2), -1, slice(None, None, -2)), ([2, 0], ..., 3)]
        for name, values in expected.items():
            assert flow[name].shape == whole
            for key in keys:
                np.testing.assert_array_equal(flow[name][key], values[key])
        density, velocity, _ = flow.primitive(2)
        np.testing.assert_array_equal(density, expected["density"][2])
        assert velocity.shape == (TIMES, *GRID, 2)
        assert flow.unread == ()
        assert gn.read_frames(flow).shape == (*whole, 6)
    findings = {f.name: f for f in check_file(path).findings}
    assert "density, depth, speed_of_sound" in findings["constants"].detail
    assert {"finite density", "finite speed_of_sound"} <= set(findings)
    assert _cli.main(["info", str(path)]) == 0
    assert "density: order 0, parity +1, constant in time" in capsys.readouterr().out


def test_a_constant_that_is_not_finite_fails_the_check(tmp_path):
    path = write(tmp_path / "maze.hdf5", MAZE)
    with h5py.File(path, "r+") as file:
        file["t0_fields/speed_of_sound"][2, 3] = np.nan  # type: ignore[index]
    failed = [f.name for f in check_file(path).findings if f.passed is False]
    assert "finite speed_of_sound" in failed


RUN = {name: (False, time, along) for name, (_, time, along) in MAZE.items()}


@pytest.mark.parametrize("attributes", [{}, {"n_trajectories": 1}])
def test_a_run_without_sample_axis_is_one_trajectory(attributes, tmp_path):
    path = write(tmp_path / "run.hdf5", RUN, **attributes)
    with pde_data.load(path) as flow, h5py.File(path) as file:
        assert flow.num_trajectories == 1
        assert flow["velocity"].shape == (1, TIMES, *GRID, 2)
        stored = np.asarray(file["t1_fields/velocity"])
        np.testing.assert_array_equal(flow["velocity"][0], stored)


def _flag(where, name, value):
    def spoil(file):
        file[where].attrs.pop(name, None)
        if value is not None:
            file[where].attrs[name] = value

    return spoil


def _emptied(*names, **lines):
    """Without some groups or data sets, or with other coordinates."""

    def spoil(file):
        for name in names:
            del file[name]
        for name, line in lines.items():
            file[f"dimensions/{name}"] = line

    return spoil


CONSTANT = {"t0_fields/depth": (True, False, (True, True))}


@pytest.mark.parametrize(
    ("fields", "spoil", "message"),
    [
        (
            RUN,
            lambda f: f.attrs.__setitem__("n_trajectories", 5),
            "no field varies bet",
        ),
        (
            RUN,
            _flag("t1_fields/velocity", "sample_varying", True),
            "t1_fields/velocity",
        ),
        (
            RUN,
            _flag("t0_fields/pressure", "sample_varying", None),
            "no attribute sample",
        ),
        (
            RUN,
            _flag("t0_fields/depth", "time_varying", None),
            "no attribute time_varying",
        ),
        (
            MAZE,
            _flag("t0_fields/density", "time_varying", True),
            "t0_fields/density has",
        ),
        (
            MAZE,
            _flag("t0_fields/depth", "dim_varying", [1, 1]),
            "t0_fields/depth has sh",
        ),
        (
            MAZE,
            _flag("t0_fields/depth", "dim_varying", "yes"),
            "dim_varying of t0_field",
        ),
        (MAZE, _flag("t0_fields/depth", "time_varying", "no"), "must be true or false"),
        (MAZE, _flag("dimensions", "spatial_dims", 3), "must list names"),
        (MAZE, _flag("dimensions", "spatial_dims", ["x"]), "must have 1 entries"),
        (MAZE, lambda f: f.move("t0_fields/depth", "t1_fields/density"), "rename"),
        (MAZE, lambda f: f.create_group("t0_fields/a"), "t0_fields/a is no data set"),
        (MAZE, _emptied("dimensions/time"), "dimensions lacks time"),
        (MAZE, _flag("dimensions", "spatial_dims", ["x", "x"]), "one to three names"),
        (MAZE, _flag("dimensions", "spatial_dims", list("xytz")), "one to three names"),
        (MAZE, _flag("dimensions", "spatial_dims", None), "lacks the group dimensions"),
        (MAZE, _emptied(*MAZE), "holds no field in t0_fields to t2_fields"),
        (CONSTANT, lambda f: None, "holds no field that varies in time"),
        (MAZE, _emptied("dimensions/x", x=np.zeros(0)), "holds no line of numbers"),
        (
            MAZE,
            _emptied("dimensions/x", x=np.arange(12.0).reshape(2, 6)),
            "the x of its trajectories differ, which is not supported: split",
        ),
    ],
)
def test_attributes_that_contradict_the_shapes_are_refused(
    fields, spoil, message, tmp_path
):
    path = write(tmp_path / "flow.hdf5", fields)
    with h5py.File(path, "r+") as file:
        spoil(file)
    with pytest.raises(ValueError, match=message):
        pde_data.load(path)
    assert not check_file(path).passed


def test_a_set_of_no_trajectories_is_refused(tmp_path):
    path = write(tmp_path / "flow.hdf5", MAZE, samples=0)
    with pytest.raises(ValueError, match="t0_fields/density holds no trajectory"):
        pde_data.load(path)


def test_one_coordinate_that_is_given_for_each_trajectory_is_one(tmp_path):
    path = write(tmp_path / "flow.hdf5", MAZE)
    lines = np.broadcast_to(np.arange(6.0), (SAMPLES, 6))
    with h5py.File(path, "r+") as file:
        _emptied("dimensions/x", x=lines)(file)
    with pde_data.load(path) as flow:
        np.testing.assert_array_equal(flow.coordinates[0], np.arange(6.0))


def test_what_is_not_understood_is_listed(tmp_path):
    path = write(tmp_path / "maze.hdf5", MAZE)
    with h5py.File(path, "r+") as file:
        file["t3_fields/gradient"] = np.ones((3, 4, 6, 5, 2, 2, 2))
        file["boundary_conditions/wall/values"] = np.ones(3)
    with pde_data.load(path) as flow:
        assert flow.unread == (
            "boundary_conditions/wall/values",
            "t3_fields/gradient",
        )
