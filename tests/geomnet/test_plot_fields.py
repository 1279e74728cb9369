"""Pictures of fields: axes point where the physics says, one artist a field."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

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
    with pytest.raises(KeyError):
        gn.plot.field(axes, ramp(), "pressure")


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
