"""Correlations made by hand, and when they fall below a threshold."""

import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.metrics import correlation, correlation_time

FLOW = gn.Signature("s:0+ v:1+")
ANGLES = 2 * np.pi * np.arange(8) / 8
TRUE = np.cos(ANGLES)


def rollout(values) -> gn.GeometricImage:
    """Steps of a line of 8 cells: a scalar, and the same as a vector."""
    array = np.stack([values, values], axis=-1)
    return gn.GeometricImage(FLOW, array.astype(np.float32), 1)


def correlated(numbers) -> gn.GeometricImage:
    """Steps that have these correlations with a cosine, offset and scale aside."""
    numbers = np.asarray(numbers, float)[..., None]
    sine = np.sqrt(1 - numbers**2) * np.sin(ANGLES)
    return rollout(7.0 + 3.0 * (numbers * TRUE + sine))


def test_correlation_is_pearsons_and_of_a_vector_one():
    numbers = [1.0, 0.6, 0.0, -1.0]
    true = rollout(np.broadcast_to(TRUE, (4, 8)))
    found = correlation(correlated(numbers), true)
    np.testing.assert_allclose(found["s"], numbers, atol=1e-6)
    # Components of covariances 2 and 0 of variances 2 and 2 each: 2 / 4.
    x = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]).reshape(2, 2, 2)
    y = x * np.array([1.0, 0]) + np.roll(x, 1, axis=-1) * np.array([0, 1.0])
    image = gn.GeometricImage("v:1+", x.astype(np.float32))
    value = correlation(image.with_array(jnp.asarray(y, jnp.float32)), image)["v"]
    np.testing.assert_allclose(value, 0.5, rtol=1e-6)


def test_correlation_time_is_linear_between_the_steps():
    steps = [[0.9, 0.7, 0.9], [0.4, 0.3, 0.2], [0.95, 0.9, 0.85], [0.9, 0.9, 0.7]]
    true = rollout(np.broadcast_to(TRUE, (4, 3, 8)))
    found = correlation_time(correlated(steps), true, time_step=0.5)
    # From 0.9 at step 1 to 0.7 at step 2: half way. From 1 at time 0 to 0.4: a third.
    expected = np.array([1.5, 1 / 3, np.inf, 2.5]) * 0.5
    np.testing.assert_allclose(found["s"], expected, rtol=1e-5)
    np.testing.assert_allclose(found["v"], expected, rtol=1e-5)
    later = correlation_time(correlated(steps), true, ["s"], threshold=0.5)
    np.testing.assert_allclose(later["s"], [np.inf, 5 / 6, np.inf, np.inf], rtol=1e-5)


def test_a_rollout_that_is_not_finite_ends_at_the_step_before():
    wrong = correlated([0.9, 0.85, 0.9])
    wrong = wrong.with_array(wrong.array.at[2, 3].set(jnp.nan))
    true = rollout(np.broadcast_to(TRUE, (3, 8)))
    assert correlation_time(wrong, true)["s"] == 2.0
    # A constant prediction has nothing in common with the truth, a constant truth none.
    flat = rollout(np.full((3, 8), 0.1))
    assert (np.asarray(correlation(flat, true)["s"]) == 0).all()
    assert np.isnan(correlation(true, flat)["s"]).all()


def test_correlation_is_invariant():
    rng = np.random.default_rng(0)
    a, b = (
        gn.GeometricImage(FLOW, rng.standard_normal((4, 4, 3)).astype(np.float32))
        for _ in range(2)
    )
    expected = correlation(a, b)
    for g in gn.hyperoctahedral(2).generators:
        for name, value in correlation(gn.act(g, a), gn.act(g, b)).items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-4)
    turned = gn.act([[0, -1], [1, 0]], a)
    assert abs(correlation(turned, b)["v"] - expected["v"]) > 1e-2


def test_what_has_no_time_is_refused():
    image = rollout(TRUE)
    with pytest.raises(ValueError, match="steps"):
        correlation_time(image, image)
    movie = rollout(TRUE[None])
    with pytest.raises(ValueError, match="`threshold` must be between 0 and 1"):
        correlation_time(movie, movie, threshold=1.0)
    with pytest.raises(ValueError, match="`time_step` must be positive"):
        correlation_time(movie, movie, time_step=0.0)
    with pytest.raises(ValueError, match="must name fields of"):
        correlation(movie, movie, ["w"])
