"""The data adapter: types from fields, normalisation that prefers no direction."""

import types

import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn


def make_flow(**changes):
    rng = np.random.default_rng(0)
    arrays = {
        "density": 3 + 0.5 * rng.standard_normal((3, 6, 4, 8)),
        "velocity": 0.1 + 7 * rng.standard_normal((3, 6, 4, 8, 2)),
        "vorticity": 2 + rng.standard_normal((3, 6, 4, 8)),
    } | changes

    class Flow:
        """What `pde_data.load` offers."""

        fields = tuple(
            types.SimpleNamespace(name=name, order=order, parity=parity)
            for name, order, parity in (
                ("density", 0, 1),
                ("velocity", 1, 1),
                ("vorticity", 0, -1),
            )
        )
        num_spatial_dims = 2

        def __getitem__(self, name):
            return arrays[name]

    return Flow()


def test_fields_become_entries_of_their_type():
    assert gn.flow_signature(make_flow()) == gn.Signature(
        "density:0+ velocity:1+ vorticity:0-"
    )
    frames = gn.read_frames(make_flow())
    assert frames.shape == (3, 6, 4, 8, 4)
    # Nothing is cast before it is normalised, unless it is asked for.
    assert frames.dtype == np.float64
    np.testing.assert_array_equal(frames[..., 1:3], make_flow()["velocity"])
    single = gn.read_frames(make_flow(), dtype=np.float32)
    assert single.dtype == np.float32
    velocity = make_flow()["velocity"].astype(np.float32)
    np.testing.assert_array_equal(single[..., 1:3], velocity)


def test_normalised_fields_have_unit_scale_and_only_scalars_lose_their_mean():
    flow, frames = gn.flow_signature(make_flow()), gn.read_frames(make_flow())
    normaliser = gn.fit_normaliser(flow, frames)
    done = normaliser.normalise(frames).astype(np.float64)
    np.testing.assert_allclose(done[..., 0].mean(), 0, atol=1e-5)
    np.testing.assert_allclose(done[..., 0].std(), 1, rtol=1e-5)
    np.testing.assert_allclose(np.square(done[..., 1:3]).mean(), 1, rtol=1e-5)
    # A pseudoscalar has no mean that the group would leave alone.
    np.testing.assert_allclose(np.square(done[..., 3]).mean(), 1, rtol=1e-5)
    assert abs(done[..., 3].mean()) > 0.5
    np.testing.assert_allclose(normaliser.restore(done), frames, rtol=1e-5, atol=1e-5)


def test_normalising_commutes_with_the_group():
    flow, frames = gn.flow_signature(make_flow()), gn.read_frames(make_flow())
    normaliser = gn.fit_normaliser(flow, frames)
    image = gn.GeometricImage(flow, frames[0, 0])
    normalised = image.with_array(normaliser.normalise(image.array))
    for g in gn.hyperoctahedral(2).elements:
        moved = gn.act(g, image)
        np.testing.assert_array_equal(
            normaliser.normalise(moved.array), gn.act(g, normalised).array
        )


def test_windows_are_every_history_with_the_frame_that_follows():
    flow = gn.flow_signature(make_flow())
    frames = gn.read_frames(make_flow(), dtype=np.float32)
    windows = gn.Windows(flow, frames, past=4)
    assert len(windows) == 3 * 2
    histories, targets = windows.take(np.array([0, 5]))
    assert histories.signature == 4 * flow
    assert histories.array.shape == (2, 4, 8, 16)
    # Window 5 is the last of trajectory 2: frames 1..4, then frame 5.
    np.testing.assert_array_equal(targets.array[1], frames[2, 5])
    expected = gn.stack_frames(gn.GeometricImage(flow, frames[2, 1:5], 2), 4)
    np.testing.assert_array_equal(histories.array[1], expected.array)


def test_rollouts_start_from_the_first_frames_and_compare_with_the_rest():
    flow = gn.flow_signature(make_flow())
    frames = gn.read_frames(make_flow(), dtype=np.float32)
    histories, rest = gn.Windows(flow, frames, past=4).rollouts()
    assert rest.array.shape == (3, 2, 4, 8, 4)
    np.testing.assert_array_equal(rest.array, frames[:, 4:])
    expected = gn.stack_frames(gn.GeometricImage(flow, frames[1, :4], 2), 4)
    np.testing.assert_array_equal(histories.array[1], expected.array)


def test_a_number_that_is_not_finite_is_refused_by_trajectory():
    bad = make_flow()["density"].copy()
    bad[1, 4, 0, 0] = np.nan
    with pytest.raises(ValueError, match=r"'density'.*trajectory 1, time 4"):
        gn.read_frames(make_flow(density=bad))


def test_what_can_not_be_used_is_refused():
    flow, frames = gn.flow_signature(make_flow()), gn.read_frames(make_flow())
    with pytest.raises(ValueError, match="constant"):
        gn.fit_normaliser(flow, np.ones_like(frames))
    with pytest.raises(ValueError, match="past"):
        gn.Windows(flow, frames, past=6)
    with pytest.raises(ValueError, match="picks none"):
        gn.read_frames(make_flow(), slice(3, None))


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        (1, [1]),
        (-1, [2]),
        ([2, 0], [2, 0]),
        (np.array([True, False, True]), [0, 2]),
        (slice(None, None, 2), [0, 2]),
        (slice(None, None, -1), [2, 1, 0]),
    ],
)
def test_fields_times_and_trajectories_are_chosen_when_reading(chosen, numbers):
    data, everything = make_flow(), gn.read_frames(make_flow())
    np.testing.assert_array_equal(gn.read_frames(data, chosen), everything[numbers])
    for times in (slice(1, None, 2), [5, 0, 0, 3], 4):
        picked = everything[:, np.atleast_1d(np.arange(6)[times])]
        np.testing.assert_array_equal(
            gn.read_frames(data, chosen, times=times, fields=["vorticity", "velocity"]),
            picked[numbers][..., [3, 1, 2]],
        )
    signature = gn.flow_signature(data, ["vorticity", "velocity"])
    assert signature == gn.Signature("vorticity:0- velocity:1+")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trajectories": 3}, "`trajectories` must be from 0 to 2, got 3"),
        ({"times": [0, 6]}, "`times` must be from 0 to 5, got 6"),
        ({"times": []}, "`times` .* picks none"),
        ({"times": "all"}, "`times` must be a number, a slice"),
        ({"trajectories": [0.5]}, "`trajectories` must be a number, a slice"),
        (
            {"fields": ["speed"]},
            "`fields` .* velocity, vorticity, got .speed",
        ),
        ({"fields": []}, "`fields` must name each field once"),
        ({"fields": ["density", "density"]}, "`fields` must name each field once"),
        ({"dtype": np.int32}, "`dtype` must be a floating-point type"),
    ],
)
def test_what_the_data_have_not_is_refused_by_name(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        gn.read_frames(make_flow(), **options)


@pytest.mark.parametrize(
    ("mean", "sound"),
    [(101325.0, 0.05), (1.2, 1e-7), (1e40, 1e35)],
    ids=["SI", "density in SI", "cgs"],
)
def test_a_small_fluctuation_on_a_large_mean_is_not_lost(mean, sound):
    wave = np.random.default_rng(1).standard_normal((3, 6, 4, 8))
    data = make_flow(density=mean + sound * wave)
    flow, frames = gn.flow_signature(data), gn.read_frames(data)
    normaliser = gn.fit_normaliser(flow, frames)
    done = normaliser.normalise(frames, np.float32)
    assert done.dtype == np.float32
    exact = (wave - wave.mean()) / wave.std()
    # What the file itself has lost, and a rounding to float32.
    lost = 4 * np.finfo(np.float64).eps * mean / sound + 1e-6
    np.testing.assert_allclose(done[..., 0], exact, atol=lost)
    back = normaliser.restore(done, np.float64)
    np.testing.assert_allclose(back, frames, rtol=1e-6, atol=1e-6)
    lazily = gn.LazyFrames(data).normalised(normaliser)
    np.testing.assert_array_equal(np.asarray(lazily), done)


def test_what_a_precision_can_not_hold_is_refused_with_the_mend():
    data = make_flow(density=1e40 * (1 + make_flow()["density"]))
    with pytest.raises(ValueError, match=r"not hold in float32: .*`dtype=None`"):
        gn.read_frames(data, dtype=np.float32)
    normaliser = gn.fit_normaliser(gn.flow_signature(data), gn.read_frames(data))
    done = normaliser.normalise(gn.read_frames(data), np.float32)
    for array in (done, jnp.asarray(done)):
        with pytest.raises(ValueError, match=r"pass `dtype=np.float64`"):
            normaliser.restore(array)


def test_a_dimension_is_that_of_the_grid_not_guessed_from_a_count():
    """Four features are 1 + 3 in 3D, but these lie on a grid of two axes."""
    frames = gn.read_frames(make_flow(), fields=["density", "velocity", "vorticity"])
    signature = gn.Signature("density:0+ velocity:1+")
    with pytest.raises(
        ValueError, match=r"4 features on a grid of 2 axes.*has 3.*read"
    ):
        gn.fit_normaliser(signature, frames)
    with pytest.raises(ValueError, match="4 features on a grid of 2 axes"):
        gn.Windows(signature, frames, past=2)
    # The advice is possible.
    chosen = gn.read_frames(make_flow(), fields=["density", "velocity"])
    normaliser = gn.fit_normaliser(signature, chosen)
    velocity = make_flow()["velocity"]
    np.testing.assert_allclose(normaliser.scale[1], np.sqrt(np.mean(velocity**2)))
    with pytest.raises(ValueError, match="4 features on a grid of 2 axes"):
        normaliser.normalise(frames)
    with pytest.raises(ValueError, match=r"axes .trajectories, times"):
        gn.fit_normaliser(signature, frames[0, 0])


def test_signatures_are_understood_as_text_and_numbers_as_what_they_are():
    frames = gn.read_frames(make_flow())
    text = "density:0+ velocity:1+ vorticity:0-"
    assert gn.fit_normaliser(text, frames).signature == gn.Signature(text)
    assert gn.Windows(text, frames, past=2).signature == gn.Signature(text)
    bad = frames.copy()
    bad[2, 1, 0, 0, 1] = np.nan
    with pytest.raises(
        ValueError, match=r"'velocity:1.' .* not finite in trajectory 2"
    ):
        gn.fit_normaliser(text, bad)
    constant = frames.copy()
    constant[..., 0] = 0.1  # Its rounded mean is another number.
    with pytest.raises(ValueError, match=r"constant.*`fields=`"):
        gn.fit_normaliser(text, constant)
    with pytest.raises(TypeError, match="`frames` must be an array"):
        gn.fit_normaliser(text, [[1.0]])
