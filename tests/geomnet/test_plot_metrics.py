"""Pictures of metrics: the curves are medians, the bands quartiles, axes are named."""

from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib import animation as movies
from PIL import Image

import geomnet as gn


def drawn(line: Any, axis: str) -> np.ndarray:
    """What a line has along an axis."""
    return np.asarray(getattr(line, f"get_{axis}data")())


RNG = np.random.default_rng(0)
ERRORS = RNG.lognormal(size=(5, 6))


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_a_curve_is_the_median_and_a_band_the_quartiles():
    figure = gn.plot.error_bands(
        {"a": ERRORS, "b": 2 * ERRORS}, time_step=0.5, x_label="time (s)"
    )
    (axes,) = figure.axes
    a, b = axes.lines
    np.testing.assert_allclose(drawn(a, "x"), 0.5 * np.arange(1, 7))
    np.testing.assert_allclose(drawn(a, "y"), np.median(ERRORS, axis=0))
    band = np.asarray(axes.collections[0].get_paths()[0].vertices)
    low, high = np.quantile(ERRORS, [0.25, 0.75], axis=0)
    assert set(np.round(low, 6)) | set(np.round(high, 6)) <= set(
        np.round(band[:, 1], 6)
    )
    # Told apart without colour.
    assert (a.get_linestyle(), a.get_marker()) != (b.get_linestyle(), b.get_marker())
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time (s)", "VRMSE")
    assert axes.get_yscale() == "log"


def test_a_curve_ends_where_most_rollouts_have_diverged():
    errors = ERRORS.copy()
    errors[:3, 4:] = np.nan
    (axes,) = gn.plot.error_bands({"a": errors}).axes
    assert np.isfinite(drawn(axes.lines[0], "y")).tolist() == [True] * 4 + [False] * 2


def test_spectra_leave_the_mean_and_empty_shells_out():
    energies = np.array([[5.0, 1.0, 0.0, 0.25], [5.0, 3.0, 0.0, 0.75]])
    figure = gn.plot.spectra(np.arange(4), {"truth": energies, "net": energies[0]})
    (axes,) = figure.axes
    assert drawn(axes.lines[0], "x").tolist() == [1, 3]
    assert drawn(axes.lines[0], "y").tolist() == [2.0, 0.5]
    assert drawn(axes.lines[1], "y").tolist() == [1.0, 0.25]
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_data_efficiency_shows_every_seed():
    figure = gn.plot.data_efficiency({"net": {64: [0.1, 0.3], 16: [0.5, 0.9, 0.7]}})
    (axes,) = figure.axes
    assert drawn(axes.lines[0], "x").tolist() == [16, 64]
    np.testing.assert_allclose(drawn(axes.lines[0], "y"), [0.7, 0.2])
    assert drawn(axes.lines[1], "y").tolist() == [0.5, 0.9, 0.7]
    assert axes.get_xticks().tolist() == [16, 64]


def test_what_is_no_curve_is_refused():
    with pytest.raises(ValueError, match=r"\(trajectories or seeds, steps\)"):
        gn.plot.error_bands({"a": ERRORS[0]})
    with pytest.raises(ValueError, match="`errors` is empty"):
        gn.plot.error_bands({})
    with pytest.raises(ValueError, match="with 4 shells"):
        gn.plot.spectra(np.arange(4), {"a": ERRORS})
    with pytest.raises(ValueError, match="errors of some seeds"):
        gn.plot.data_efficiency({"a": {16: []}})
    with pytest.raises(ValueError, match="7 at most"):
        gn.plot.error_bands({str(i): ERRORS for i in range(8)})


def movie(seed: int = 0) -> gn.GeometricImage:
    array = np.random.default_rng(seed).standard_normal((3, 8, 6, 3))
    return gn.GeometricImage("s:0+ v:1+", array.astype(np.float32))


@pytest.mark.parametrize("name", ["s", "v"])
def test_an_animation_has_one_frame_a_step(tmp_path, name):
    path = tmp_path / "rollout.gif"
    gn.plot.animation(path, movie(), {"net": movie(1)}, name, dots_per_inch=40)
    with Image.open(path) as found:
        assert getattr(found, "n_frames", 1) == 3


def test_animations_that_can_not_be_made_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(
        movies.FFMpegWriter, "isAvailable", classmethod(lambda _: False)
    )
    with pytest.raises(ValueError, match="needs ffmpeg"):
        gn.plot.animation(tmp_path / "a.mp4", movie(), {}, "s")
    with pytest.raises(ValueError, match=r"must end with .gif or .mp4"):
        gn.plot.animation(tmp_path / "a.avi", movie(), {}, "s")
    short = movie().with_array(movie().array[:2])
    with pytest.raises(ValueError, match="'net' must be a 2D rollout"):
        gn.plot.animation(tmp_path / "a.gif", movie(), {"net": short}, "s")
    with pytest.raises(ValueError, match="must name fields of"):
        gn.plot.animation(tmp_path / "a.gif", movie(), {"net": movie()}, "w")
    assert not list(tmp_path.iterdir())
