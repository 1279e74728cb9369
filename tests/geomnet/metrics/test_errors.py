"""Metrics against numbers computed by hand, and their invariance under the group."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.metrics import nrmse, smse

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


def test_vrmse_takes_a_vector_as_one_field():
    # In two cells: s = 1, 3; v = (0, 2), (4, 2). Variances 1 and 4 + 0.
    true = gn.GeometricImage(FLOW, np.array([[[1.0, 0, 2], [3, 4, 2]]], np.float32))
    wrong = true.with_array(true.array + jnp.array([0.5, 1.0, 2.0]))
    found = gn.metrics.vrmse(wrong, true)
    assert list(found) == ["s", "v"]
    np.testing.assert_allclose(found["s"], 0.5)
    np.testing.assert_allclose(found["v"], np.sqrt(5 / 4))
    # The mean of the truth in every cell has 1, and nothing else does.
    mean = true.with_array(jnp.broadcast_to(true.array.mean((0, 1)), true.array.shape))
    for value in gn.metrics.vrmse(mean, true).values():
        np.testing.assert_allclose(value, 1.0)
    assert list(gn.metrics.vrmse(wrong, true, ["v"])) == ["v"]


def test_nmse_weighs_fields_by_their_own_fluctuation_and_has_a_slope_where_exact():
    true = gn.GeometricImage(FLOW, np.array([[[1.0, 0, 2], [3, 4, 2]]], np.float32))
    wrong = true.with_array(true.array + jnp.array([0.5, 1.0, 2.0]))
    np.testing.assert_allclose(gn.metrics.nmse(wrong, true), (1 / 4 + 5 / 4) / 2)
    calm = [x.with_array(x.array * jnp.array([1e-3, 1.0, 1.0])) for x in (wrong, true)]
    np.testing.assert_allclose(gn.metrics.nmse(calm[0], calm[1]), 3 / 4, rtol=1e-3)
    slope = jax.grad(lambda a: gn.metrics.nmse(true.with_array(a), true))(true.array)
    np.testing.assert_array_equal(slope, 0)


def test_nrmse_per_field_is_not_the_global_one():
    true, wrong = image([1.0, 3.0, 4.0]), image([3.0, 0.0, 4.0])
    found = gn.metrics.nrmse_per_field(wrong, true)
    np.testing.assert_allclose(found["s"], 2.0)
    np.testing.assert_allclose(found["v"], 3 / 5, rtol=1e-6)
    np.testing.assert_allclose(nrmse(wrong, true), np.sqrt(13 / 26), rtol=1e-6)


def test_channels_are_fields_of_their_own():
    rng = np.random.default_rng(1)
    two = gn.GeometricImage("2x1+ u:0+ 0+", rng.standard_normal((4, 4, 6)))
    other = two.with_array(two.array + jnp.arange(6.0))
    found = gn.metrics.vrmse(other, two)
    assert list(found) == ["1+[0]", "1+[1]", "u", "0+"]
    alone = gn.GeometricImage("1+", two.array[..., 2:4])
    one = gn.metrics.vrmse(alone.with_array(other.array[..., 2:4]), alone)["1+"]
    np.testing.assert_allclose(found["1+[1]"], one, rtol=1e-6)
    twice = gn.GeometricImage("0+ 0+", two.array[..., :2])
    assert list(gn.metrics.vrmse(twice, twice)) == ["0+ at 0", "0+ at 1"]
    with pytest.raises(ValueError, match=r"1\+\[0\], 1\+\[1\], u, 0\+; got 'w'"):
        gn.metrics.vrmse(other, two, ["w"])


def test_rollout_smse_sums_the_steps_and_keeps_the_trajectories():
    true = gn.GeometricImage(FLOW, jnp.zeros((5, 3, 2, 4, 3)), 2)
    steps = jnp.arange(1.0, 4).reshape(1, 3, 1, 1, 1)
    wrong = true.with_array(true.array + steps)
    # Three components with errors 1, 2, 3: 3 (1 + 4 + 9).
    np.testing.assert_allclose(gn.metrics.rollout_smse(wrong, true), np.full(5, 42.0))
    with pytest.raises(ValueError, match="steps"):
        gn.metrics.rollout_smse(image(0.0), image(0.0))


def test_a_constant_truth_has_no_vrmse_under_jit():
    # A mean of 0.1 in float32 is rounded.
    true = image([0.1, 0.1, 0.3])
    found = jax.jit(gn.metrics.vrmse)(image([0.1, 0.2, 0.3]), true)
    assert np.isnan(found["s"])
    assert np.isposinf(found["v"])


def test_half_precision_is_summed_in_single():
    rng = np.random.default_rng(2)
    many = rng.standard_normal((64, 64, 3)).astype(np.float32) + 1
    half = gn.GeometricImage(FLOW, many).astype(jnp.float16)
    wrong = half.with_array(half.array * 2)
    single = (wrong.astype(jnp.float32), half.astype(jnp.float32))
    for metric in (smse, gn.metrics.vrmse):
        a, b = (jax.tree.leaves(metric(*pair)) for pair in ((wrong, half), single))
        assert all(value.dtype == jnp.float32 for value in a)
        np.testing.assert_allclose(a, b, rtol=1e-6)
