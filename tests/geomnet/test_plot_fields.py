"""Pictures of fields: axes point where the physics says, one artist a field."""

from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba

import geomnet as gn


@pytest.fixture
def axes():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def ramp() -> gn.GeometricImage:
    """Density grows along x; velocity points along x and grows along y."""
    x, y = np.meshgrid(np.arange(6.0), np.arange(4.0), indexing="ij")
    fields = {"density": x, "velocity": np.stack([1 + y, 0 * y], -1), "curl": y - 1}
    return gn.GeometricImage.from_fields(
        "density:0+ velocity:1+ curl:0-",
        {name: value.astype(np.float32) for name, value in fields.items()},
        2,
    )


def test_x_is_drawn_to_the_right_and_y_upwards(axes):
    artist = gn.plot.field(axes, ramp(), "density")
    pixels = np.asarray(artist.get_array())
    assert pixels.shape == (4, 6)  # (rows y, columns x)
    np.testing.assert_array_equal(pixels[0], np.arange(6))
    assert artist.origin == "lower"


def test_a_vector_is_its_size_in_colour_and_one_set_of_arrows(axes):
    artist = gn.plot.field(axes, ramp(), "velocity")
    np.testing.assert_array_equal(
        np.asarray(artist.get_array())[:, 0], 1 + np.arange(4)
    )
    arrows = axes.collections
    assert len(arrows) == 1
    assert (arrows[0].U > 0).all()
    assert (arrows[0].V == 0).all()


def test_a_pseudoscalar_has_signed_colours_centred_on_zero(axes):
    artist = gn.plot.field(axes, ramp(), "curl")
    assert artist.get_clim() == (-2.0, 2.0)
    assert artist.get_cmap().name == "RdBu_r"


def test_what_can_not_be_drawn_is_refused(axes):
    volume = gn.GeometricImage("s:0+", np.zeros((2, 2, 2, 1), np.float32))
    with pytest.raises(ValueError, match="2D"):
        gn.plot.field(axes, volume, "s")
    stress = gn.GeometricImage("2+", np.zeros((2, 2, 4), np.float32))
    with pytest.raises(ValueError, match="scalar or vector"):
        gn.plot.field(axes, stress, "2+")
    with pytest.raises(ValueError, match=r"'density', 'velocity', .*'pressure'"):
        gn.plot.field(axes, ramp(), "pressure")
    movie = gn.GeometricImage(ramp().signature, np.stack([ramp().array] * 3), 2)
    for name in ("density", "velocity", "curl"):
        with pytest.raises(ValueError, match=r"one frame.*\(3, 6, 4, 4\).*array\[0\]"):
            gn.plot.field(axes, movie, name)
    with pytest.raises(ValueError, match=r"`channel` must be from 0 to 0.*got 1"):
        gn.plot.field(axes, ramp(), "density", channel=1)
    with pytest.raises(ValueError, match=r"`extent` must be \(x_low, x_high"):
        gn.plot.field(axes, ramp(), "density", extent=(1.0, 0.0, 0.0, 1.0))


def test_rollouts_show_truth_prediction_and_difference_in_equal_colours():
    movie = gn.GeometricImage(
        ramp().signature, np.stack([np.asarray(ramp().array)] * 3), 2
    )
    figure = gn.plot.rollouts(movie, {"a": movie * 2.0, "b": movie}, [0, 2])
    images = [axes.images[0] for axes in figure.axes if axes.images]
    # Two fields, two times, and five rows: truth, two predictions, two differences.
    assert len(images) >= 20
    density = images[:10]
    assert density[0].get_clim() == density[2].get_clim() == (0.0, 5.0)
    np.testing.assert_array_equal(
        np.asarray(density[4].get_array()), np.asarray(density[0].get_array())
    )
    np.testing.assert_array_equal(np.asarray(density[8].get_array()), 0)
    plt.close(figure)


def test_curves_show_every_point():
    figure = gn.plot.learning_curves({"net": {"training": [(1, 0.5), (2, 0.1)]}})
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), [0.5, 0.1])
    plt.close(figure)
    figure = gn.plot.error_growth({"net": [0.1, 0.2, 0.4]})
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xdata(), [1, 2, 3])
    plt.close(figure)


def movie(frames: int = 3) -> gn.GeometricImage:
    """The ramp, which grows from frame to frame."""
    array = np.stack([(1 + t) * np.asarray(ramp().array) for t in range(frames)])
    return gn.GeometricImage(ramp().signature, array, 2)


@pytest.mark.parametrize(
    ("prediction", "times", "options", "message"),
    [
        (movie(2), [0], {}, r"`predictions\['a'\]` has 2 frames, `truth` 3: .*\[:2\]"),
        (movie(4), [0], {}, r"has 4 frames, `truth` 3"),
        (ramp(), [0], {}, r"`predictions\['a'\]` must hold frames in 2D"),
        (movie(), [3], {}, r"`times` must be numbers of frames from 0 to 2, got \[3\]"),
        (movie(), [], {}, r"`times` must be"),
        (movie(), [0], {"fields": ["pressure"]}, r"'density'.*got 'pressure'"),
        (movie(), [0, 1], {"labels": ["now"]}, r"one for each of the 2 times, got 1"),
    ],
)
def test_frames_that_do_not_belong_together_are_refused(
    prediction, times, options, message
):
    with pytest.raises(ValueError, match=message):
        gn.plot.rollouts(movie(), {"a": prediction}, times, **options)


def test_columns_have_times_axes_names_and_units():
    figure = gn.plot.rollouts(
        movie(),
        {"a": movie()},
        [0, -1],
        time_step=0.5,
        extent=(0.0, 3.0, 0.0, 2.0),
        units={"time": "s", "length": "m", "density": "kg/m³"},
    )
    assert [a.get_title() for a in figure.axes[:2]] == ["t = 0.5 s", "t = 1.5 s"]
    labels = {a.get_xlabel() for a in figure.axes} | {
        a.get_ylabel() for a in figure.axes
    }
    assert {"x [m]", "y [m]", "true density [kg/m³]"} <= labels
    assert figure.axes[0].images[0].get_extent() == [0, 3, 0, 2]
    # One map of colours for all panels of a field.
    curls = [a.images[0].get_cmap().name for a in figure.axes if a.images][-6:]
    assert set(curls) == {"RdBu_r"}
    # Without a name for fields all scalars and vectors are drawn.
    assert {"true density [kg/m³]", "true velocity", "true curl"} <= labels
    plt.close(figure)


@pytest.mark.parametrize(
    ("factor", "extend"), [(1.0, "neither"), (3.0, "max"), (-1.0, "min")]
)
def test_saturation_is_marked_in_the_panel_and_at_its_bar(factor, extend):
    figure = gn.plot.rollouts(
        movie(1), {"a": movie(1) * factor}, [0], fields=["density"]
    )
    images = [axes.images[0] for axes in figure.axes if axes.images]
    errors = images[2]
    assert errors.get_clim() == (-2.5, 2.5)
    assert errors.colorbar.extend == extend  # pyright: ignore
    figure.canvas.draw()
    drawn = errors.to_rgba(errors.get_array())  # pyright: ignore
    marks = {"max": to_rgba("lime"), "min": to_rgba("blueviolet")}
    for side, colour in marks.items():
        assert np.isclose(drawn, colour).all(-1).any() == (side == extend)
    plt.close(figure)


def test_the_history_of_fit_is_drawn_as_it_is():
    history = {
        "training": [(10, 0.5), (20, 0.25)],
        "validation": [(20, 0.4)],
        "seconds_per_step": 0.01,
    }
    for given, name in [(history, "training"), ({"net": history}, "net, training")]:
        axes = gn.plot.learning_curves(given).axes[0]
        labels = [line.get_label() for line in axes.lines]
        assert labels == [name, name.replace("training", "validation")]
        np.testing.assert_array_equal(axes.lines[0].get_xdata(), [10, 20])
        plt.close(axes.figure)  # pyright: ignore
    with pytest.raises(TypeError, match=r"points \(step, loss\).*'net, losses'"):
        gn.plot.learning_curves({"net": {"losses": [0.5, 0.25]}})
    with pytest.raises(ValueError, match="has none"):
        gn.plot.learning_curves({"net": {"training": []}})


def test_what_is_no_history_and_no_error_is_named():
    history = {"training": [(1, 0.5)]}
    with pytest.raises(TypeError, match=r"`histories\['b'\]` must be a history.*got 3"):
        gn.plot.learning_curves({"a": history, "b": 3})
    with pytest.raises(TypeError, match="'a, training' must hold numbers, got 'low'"):
        gn.plot.learning_curves({"a": {"training": "low"}})


@pytest.mark.usefixtures("no_type_checks")
def test_errors_are_one_number_for_each_step():
    table: Any = np.ones((2, 3))
    with pytest.raises(TypeError, match=r"`errors\['net'\]` must be one number for"):
        gn.plot.error_growth({"net": table})


def test_a_curve_without_points_is_not_drawn():
    history = {"training": [(1, 0.5), (2, 0.1)], "validation": []}
    axes = gn.plot.learning_curves(history).axes[0]
    assert [line.get_label() for line in axes.lines] == ["training"]
    plt.close(axes.figure)  # pyright: ignore


@pytest.mark.usefixtures("no_type_checks")
def test_arrays_and_figures_are_no_images_and_axes():
    array: Any = np.asarray(movie().array)
    with pytest.raises(
        TypeError, match=r"`predictions\['a'\]` must be a Geom.*ndarray"
    ):
        gn.plot.rollouts(movie(), {"a": array}, [0])
    figure: Any = "figure"
    with pytest.raises(TypeError, match=r"`axes` must be axes of matplotlib.*'figure'"):
        gn.plot.field(figure, ramp(), "density")


def test_movies_of_other_fields_or_grids_are_refused():
    other = gn.GeometricImage("density:0+ velocity:1+ curl:0+", movie().array, 2)
    with pytest.raises(ValueError, match=r"`predictions\['a'\]` has signature .*curl"):
        gn.plot.rollouts(movie(), {"a": other}, [0])
    cut = movie().with_array(movie().array[:, :4])
    with pytest.raises(ValueError, match=r"has shape \(3, 4, 4, 4\), `truth` \(3, 6"):
        gn.plot.rollouts(movie(), {"a": cut}, [0])
    stress = gn.GeometricImage("2+", np.zeros((2, 3, 3, 4), np.float32), 2)
    with pytest.raises(ValueError, match=r"no scalar and no vector to draw, but '2\+'"):
        gn.plot.rollouts(stress, {}, [0])


def test_five_curves_of_one_model_are_five_lines():
    curves = {f"curve {i}": [(1, 1.0), (2, 0.5)] for i in range(5)}
    axes = gn.plot.learning_curves({"net": curves}).axes[0]
    assert len(axes.lines) == 5
    plt.close(axes.figure)  # pyright: ignore


def test_errors_grow_in_time_where_a_step_has_one():
    axes = gn.plot.error_growth({"a": [1.0, 2.0]}, time_step=0.5, time_unit="s").axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [0.5, 1.0])
    assert axes.get_xlabel() == "time [s]"
    plt.close(axes.figure)  # pyright: ignore
