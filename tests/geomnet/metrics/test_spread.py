"""Medians over trajectories, and what has no value is named."""

import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.metrics import Spread, over_trajectories

FLOW = gn.Signature("s:0+ v:1+")


def rollouts(seed: int = 0) -> gn.GeometricImage:
    """Of 3 trajectories and 2 steps."""
    rng = np.random.default_rng(seed)
    return gn.GeometricImage(FLOW, rng.standard_normal((3, 2, 4, 6, 3)), 2)


def test_a_spread_is_median_mean_and_quartiles():
    found = Spread.of([[1.0], [2.0], [3.0], [4.0], [10.0]])
    assert (found.median, found.mean, found.lower, found.upper) == (3, 4, 2, 4)
    assert found.count == 5
    np.testing.assert_allclose(Spread.of([1.0, 2.0]).lower, 1.25)
    with pytest.raises(ValueError, match="at least one"):
        Spread.of(np.zeros((0, 3)))


def test_what_is_not_finite_counts_as_infinitely_wrong():
    found = Spread.of([1.0, np.nan, 2.0, np.inf, 3.0])
    assert found.median == 3
    assert found.mean == found.upper == np.inf
    # As NumPy's quartiles, where those are numbers.
    values = np.random.default_rng(0).standard_normal((7, 3))
    expected = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
    own = Spread.of(values)
    np.testing.assert_allclose([own.lower, own.median, own.upper], expected)


def test_metrics_of_fields_and_of_images_are_put_together():
    true, wrong = rollouts(), rollouts(1)
    found = over_trajectories(gn.metrics.vrmse, wrong, true)["v"]
    values = np.asarray(gn.metrics.vrmse(wrong, true)["v"])
    np.testing.assert_allclose(found.median, np.median(values, axis=0), rtol=1e-6)
    np.testing.assert_allclose(found.mean, values.mean(axis=0), rtol=1e-6)
    assert over_trajectories(gn.metrics.smse, wrong, true).mean.shape == (2,)
    assert over_trajectories(gn.metrics.rollout_smse, wrong, true).mean.shape == ()
    ratio = over_trajectories(gn.metrics.energy_ratio, wrong, true, field="v")
    assert ratio.median.shape == (2, 3)


def test_a_constant_truth_is_named_with_its_field_and_place():
    true, wrong = rollouts(), rollouts(1)
    true = true.with_array(true.array.at[2, 1, ..., 0].set(0.1))
    with pytest.raises(ValueError, match=r"vrmse of 's' .* trajectory 2, step 1"):
        over_trajectories(gn.metrics.vrmse, wrong, true)
    over_trajectories(gn.metrics.vrmse, wrong, true, fields=["v"])


def test_a_prediction_that_diverged_is_no_error_of_the_caller():
    true, wrong = rollouts(), rollouts(1)
    wrong = wrong.with_array(wrong.array.at[0, 1].set(jnp.nan))
    found = over_trajectories(gn.metrics.vrmse, wrong, true)["s"]
    assert np.isfinite(found.median).all()
    assert np.isinf(found.mean).tolist() == [False, True]
