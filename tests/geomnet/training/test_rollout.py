"""Rollouts: a scan of a model over its own predictions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.training import rollout

FLOW = gn.Signature("s:0+ v:1+")


def history(times: int):
    rng = np.random.default_rng(0)
    movie = gn.GeometricImage(
        FLOW, rng.standard_normal((times, 2, 4, 3)).astype(np.float32), 2
    )
    return gn.stack_frames(movie, times)


def test_a_rollout_is_the_loop_written_out():
    def fibonacci(h: gn.GeometricImage) -> gn.GeometricImage:
        frames = h.array.reshape(2, 4, -1)
        older = gn.GeometricImage(
            FLOW, jnp.stack([frames[..., i] for i in (0, 2, 3)], -1)
        )
        return older + gn.latest_frame(h, FLOW)

    given = history(2)
    frames = rollout(fibonacci, given, 4)
    assert frames.array.shape == (4, 2, 4, 3)
    a = np.asarray(given.array)[..., [0, 2, 3]]
    b = np.asarray(gn.latest_frame(given, FLOW).array)
    for t in range(4):
        a, b = b, a + b
        np.testing.assert_allclose(frames.array[t], b, rtol=1e-5)


def test_the_frames_given_are_not_part_of_the_rollout():
    persistence = lambda h: gn.latest_frame(h, FLOW) * 2.0  # noqa: E731
    given = history(3)
    frames = rollout(persistence, given, 2)
    np.testing.assert_array_equal(
        frames.array[0], 2 * gn.latest_frame(given, FLOW).array
    )


def test_the_program_does_not_grow_with_the_number_of_steps():
    """No unrolled loop: 3 steps and 300 trace to the same number of operations."""
    model = lambda h: gn.latest_frame(h, FLOW)  # noqa: E731

    def operations(steps: int) -> int:
        trace = jax.make_jaxpr(lambda h: rollout(model, h, steps))(history(2))
        return len(str(trace).splitlines())

    assert operations(3) == operations(300)


def test_a_rollout_of_no_steps_is_refused():
    with pytest.raises(ValueError, match="num_steps"):
        rollout(lambda h: h, history(2), 0)
