"""Arrays by name: from mappings, files and other libraries, or named as missing."""

import pickle
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from geomnet._sources import Source

ARRAY = np.arange(6.0).reshape(2, 3)


class FromElsewhere:
    """An array of another library, whose kinds NumPy does not know."""

    shape = (2, 3)
    dtype = SimpleNamespace(name="elsewhere.float32")

    def __array__(self, dtype=None, copy=None):
        return ARRAY


def test_what_is_no_array_of_numpys_kinds_becomes_one():
    source = Source({"list": ARRAY.tolist(), "other": FromElsewhere(), "own": ARRAY})
    for name in ("list", "other"):
        assert type(source[name]) is np.ndarray
        np.testing.assert_array_equal(source[name], ARRAY)
    # NumPy's are given as they are, and each is converted once.
    assert source["own"] is ARRAY
    assert source["list"] is source["list"]


def test_arrays_that_are_given_go_along_where_they_are_pickled():
    back = pickle.loads(pickle.dumps(Source({"a": ARRAY})))
    np.testing.assert_array_equal(back["a"], ARRAY)
    assert str(back) == "`source`"


def test_a_file_says_what_it_has(tmp_path):
    """Of HDF5 also what lies in groups, up to a dozen names."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["flow/density"] = ARRAY
        file["time"] = ARRAY[0]
        file.create_group("empty")
    source = Source(path)
    for missing in ("speed", "flow", "empty"):
        with pytest.raises(
            ValueError, match=rf"{path} has no array '{missing}'"
        ) as found:
            source[missing]
        assert "It has flow/density, time: `datasets=" in str(found.value)
    np.testing.assert_array_equal(source["flow/density"][:], ARRAY)
    source.close()
    many = Source({f"a{n}": ARRAY for n in range(20)})
    with pytest.raises(ValueError, match=r"It has a0, .*, a11, …: "):
        many["b"]
    with pytest.raises(ValueError, match="It has none: "):
        Source({})["b"]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damage_inside_of_a_file_is_told_in_words(save, tmp_path):
    path = tmp_path / "a.npz"
    save(path, first=ARRAY, second=ARRAY)
    whole = path.read_bytes()
    place = whole.index(b"first.npy") + 80
    path.write_bytes(whole[:place] + b"\xff" * 8 + whole[place + 8 :])
    source = Source(path)
    np.testing.assert_array_equal(source["second"], ARRAY)
    with pytest.raises(ValueError, match=r"'first' of .*a.npz can't be read; the file"):
        source["first"]


def test_what_a_mapping_of_ones_own_raises_is_its_own_affair():
    class Broken(dict):
        def __getitem__(self, name):
            raise RuntimeError("the server is down")

    with pytest.raises(RuntimeError, match="the server is down"):
        Source(Broken(a=ARRAY))["a"]
