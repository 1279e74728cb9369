"""Metrics against numbers computed by hand, and their invariance under the group."""

import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.training import nrmse, smse

FLOW = gn.Signature("s:0+ v:1+")


def image(values: float | list[float]):
    return gn.GeometricImage(FLOW, jnp.broadcast_to(jnp.asarray(values), (2, 4, 3)))


def test_smse_sums_over_components_and_averages_over_cells():
    # Errors 1, 2, 3 in the three components of every cell: 1 + 4 + 9.
    assert float(smse(image([1.0, 2.0, 3.0]), image(0.0))) == 14.0
    # An error of 2 in one component of one of eight cells: 4 / 8.
    one = gn.GeometricImage(FLOW, jnp.zeros((2, 4, 3)).at[1, 2, 0].set(2.0))
    assert float(smse(one, image(0.0))) == 0.5


def test_nrmse_is_the_global_ratio_of_norms():
    # |error|² = 3² = 9 and |target|² = 3² + 4² = 25 in each cell.
    value = nrmse(image([0.0, 3.0, 4.0]), image([3.0, 0.0, 4.0]))
    np.testing.assert_allclose(value, np.sqrt(18 / 25), rtol=1e-6)
    assert float(nrmse(image(1.0), image(1.0))) == 0.0


@pytest.mark.parametrize("metric", [smse, nrmse])
def test_leading_axes_are_kept_and_equal_one_by_one(metric):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 5, 7, 2, 4, 3)).astype(np.float32)
    batch = metric(gn.GeometricImage(FLOW, a, 2), gn.GeometricImage(FLOW, b, 2))
    assert batch.shape == (5, 7)
    single = metric(gn.GeometricImage(FLOW, a[3, 6]), gn.GeometricImage(FLOW, b[3, 6]))
    np.testing.assert_allclose(batch[3, 6], single, rtol=1e-6)


@pytest.mark.parametrize("metric", [smse, nrmse])
def test_metrics_do_not_change_when_both_images_are_moved(metric):
    rng = np.random.default_rng(0)
    a, b = (
        gn.GeometricImage(FLOW, rng.standard_normal((4, 4, 3)).astype(np.float32))
        for _ in range(2)
    )
    expected = float(metric(a, b))
    for g in gn.hyperoctahedral(2).elements:
        moved = float(metric(gn.act(g, a), gn.act(g, b)))
        np.testing.assert_allclose(moved, expected, rtol=1e-6)
    # The metric sees a direction that only one of the two is moved in.
    assert abs(float(metric(gn.act([[0, -1], [1, 0]], a), b)) / expected - 1) > 1e-3


@pytest.mark.parametrize("metric", [smse, nrmse])
def test_metrics_refuse_what_can_not_be_compared(metric):
    with pytest.raises(ValueError, match="signature"):
        metric(gn.GeometricImage("s:0- v:1+", jnp.zeros((2, 4, 3))), image(0.0))
    with pytest.raises(ValueError, match="shape"):
        metric(gn.GeometricImage(FLOW, jnp.zeros((4, 2, 3))), image(0.0))
