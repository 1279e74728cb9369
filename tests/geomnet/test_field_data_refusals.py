"""What anybody's data lack or have wrong is named, with the mend."""

import sys
from typing import Any

import numpy as np
import pytest

import geomnet as gn

from .test_field_data import NAMED, OPTIONS, SIGNATURE, YX, dataset

DYE = YX["dye"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"signature": "vorticity velocity:1+"},
            "'vorticity' is not a signature entry",
        ),
        ({"signature": "1+"}, r"`signature` has '1\+': give each field a name"),
        ({"signature": "dye:3x0+"}, "give each field a name of its own"),
        (
            {"signature": "speed:0+"},
            "no array 'speed'. It has vorticity, velocity, dye",
        ),
        ({"axes": "trajectory time q x"}, "`axes` .* has 'q': write the axes"),
        ({"axes": "trajectory time yx"}, "has 'yx': write .*'trajectory time y x'"),
        ({"axes": "trajectory -time y x"}, "has '-time'"),
        ({"axes": "trajectory time y y"}, "has 'y' twice"),
        ({"axes": "trajectory time y z"}, "must hold the axes of the grid"),
        ({"axes": "trajectory time"}, "must hold the axes of the grid"),
        (
            {"axes": "time y x"},
            r"'vorticity' should have axes \(time, y, x\).*\(3, 5, 6, 4\)",
        ),
        ({"axes": "trajectory time:t y x"}, "has names of axes"),
        ({"axes": "trajectory component time y x"}, r"'velocity.* components \(2,\)"),
        ({"axes": {"dye": "time y x"}}, "`axes` lacks 'vorticity'"),
        ({"datasets": {"speed": "u"}}, "`datasets` has 'speed', but must name vort"),
        ({"datasets": {"velocity": ["dye"]}}, "2 components: name one array"),
        ({"datasets": {"dye": "dye[0]"}}, "1 of them of components"),
        ({"datasets": {"dye": 3}}, "`datasets` must give field 'dye' the name"),
        ({"dimensions": {"dye": "kg"}}, "'kg' is no dimension"),
        ({"dimensions": {"heat": "K"}}, "`dimensions` has 'heat'"),
        ({"parameters": {"nu": [1.0, 2.0]}}, r"'nu' .* each of 3 traj.* \(2,\)"),
        (
            {"parameters": {"nu": [1.0, np.nan, 2.0]}},
            "'nu' of trajectory 1 must be fin",
        ),
        ({"parameters": {"nu": "dye"}}, "'dye' of `source` must be one number"),
        ({"parameters": {"nu": ["a", "b", "c"]}}, "'nu' must be one number"),
        ({"source": []}, "at least one source"),
        ({"source": DYE}, "`source` must be a mapping of arrays .* got ndarray"),
        ({"source": [YX, 3]}, "`source` must be .* got 3"),
        ({"source": "flow.txt"}, r"`source` 'flow.txt' must end with .npz, .h5"),
        ({"source": "none.npz"}, "there is no file none.npz"),
        ({"source": YX | {"dye": DYE[:, 1:]}}, "'dye' has 4 along 'time', but 'vort"),
        ({"source": YX | {"dye": DYE[..., 1:]}}, "'dye' has 3 along 'x', but 'vort"),
        ({"source": [YX, {n: a[:, 1:] for n, a in YX.items()}]}, "number 1 .* 4 times"),
        (
            {"source": [YX, {n: a[:, :, 1:] for n, a in YX.items()}]},
            "number 1 .* cells",
        ),
        ({"source": {n: a[:0] for n, a in YX.items()}}, "has no frames"),
    ],
)
def test_what_is_wrong_is_named(changes, message):
    given: dict[str, Any] = {"source": YX, "signature": SIGNATURE, **OPTIONS} | changes
    with pytest.raises((ValueError, TypeError, FileNotFoundError), match=message):
        gn.FieldData(**given)


def test_a_number_that_is_not_finite_is_named_when_it_is_read():
    bad = DYE.copy()
    bad[1, 3, 0, 0] = np.nan
    data = gn.FieldData(YX | {"dye": bad}, SIGNATURE, **OPTIONS)
    with pytest.raises(ValueError, match="'dye' is not finite in trajectory 1, time 3"):
        gn.read_frames(data)
    frames = gn.read_frames(data, [0, 2])
    assert np.isfinite(frames).all()
    with pytest.raises(TypeError, match="'dye' holds complex128, no real numbers"):
        gn.LazyFrames(gn.FieldData({"dye": DYE * 1j}, "dye:0+", **OPTIONS))


@pytest.mark.parametrize("ending", [".npz", ".h5", ".nc"])
def test_a_file_of_another_kind_is_one_line(tmp_path, ending):
    if ending == ".nc":
        pytest.importorskip("xarray")
    path = tmp_path / f"flow{ending}"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=f"flow{ending} can't be read .* dict"):
        gn.FieldData(path, SIGNATURE, **OPTIONS)


@pytest.mark.parametrize(
    ("ending", "module", "extra"),
    [
        (".nc", "xarray", "xarray"),
        (".zarr", "xarray", "xarray"),
        (".h5", "h5py", "data"),
    ],
)
def test_a_missing_library_is_named_with_the_extra(
    tmp_path, monkeypatch, ending, module, extra
):
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / f"flow{ending}").touch()
    with pytest.raises(ImportError, match=rf"needs {module}: .*geomnet\[{extra}\]"):
        gn.FieldData(tmp_path / f"flow{ending}", SIGNATURE, **OPTIONS)


def test_coordinates_that_fall_or_are_uneven_are_refused():
    flipped = dataset().isel(lat=slice(None, None, -1))
    with pytest.raises(
        ValueError, match=r"'lat' .* falls along its axis: write '-y:lat'"
    ):
        gn.FieldData(flipped, SIGNATURE, **NAMED)
    falling: dict[str, Any] = {"axes": NAMED["axes"].replace(" y:", " -y:")}
    data = gn.FieldData(flipped, SIGNATURE, **falling)
    same = gn.FieldData(dataset(), SIGNATURE, **NAMED)
    np.testing.assert_array_equal(gn.read_frames(data), gn.read_frames(same))
    with pytest.raises(
        ValueError, match=r"'lat' .* grows along its axis: write 'y:lat'"
    ):
        gn.FieldData(dataset(), SIGNATURE, **falling)
    uneven = dataset().assign_coords(lon=[0.0, 1.0, 2.0, 4.0])
    with pytest.raises(ValueError, match=r"'lon' .* not evenly spaced.* from 1 to 2"):
        gn.FieldData(uneven, SIGNATURE, **NAMED)


def test_an_axis_that_is_not_said_is_no_component():
    extra = dataset().expand_dims(level=2)
    with pytest.raises(ValueError, match=r"'vorticity' has the axes \('level', 'run'"):
        gn.FieldData(extra, SIGNATURE, **NAMED)
    with pytest.raises(ValueError, match="Say of each what it is"):
        gn.FieldData(dataset(), SIGNATURE, **OPTIONS)


def outside(path, kind):
    """A file of one array that lies in another one."""
    import h5py

    other = path.with_name("other.h5")
    with h5py.File(other, "w") as file:
        file["there"] = np.zeros((1, 2, 4, 4))
    with h5py.File(path, "w") as file:
        if kind == "link":
            file["dye"] = h5py.ExternalLink(other, "there")
        elif kind == "virtual":
            layout = h5py.VirtualLayout((1, 2, 4, 4), "f8")
            layout[:] = h5py.VirtualSource(other, "there", (1, 2, 4, 4))
            file.create_virtual_dataset("dye", layout)
        else:
            raw = [(other, 0, 256)]
            file.create_dataset("dye", (1, 2, 4, 4), "f8", external=raw)
    return path


@pytest.mark.parametrize("kind", ["link", "virtual", "raw storage"])
def test_a_file_that_takes_its_numbers_from_another_is_refused(tmp_path, kind):
    """Unless its reader opens it: which is to trust it."""
    import h5py

    path = outside(tmp_path / "flow.h5", kind)
    with pytest.raises(ValueError, match=r"'dye' from outside .* `h5py.File\(path\)`"):
        gn.FieldData(path, "dye:0+", axes="trajectory time x y")
    with h5py.File(path) as file:
        data = gn.FieldData(file, "dye:0+", axes="trajectory time x y")
        assert np.asarray(data["dye"]).shape == (1, 2, 4, 4)
