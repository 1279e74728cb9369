"""Metrics of moved test flows: one number where the model commutes."""

import jax
import numpy as np
import pytest

import geomnet as gn
from geomnet.metrics import group_spread, over_group, smse, vrmse

FLOW = gn.Signature("s:0+ v:1+")


def flows(seed: int) -> gn.GeometricImage:
    array = np.random.default_rng(seed).standard_normal((2, 4, 6, 3))
    return gn.GeometricImage(FLOW, array.astype(np.float32))


def along_x(image: gn.GeometricImage) -> gn.GeometricImage:
    """Commutes with no exchange or reflection of x."""
    return image.with_array(jax.numpy.roll(image.array, 1, axis=-3))


def test_the_metric_of_a_model_that_commutes_is_one_number():
    group = gn.cyclic(4)
    values = over_group(smse, lambda x: x * 2.0, flows(0), flows(1), group)
    assert values.shape == (4, 2)
    np.testing.assert_allclose(values, np.broadcast_to(values[:1], (4, 2)), rtol=1e-5)
    assert group_spread(smse, lambda x: x * 2.0, flows(0), flows(1), group) < 1e-5
    found = group_spread(vrmse, along_x, flows(0), flows(0), group)
    assert min(found.values()) > 0.01
    found = group_spread(vrmse, along_x, flows(0), flows(0), group, fields=["v"])
    assert list(found) == ["v"]


def test_a_metric_without_error_does_not_spread():
    group = gn.cyclic(2)
    assert group_spread(smse, lambda x: x, flows(0), flows(0), group) == 0.0


def test_the_group_is_the_models_own_or_asked_for():
    net = gn.nn.Linear(gn.rotations(2), FLOW, FLOW, key=jax.random.key(0))
    assert over_group(smse, jax.vmap(net), flows(0), flows(1)).shape == (4, 2)
    with pytest.raises(ValueError, match="`group` is not given"):
        over_group(smse, along_x, flows(0), flows(1))
    assert gn.metrics.equivariance_error is gn.testing.equivariance_error
