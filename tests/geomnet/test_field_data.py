"""Anybody's arrays and files as typed fields: the same frames from every source."""

import pickle
from typing import Any

import h5py
import numpy as np
import pytest

import geomnet as gn

SIGNATURE = "vorticity:0- velocity:1+ dye:0+"
RNG = np.random.default_rng(0)
# (trajectory, time, x, y[, component]): 3 runs, 5 times, on 4 by 6 cells.
TRUE = {
    "vorticity": RNG.normal(size=(3, 5, 4, 6)),
    "velocity": RNG.normal(size=(3, 5, 4, 6, 2)),
    "dye": RNG.normal(size=(3, 5, 4, 6)),
}
FRAMES = np.concatenate(
    [TRUE["vorticity"][..., None], TRUE["velocity"], TRUE["dye"][..., None]], axis=-1
)


def as_yx(array):
    """The same with y before x."""
    return np.swapaxes(array, 2, 3)


YX = {name: as_yx(array) for name, array in TRUE.items()}
OPTIONS: dict[str, Any] = {"axes": "trajectory time y x"}


def from_dict(folder):
    return YX, OPTIONS


def from_npz(folder):
    np.savez(folder / "flow.npz", **YX)
    return folder / "flow.npz", OPTIONS


def from_xy_arrays(folder):
    return TRUE, {"axes": "trajectory time x y"}


def from_pictures(folder):
    """The first row is the highest, times come last, components first."""

    def laid(array):
        array = as_yx(array)[:, :, ::-1]
        if array.ndim == 4:
            return array.transpose(0, 2, 3, 1)
        return array.transpose(4, 0, 2, 3, 1)

    arrays = {name: laid(array) for name, array in TRUE.items()}
    return arrays, {"axes": "component trajectory -y x time"}


def from_channels(folder):
    """One array of all numbers, as networks of other libraries take it."""
    stacked = np.moveaxis(FRAMES, -1, 2)
    names = {
        "vorticity": "data[0]",
        "velocity": ["data[1]", "data[2]"],
        "dye": "data[3]",
    }
    axes = "trajectory time component x y"
    return {"data": stacked}, {"axes": axes, "datasets": names}


def from_hdf5(folder):
    with h5py.File(folder / "flow.h5", "w") as file:
        file["a/b/w"] = YX["vorticity"]
        file["u"], file["v"] = np.moveaxis(YX["velocity"], -1, 0)
        file["dye"] = YX["dye"]
    names = {"vorticity": "a/b/w", "velocity": ["u", "v"]}
    return folder / "flow.h5", OPTIONS | {"datasets": names}


def from_open_hdf5(folder):
    path, options = from_hdf5(folder)
    return h5py.File(path, "r"), options


def from_runs(folder):
    """One file for each run."""
    paths = []
    for number in range(3):
        run = {name: array[number] for name, array in YX.items()}
        np.savez(folder / f"run{number}.npz", **run)
        paths.append(folder / f"run{number}.npz")
    return paths, {"axes": "time y x"}


def dataset():
    xarray = pytest.importorskip("xarray")
    dims = ("run", "t", "lat", "lon")
    arrays = {
        "vorticity": (dims, YX["vorticity"]),
        # Axes are taken by name, whatever their order.
        "velocity": (("t", "run", "c", "lon", "lat"), laid_otherwise()),
        "dye": (dims, YX["dye"]),
    }
    places = {"lat": np.linspace(1, 3.5, 6), "lon": np.arange(4.0)}
    return xarray.Dataset(arrays, places)


def laid_otherwise():
    return TRUE["velocity"].transpose(1, 0, 4, 2, 3)


NAMED: dict[str, Any] = {"axes": "trajectory:run time:t y:lat x:lon"}


def from_xarray(folder):
    return dataset(), NAMED


def from_netcdf(folder):
    pytest.importorskip("h5netcdf")
    dataset().to_netcdf(folder / "flow.nc", engine="h5netcdf")
    return folder / "flow.nc", NAMED


def from_zarr(folder):
    pytest.importorskip("zarr")
    dataset().to_zarr(folder / "flow.zarr", zarr_format=2)
    return folder / "flow.zarr", NAMED


def from_zarr_group(folder):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(folder / "plain.zarr"), mode="w")
    for name, array in YX.items():
        group.create_array(name, data=array)
    return group, OPTIONS


SOURCES = [
    from_dict,
    from_xy_arrays,
    from_pictures,
    from_channels,
    from_npz,
    from_hdf5,
    from_open_hdf5,
    from_runs,
    from_xarray,
    from_netcdf,
    from_zarr,
    from_zarr_group,
]


@pytest.mark.parametrize("make", SOURCES, ids=lambda make: make.__name__)
def test_every_source_gives_the_same_frames_and_lazy_ones_are_the_eager_ones(
    make, tmp_path
):
    source, options = make(tmp_path)
    with gn.FieldData(source, SIGNATURE, **options) as data:
        assert gn.flow_signature(data) == gn.Signature(SIGNATURE)
        assert (data.num_spatial_dims, data.grid) == (2, (4, 6))
        frames = gn.read_frames(data)
        np.testing.assert_array_equal(frames, FRAMES)
        lazy = gn.LazyFrames(data, [2, 0], times=slice(0, 5, 2), fields=["velocity"])
        for times in (None, [2, 0], [1]):
            expected = TRUE["velocity"][0][[0, 2, 4]][times or [0, 1, 2]]
            np.testing.assert_array_equal(lazy.read(1, times), expected)
        for key in (np.s_[1, 1:4:2], np.s_[2, -1, 0], np.s_[0], np.s_[[1, 0], 2]):
            np.testing.assert_array_equal(data["velocity"][key], TRUE["velocity"][key])
        many = gn.Windows(SIGNATURE, gn.LazyFrames(data), past=2, num_targets=2)
        few = gn.Windows(SIGNATURE, FRAMES, past=2, num_targets=2)
        numbers = np.arange(len(few))[::-1]
        for mine, theirs in zip(many.take(numbers), few.take(numbers), strict=True):
            np.testing.assert_array_equal(mine.array, theirs.array)


def test_fields_are_turned_as_images_are():
    """`[y, x]` means what it means for `GeometricImage.from_fields`."""
    data = gn.FieldData(YX, SIGNATURE, **OPTIONS)
    fields = {name: array[1, 2] for name, array in YX.items()}
    image = gn.GeometricImage.from_fields(SIGNATURE, fields, 2, axes="yx")
    frame = gn.read_frames(data, 1, times=2, dtype=np.float32)[0, 0]
    np.testing.assert_array_equal(frame, image.array)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_tensors_of_any_order_on_lines_planes_and_in_space(d):
    rng, sides = np.random.default_rng(1), (3, 4, 5)[:d]
    true = {
        "u": rng.normal(size=(2, 3, *sides, d)),
        "stress": rng.normal(size=(2, 3, *sides, d, d)),
    }
    back = [0, 1, *range(1 + d, 1, -1)]
    stored = {
        "u": true["u"].transpose(*back, d + 2),
        "stress": true["stress"].transpose(*back, d + 2, d + 3),
    }
    axes = " ".join(["trajectory", "time", *"zyx"[3 - d :]])
    data = gn.FieldData(stored, "u:1+ stress:2+", axes=axes)
    for name, array in true.items():
        np.testing.assert_array_equal(data[name], array)
    # Components as arrays of their own, row by row.
    parts = {
        f"s{i}{j}": stored["stress"][..., i, j] for i in range(d) for j in range(d)
    }
    rows = [[f"s{i}{j}" for j in range(d)] for i in range(d)]
    split = gn.FieldData(parts, "stress:2+", axes=axes, datasets={"stress": rows})
    np.testing.assert_array_equal(split["stress"], true["stress"])


def test_what_lacks_an_axis_is_the_same_along_it():
    height = np.arange(24.0).reshape(4, 6)
    arrays = {"dye": TRUE["dye"], "height": height, "wind": TRUE["dye"][0]}
    axes = {"dye": "trajectory time x y", "height": "x y", "wind": "time x y"}
    data = gn.FieldData(arrays, "dye:0+ height:0+ wind:0+", axes=axes)
    frames = gn.read_frames(data)
    assert (frames[..., 1] == height).all()
    assert (frames[..., 2] == TRUE["dye"][0]).all()
    one = gn.FieldData({"dye": TRUE["dye"][1]}, "dye:0+", axes="time x y")
    np.testing.assert_array_equal(gn.read_frames(one)[..., 0], TRUE["dye"][1:2])


def test_only_what_is_asked_for_is_read():
    asked = []

    class Spy:
        shape, dtype = TRUE["dye"].shape, np.dtype(float)

        def __getitem__(self, key):
            asked.append(key)
            return TRUE["dye"][key]

    data = gn.FieldData({"dye": Spy()}, "dye:0+", axes="trajectory time x y")
    gn.LazyFrames(data, times=slice(1, 4)).read(2, np.array([0, 1]))
    every = slice(None)
    assert asked == [(2, slice(1, 3, 1), every, every)]


def test_files_are_pickled_as_their_paths_and_changed_ones_are_refused(tmp_path):
    for make in (from_hdf5, from_npz):
        path, options = make(tmp_path)
        data = gn.FieldData(path, SIGNATURE, **options)
        lazy = gn.LazyFrames(data)
        sent = pickle.dumps(lazy)
        assert len(sent) < 5000
        np.testing.assert_array_equal(pickle.loads(sent).read(1), FRAMES[1])
        data.close()
        path.write_bytes(path.read_bytes() + b" ")
        with pytest.raises(ValueError, match="has changed since it was opened"):
            pickle.loads(sent).read(1)


def test_dimensions_make_units_and_parameters_come_from_numbers_or_the_file():
    arrays = YX | {"nu": np.array([0.1, 0.2, 0.3])}
    dimensions = {
        "vorticity": "T^-1",
        "velocity": "L T^-1",
        "dye": "1",
        "viscosity": "L^2 T^-1",
        "cell": "L",
    }
    data = gn.FieldData(
        arrays,
        SIGNATURE,
        **OPTIONS,
        parameters={"viscosity": "nu", "cell": 0.5},
        dimensions=dimensions,
    )
    np.testing.assert_array_equal(data.parameters["viscosity"], arrays["nu"])
    np.testing.assert_array_equal(data.parameters["cell"], [0.5] * 3)
    units = data.units(("rms velocity", "cell"))
    assert units.parameters == (("viscosity", "L^2 T^-1"), ("cell", "L"))
    assert units.numbers == ("viscosity",)
    bare = gn.FieldData(YX, SIGNATURE, **OPTIONS)
    with pytest.raises(ValueError, match="`dimensions` must have one for vorticity, v"):
        bare.units(("rms velocity",))


def test_symmetries_of_anybodys_data_are_reported():
    names = ["vorticity", "velocity"]
    arrays = {
        name: np.tile(YX[name], (3,) + (1,) * (YX[name].ndim - 1)) for name in names
    }
    data = gn.FieldData(arrays, "vorticity:0- velocity:1+", **OPTIONS)
    mine = gn.symmetry.symmetry_report(data, group=gn.reflections(2))
    held = {name: np.asarray(data[name]) for name in names}
    theirs = gn.symmetry.symmetry_report(
        held, "vorticity:0- velocity:1+", gn.reflections(2)
    )
    assert str(mine) == str(theirs)
