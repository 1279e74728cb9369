"""The data adapter: types from fields, normalisation that prefers no direction."""

import types

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
    assert frames.dtype == np.float32
    velocity = make_flow()["velocity"].astype(np.float32)
    np.testing.assert_array_equal(frames[..., 1:3], velocity)


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
    flow, frames = gn.flow_signature(make_flow()), gn.read_frames(make_flow())
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
    flow, frames = gn.flow_signature(make_flow()), gn.read_frames(make_flow())
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
