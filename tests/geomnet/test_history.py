"""Frames in time as channels: the order of time, and what is refused."""

import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn

FLOW = gn.Signature("density:0+ velocity:1+")


def frames(times: int):
    rng = np.random.default_rng(0)
    array = rng.standard_normal((times, 3, 4, 3)).astype(np.float32)
    return gn.GeometricImage(FLOW, array)


def test_channels_are_in_the_order_of_time_oldest_first():
    movie = frames(4)
    history = gn.stack_frames(movie, 4)
    assert history.signature == 4 * FLOW
    for t in range(4):
        frame = movie.with_array(movie.array[t])
        np.testing.assert_array_equal(
            history["velocity"][..., t, :], frame["velocity"][..., 0, :]
        )
        np.testing.assert_array_equal(
            history["density"][..., t], frame["density"][..., 0]
        )


def test_pushing_frames_one_by_one_slides_the_window():
    movie = frames(6)
    history = gn.stack_frames(movie.with_array(movie.array[:3]), 3)
    for t in range(3, 6):
        history = gn.push_frame(history, movie.with_array(movie.array[t]))
    np.testing.assert_array_equal(history.array, gn.stack_frames(movie, 3).array)


def test_the_latest_frame_is_the_last_one():
    movie = frames(5)
    latest = gn.latest_frame(gn.stack_frames(movie, 4), FLOW)
    assert latest.signature == FLOW
    np.testing.assert_array_equal(latest.array, movie.array[-1])


def test_frames_of_several_channels_are_kept_together():
    two = 2 * FLOW
    frame = gn.GeometricImage(two, jnp.arange(6.0).reshape(1, 1, 6))
    history = gn.GeometricImage(3 * two, jnp.zeros((1, 1, 18)))
    pushed = gn.push_frame(history, frame)
    np.testing.assert_array_equal(gn.latest_frame(pushed, two).array, frame.array)


def test_pushing_commutes_with_the_group():
    movie = frames(4)
    history, frame = gn.stack_frames(movie, 3), movie.with_array(movie.array[0])
    for g in gn.hyperoctahedral(2).elements:
        moved = gn.push_frame(gn.act(g, history), gn.act(g, frame))
        expected = gn.act(g, gn.push_frame(history, frame))
        np.testing.assert_array_equal(moved.array, expected.array)


def test_what_holds_no_frames_is_refused():
    history = gn.stack_frames(frames(4), 4)
    with pytest.raises(ValueError, match="holds no frames"):
        gn.latest_frame(history, "velocity:1+")
    with pytest.raises(ValueError, match="signature"):
        gn.latest_frame(history, "density:0- velocity:1+")
    with pytest.raises(ValueError, match="at least 9 times"):
        gn.stack_frames(frames(4), 9)
