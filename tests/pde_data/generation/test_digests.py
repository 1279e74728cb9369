"""A file of ours is the one that was written, to the last bit, or it is found out."""

import dataclasses

import h5py
import numpy as np
import pytest

import pde_data
from pde_data.checking._check_file import check_file
from pde_data.formats._row_writer import RowWriter
from pde_data.generation import _generate

from .crash_points import sample

CONFIG = pde_data.GenerateConfig(grid=(8, 6), trajectories=3, snapshots=4, seed=7)
KINDS = [("pdebench", None), ("pdebench", "gzip"), ("well", None), ("well", "gzip")]
FLIPS = pytest.mark.parametrize(
    "number", [10, pytest.param(240, marks=pytest.mark.slow)]
)
FIELDS = {
    "pdebench": ("density", "pressure", "Vx", "Vy"),
    "well": ("t0_fields/density", "t0_fields/pressure", "t1_fields/velocity"),
}


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    """Trajectories of random numbers: only what is stored matters here."""

    def simulate(config, indices, _places):
        return ((index, sample(config, index)) for index in indices)

    monkeypatch.setattr(_generate, "simulate_trajectories", simulate)


def make(folder, layout="pdebench", compression=None, **settings):
    config = dataclasses.replace(
        CONFIG, format=layout, compression=compression, **settings
    )
    return pde_data.generate(config, folder / "whole.hdf5")


def digest_finding(path):
    return next(f for f in check_file(path).findings if f.name == "digests")


def flipped(path, place, bit):
    """A copy with one other bit, as a new file: HDF5 remembers those it has open."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    copy = path.with_name("flipped.hdf5")
    copy.unlink(missing_ok=True)
    copy.write_bytes(content)
    return copy


def places(path, layout):
    """Where the bytes of the fields lie in the file."""
    found = []
    with h5py.File(path, "r") as file:
        for name in FIELDS[layout]:
            node = file[name]
            assert isinstance(node, h5py.Dataset)
            if node.chunks is None:
                found.append((node.id.get_offset(), node.nbytes))
            else:
                chunks = range(node.id.get_num_chunks())
                infos = [node.id.get_chunk_info(n) for n in chunks]
                found += [(info.byte_offset, info.size) for info in infos]
    return np.concatenate([np.arange(start, start + n) for start, n in found])


@FLIPS
@pytest.mark.parametrize(("layout", "compression"), KINDS)
def test_every_flipped_bit_of_a_field_is_found(
    layout, compression, number, tmp_path, random
):
    path = make(tmp_path, layout, compression)
    copy = path
    assert digest_finding(copy).passed
    pde_data.load(copy, verify=True).close()
    for place in random.choice(places(path, layout), number, replace=False):
        copy = flipped(path, place, random.integers(8))
        with pytest.raises(ValueError, match=r"is not as it was written: trajectories"):
            pde_data.load(copy, verify=True)
    finding = digest_finding(copy)
    assert finding.passed is False
    assert "have changed" in finding.detail


def content(path):
    """All that a reader gets, each with its bits."""
    with pde_data.load(path, verify=True) as flow:
        arrays = {field: flow[field.name][:] for field in flow.fields}
        arrays |= dict(enumerate((flow.times, *flow.coordinates)))
        arrays |= {**flow.parameters, **flow.certificates, **flow.records}
        described = flow.config, flow.boundaries, flow.constants, flow.unread
        return {
            name: (np.asarray(value).dtype, np.asarray(value).tolist())
            for name, value in arrays.items()
        } | {"described": described}


@FLIPS
@pytest.mark.parametrize(("layout", "compression"), KINDS)
def test_a_flipped_bit_anywhere_is_found_or_changes_nothing(
    layout, compression, number, tmp_path, random
):
    path = make(tmp_path, layout, compression)
    whole, found = content(path), 0
    with np.errstate(all="ignore"):
        for place in random.integers(path.stat().st_size, size=number):
            copy = flipped(path, place, random.integers(8))
            try:
                assert content(copy) == whole
            except ValueError:
                found += 1
    assert found > number // 6


@pytest.mark.parametrize("layout", ["pdebench", "well"])
def test_times_and_attributes_have_a_digest_too(layout, tmp_path):
    path = make(tmp_path, layout)
    with h5py.File(path, "r+") as file:
        file.attrs["gamma"] = 1.400001
    assert digest_finding(path).detail == (
        "coordinates, times or attributes have changed"
    )


def test_digests_are_of_numbers_and_not_of_how_they_are_stored(tmp_path):
    digests = {}
    for layout, compression in KINDS:
        folder = tmp_path / f"{layout}{compression}"
        folder.mkdir()
        with pde_data.load(make(folder, layout, compression), verify=True) as flow:
            digests[layout, compression] = flow.records["digest"]
    for layout in ("pdebench", "well"):
        values = digests[layout, None]
        assert len(set(values)) == 3
        assert values.tolist() == digests[layout, "gzip"].tolist()
    parts = [
        make(tmp_path, shard=(1, 2), trajectories=3),
        make(tmp_path, shard=(2, 2), trajectories=3),
    ]
    with pde_data.load(parts, verify=True) as flow:
        joined = flow.records["digest"].tolist()
    assert joined == digests["pdebench", None].tolist()


def test_files_without_digests_are_read_and_said_to_carry_none(tmp_path):
    path = make(tmp_path)
    with h5py.File(path, "r+") as file:
        del file["generation/digest"]
    with pde_data.load(path) as flow:
        assert flow.num_trajectories == 3
    finding = digest_finding(path)
    assert finding.passed is None
    assert finding.detail.startswith("none")
    with pytest.raises(ValueError, match=r"carries no digests, so `verify=True`"):
        pde_data.load(path, verify=True)


def test_a_row_that_is_left_out_is_named(tmp_path):
    path = make(tmp_path)
    with RowWriter(path) as writer, pytest.raises(ValueError, match=r"a row of Vx, Vy"):
        writer.write(0, dict.fromkeys(set(writer._covered) - {"Vx", "Vy"}, np.ones(())))
