from typing import Any

import h5py
import numpy as np
import pytest

import pde_data
from pde_data.formats import Field, LazyArray


def _pdebench(path, random, n=3, d=2, extra_time=True):
    """As PDEBench writes it: one more time than snapshots, no attributes of ours."""
    shape = (n, 5, *(6, 7, 8)[:d])
    with _open(path, "w") as file:
        for name in ["density", "pressure", *("Vx", "Vy", "Vz")[:d]]:
            file[name] = random.normal(size=shape).astype(np.float32)
        for name, length in zip("xyz", shape[2:], strict=False):
            file[f"{name}-coordinate"] = np.linspace(0, 1, length, dtype=np.float32)
        file["t-coordinate"] = np.arange(5 + extra_time, dtype=np.float32)
        file.attrs["eta"], file.attrs["M"] = 0.01, 0.1
    return path


@pytest.mark.parametrize("d", [1, 2, 3])
def test_pdebenchs_own_layout_is_read(d, tmp_path, random):
    path = _pdebench(tmp_path / "flow.hdf5", random, d=d)
    with pde_data.load(path) as flow, _open(path) as file:
        assert flow.fields[2] == Field("velocity", 1, +1)
        assert flow.num_spatial_dims == d
        assert flow.grid == (6, 7, 8)[:d]
        assert flow["velocity"].shape == (3, 5, *flow.grid, d)
        np.testing.assert_array_equal(flow.times, np.arange(5))
        assert (flow.parameters["eta"], flow.config) == (0.01, None)
        last = "xyz"[d - 1]
        np.testing.assert_array_equal(flow["velocity"][..., -1], file[f"V{last}"][()])


@pytest.mark.parametrize(
    "key",
    [
        0,
        -1,
        slice(None),
        slice(1, 4),
        slice(None, None, -2),
        (slice(None), 2),
        (..., 1),
        (..., slice(0, 1)),
        (1, slice(0, 3), ..., slice(None, None, -1)),
        (slice(0, 0), 1),
        ([3, 0, 4], slice(1, 3)),
        (np.array([True, False, True, False, True]),),
        (2, 1, 3, 4, 0),
    ],
)
def test_slicing_reads_what_numpy_would(key, tmp_path, random):
    paths = [
        _pdebench(tmp_path / "a.hdf5", random, 3),
        _pdebench(tmp_path / "b.hdf5", random, 2),
    ]
    with pde_data.load(paths) as flow:
        velocity = flow["velocity"]
        everything = np.asarray(velocity)
        assert everything.shape == velocity.shape == (5, 5, 6, 7, 2)
        np.testing.assert_array_equal(velocity[key], everything[key])


def test_an_index_that_is_not_there_is_an_index_error(tmp_path, random):
    with pde_data.load(_pdebench(tmp_path / "flow.hdf5", random)) as flow:
        for key in (3, (0, 9), (0,) * 6, (..., ...), (None, 0)):
            with pytest.raises(IndexError):
                flow["velocity"][key]
        with pytest.raises(KeyError, match="density, pressure, velocity"):
            flow["vorticity"]


def test_files_that_do_not_belong_together_are_refused(tmp_path, random):
    one = _pdebench(tmp_path / "one.hdf5", random)
    other = _pdebench(tmp_path / "other.hdf5", random)
    with _open(other, "r+") as file:
        file["t-coordinate"][...] += 1
    with pytest.raises(ValueError, match="the times differ"):
        pde_data.load([one, other])
    with pytest.raises(ValueError, match="`paths`"):
        pde_data.load([])


def test_a_pattern_and_a_list_name_files_in_order(tmp_path, random):
    for name in ("flow-2-of-2.hdf5", "flow-1-of-2.hdf5"):
        _pdebench(tmp_path / name, random, int(name[5]))
    with pde_data.load(tmp_path / "flow-*-of-2.hdf5") as flow:
        assert [path.name[5] for path in flow.paths] == ["1", "2"]
        assert flow.num_trajectories == 3
    with pde_data.load([str(tmp_path / "*-2-of-2.hdf5")]) as flow:
        assert flow.num_trajectories == 2
    with pytest.raises(FileNotFoundError, match=r"no file that matches .*\*\.h5"):
        pde_data.load(tmp_path / "*.h5")
    with pytest.raises(FileNotFoundError, match=r"load .*flow-\*-of-\*\.hdf5"):
        pde_data.load(tmp_path / "flow.hdf5")
    one = tmp_path / "flow-1-of-2.hdf5"
    with pytest.raises(ValueError, match="twice"):
        pde_data.load([one, tmp_path / "flow-*"])


def test_a_part_that_is_missing_is_named_with_how_to_make_it(tmp_path, random):
    for number in (1, 3):
        _pdebench(tmp_path / f"flow-{number}-of-4.hdf5", random)
    text = r"\[2, 4\] are missing: .* --out .*flow\.hdf5 --shard 2/4"
    for pattern in ("flow-*-of-4.hdf5", "flow-*-of-*.hdf5"):
        with pytest.raises(FileNotFoundError, match=text):
            pde_data.load(tmp_path / pattern)
    with pde_data.load(sorted(tmp_path.glob("*.hdf5"))) as flow:
        assert len(flow.paths) == 2


def test_parameters_that_differ_have_one_value_per_trajectory(tmp_path, random):
    one = _pdebench(tmp_path / "one.hdf5", random, 2)
    other = _pdebench(tmp_path / "other.hdf5", random, 3)
    with _open(other, "r+") as file:
        file.attrs["M"], file.attrs["zeta"] = 1.0, 0.5
    with pde_data.load([one, other]) as flow:
        assert flow.parameters["eta"] == 0.01
        np.testing.assert_array_equal(flow.parameters["M"], [0.1, 0.1, 1, 1, 1])
        zeta = flow.parameters["zeta"]
        np.testing.assert_array_equal(zeta, [np.nan, np.nan, 0.5, 0.5, 0.5])


@pytest.mark.parametrize("what", ["x-coordinate", "y-coordinate"])
def test_a_file_of_another_box_is_refused(what, tmp_path, random):
    one = _pdebench(tmp_path / "one.hdf5", random)
    other = _pdebench(tmp_path / "other.hdf5", random)
    with _open(other, "r+") as file:
        file[what][...] *= 2
    with pytest.raises(ValueError, match=r"other.hdf5 the coordinates differ"):
        pde_data.load([one, other])


def test_a_coordinate_that_does_not_fit_is_refused(tmp_path, random):
    path = _pdebench(tmp_path / "flow.hdf5", random)
    with _open(path, "r+") as file:
        del file["y-coordinate"]
        file["y-coordinate"] = np.arange(6.0)
    with pytest.raises(
        ValueError, match=r"y-coordinate has shape \(6,\), .* 7 entries"
    ):
        pde_data.load(path)


def test_momentum_and_energy_are_converted(tmp_path, random):
    density = random.uniform(1, 2, (2, 3, 4, 5))
    velocity = random.normal(size=(2, 3, 4, 5, 2))
    pressure = random.uniform(1, 2, (2, 3, 4, 5))
    path = tmp_path / "well.hdf5"
    with _open(path, "w") as file:
        file["t0_fields/density"] = density
        kinetic = 0.5 * density * np.sum(velocity**2, axis=-1)
        file["t0_fields/energy"] = pressure / 0.4 + kinetic
        file["t1_fields/momentum"] = density[..., None] * velocity
        for name, n in (("time", 3), ("x", 4), ("y", 5)):
            # One line per trajectory, as some of The Well's files have it.
            file[f"dimensions/{name}"] = np.tile(np.arange(float(n)), (2, 1))
        text = h5py.string_dtype()
        file["dimensions"].attrs.create("spatial_dims", ["x", "y"], dtype=text)
        file["scalars/gamma"] = np.array([1.4, 1.4])
    with pde_data.load(path) as flow:
        assert flow.fields[2] == Field("momentum", 1, +1)
        np.testing.assert_array_equal(flow.times, [0, 1, 2])
        got = flow.primitive(1, slice(1, 3))
        expected = (density, velocity, pressure)
        for mine, field in zip(got, expected, strict=True):
            np.testing.assert_allclose(mine, field[1, 1:3])
        with pytest.raises(ValueError, match="`trajectory` must be from 0 to 1"):
            flow.primitive(2)
    with _open(path, "r+") as file:
        del file["t0_fields/density"]
    with pde_data.load(path) as flow, pytest.raises(ValueError, match="not hold dens"):
        flow.primitive(0)


def test_a_missing_truncated_or_foreign_file_is_told_apart(tmp_path, random):
    with pytest.raises(FileNotFoundError, match="no file"):
        pde_data.load(tmp_path / "none.hdf5")
    with pytest.raises(ValueError, match="folder"):
        pde_data.load(tmp_path)
    path = _pdebench(tmp_path / "flow.hdf5", random)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match="truncated"):
        pde_data.load(path)
    foreign = tmp_path / "foreign.hdf5"
    with _open(foreign, "w") as file:
        file["images"] = np.zeros(3)
    with pytest.raises(ValueError, match="it holds images"):
        pde_data.load(foreign)
    lacking = _pdebench(tmp_path / "lacking.hdf5", random)
    with _open(lacking, "r+") as file:
        del file["Vy"]
    with pytest.raises(ValueError, match="lacks Vy"):
        pde_data.load(lacking)


def test_lazy_arrays_read_nothing_until_they_are_sliced():
    class Source:
        shape, dtype = (4, 2), np.dtype(np.float32)
        reads = 0

        def __getitem__(self, key):
            Source.reads += 1
            return np.zeros(self.shape, self.dtype)[key]

    array = LazyArray([Source(), Source()])
    assert (array.shape, len(array), Source.reads) == ((8, 2), 8, 0)
    assert array[1:7].shape == (6, 2)
    assert Source.reads == 2  # One read per file, not per row.


def _open(*arguments: Any, **options: Any) -> Any:
    """An HDF5 file, whose nodes the type checker need not tell apart."""
    return h5py.File(*arguments, **options)
