"""Files in The Well's format, also read by the package `the_well` itself."""

import dataclasses
import shutil

import h5py
import numpy as np
import pytest

import pde_data
from pde_data.formats import write_statistics
from pde_data.formats._registry import structural_faults

CONFIG = pde_data.GenerateConfig(
    grid=(16, 16),
    trajectories=3,
    snapshots=3,
    final_time=0.05,
    mach=(0.1, 0.5),
    seed=7,
    format="well",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """As The Well lays out a data set: two files to train on, and stats.yaml."""
    folder = tmp_path_factory.mktemp("well")
    train = folder / "data" / "train"
    train.mkdir(parents=True)
    for part in (1, 2):
        config = dataclasses.replace(CONFIG, shard=(part, 2))
        pde_data.generate(config, train / "flow.hdf5")
    write_statistics(folder)
    return folder


def test_no_rule_of_the_format_is_broken(folder):
    for path in sorted((folder / "data" / "train").iterdir()):
        with h5py.File(path, "r") as file:
            assert structural_faults(file) == []


def test_the_statistics_are_those_of_all_files(folder):
    with pde_data.load(folder / "data" / "train" / "*.hdf5") as flow:
        velocity, density = (
            np.asarray(flow[name], np.float64) for name in ("velocity", "density")
        )
    lines = (folder / "stats.yaml").read_text().splitlines()
    found, group = {}, ""
    for line in lines:
        name, _, value = line.strip().partition(": ")
        if value:
            found[group, name] = np.array(value.strip("[]").split(", "), float)
        else:
            group = name.rstrip(":")
    assert len(found) == 6 * 3
    cells = tuple(range(velocity.ndim - 1))
    np.testing.assert_allclose(found["mean", "density"], [density.mean()], rtol=1e-7)
    np.testing.assert_allclose(found["std", "velocity"], velocity.std(cells), rtol=1e-7)
    change = np.diff(velocity, axis=1)
    np.testing.assert_allclose(
        found["rms_delta", "velocity"], np.sqrt((change**2).mean(cells)), rtol=1e-7
    )


def test_statistics_need_files_to_train_on(tmp_path):
    with pytest.raises(FileNotFoundError, match="data/train"):
        write_statistics(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_the_wells_own_package_reads_our_files(compression, folder, tmp_path):
    """Skipped only without the package, which brings PyTorch. To run it:

    pip install -e '.[test,well]' && pytest -m slow tests/pde_data/formats/test_well.py
    """
    well = pytest.importorskip("the_well.data")
    normalization = pytest.importorskip("the_well.data.normalization")
    path = tmp_path / "set"
    shutil.copytree(folder, path)
    if compression:
        for file in (path / "data" / "train").iterdir():
            file.unlink()
        packed = dataclasses.replace(CONFIG, compression=compression)
        pde_data.generate(packed, path / "data" / "train" / "flow.hdf5")
    data = well.WellDataset(
        path=str(path), well_split_name="train", n_steps_input=1, n_steps_output=2
    )
    assert len(data) == 3
    assert data.metadata.dataset_name == "compressible_navier_stokes_random_fourier"
    assert data.metadata.field_names == {
        0: ["density", "pressure"],
        1: ["velocity_x", "velocity_y"],
        2: [],
    }
    assert data.metadata.spatial_resolution == (16, 16)
    assert data.metadata.boundary_condition_types == ["PERIODIC"]
    with pde_data.load(path / "data" / "train" / "*.hdf5") as flow:
        for i in range(3):
            sample = data[i]
            np.testing.assert_array_equal(sample["boundary_conditions"], [[2, 2]] * 2)
            window = np.concatenate([sample["input_fields"], sample["output_fields"]])
            np.testing.assert_array_equal(window[..., 0], flow["density"][i])
            np.testing.assert_array_equal(window[..., 1], flow["pressure"][i])
            np.testing.assert_array_equal(window[..., 2:], flow["velocity"][i])
            names = data.metadata.constant_scalar_names
            for name, value in zip(names, sample["constant_scalars"], strict=True):
                expected = np.broadcast_to(flow.parameters[name], (3,))[i]
                np.testing.assert_allclose(float(value), expected)
            np.testing.assert_allclose(sample["output_time_grid"], flow.times[1:])
            np.testing.assert_allclose(
                sample["space_grid"][..., 1], np.tile(flow.coordinates[1], (16, 1))
            )
    scaled = well.WellDataset(
        path=str(path),
        well_split_name="train",
        use_normalization=True,
        normalization_type=normalization.ZScoreNormalization,
        n_steps_output=2,
    )
    frames = [
        np.concatenate([scaled[i]["input_fields"], scaled[i]["output_fields"]])
        for i in range(3)
    ]
    cells = tuple(range(4))
    np.testing.assert_allclose(np.mean(frames, axis=cells), 0, atol=1e-4)
    np.testing.assert_allclose(np.std(frames, axis=cells), 1, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "expected"),
    [("rayleigh_taylor", [[2, 2], [0, 0]]), ("shock_bubble", [[1, 1], [1, 1]])],
)
def test_the_wells_own_package_knows_our_boundaries(family, expected, tmp_path):
    well = pytest.importorskip("the_well.data")
    config = pde_data.GenerateConfig(
        family=family, grid=(16, 16), snapshots=2, final_time=0.01, format="well"
    )
    path = pde_data.generate(config, tmp_path / "flow.hdf5")
    sample = well.WellDataset(path=str(path.parent))[0]
    np.testing.assert_array_equal(sample["boundary_conditions"], expected)
