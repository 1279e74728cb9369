"""Drifts of gases whose mass, momentum and energy are known."""

import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.metrics import drift, nonpositive_share

GAS = gn.Signature("density:0+ velocity:1+ pressure:0+")


def gas(*frames: tuple[float, float, float, float]) -> gn.GeometricImage:
    """Uniform frames of density, two components of velocity and pressure."""
    array = np.asarray(frames, np.float32)[:, None, None]
    return gn.GeometricImage(GAS, np.broadcast_to(array, (len(frames), 4, 6, 4)))


def test_drift_by_hand():
    # M₀ = 2, P₀ = (2, 0), E₀ = 3/(γ-1) + 1 = 7 with γ = 1.5, and U = 1.
    found = drift(gas((2, 1, 0, 3), (3, 0, 1, 3), (2, 0, 0, 10)), gamma=1.5)
    np.testing.assert_allclose(found["mass"], [0, 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(found["momentum"], [0, np.sqrt(13) / 2, 1], rtol=1e-6)
    np.testing.assert_allclose(found["energy"], [0, 0.5 / 7, 13 / 7], rtol=1e-6)


def test_drift_of_a_gas_at_rest_is_measured_in_sound_speeds():
    # The sound speed is √(1.5 · 3 / 2) = 1.5.
    found = drift(gas((2, 0, 0, 3), (2, 0.3, 0, 3)), gamma=1.5)
    np.testing.assert_allclose(found["momentum"], [0, 0.2], rtol=1e-6)


def test_drift_is_from_the_reference_of_each_rollout():
    flow = gas((2, 1, 0, 3), (2, 1, 0, 3))
    both = flow.with_array(jnp.stack([flow.array, 2 * flow.array]))
    before = flow.with_array(jnp.stack([flow.array[0], flow.array[0]]))
    found = drift(both, gamma=1.4, reference=before)
    np.testing.assert_allclose(found["mass"], [[0, 0], [1, 1]], atol=1e-6)
    assert drift(both, gamma=1.4)["mass"].shape == (2, 2)
    with pytest.raises(ValueError, match="`reference` must be one frame of"):
        drift(both, gamma=1.4, reference=both)


def test_a_small_loss_of_mass_is_seen_through_rounding():
    rng = np.random.default_rng(0)
    array = 1 + 0.1 * rng.standard_normal((1, 32, 32, 4)).astype(np.float32)
    array = np.concatenate([array, array])
    array[1, 0, 0, 0] -= 2.0**-10
    found = drift(gn.GeometricImage(GAS, array), gamma=1.4)["mass"]
    expected = -(2.0**-20) / array[0, ..., 0].astype(float).mean()
    np.testing.assert_allclose(found[1], expected, rtol=1e-3)


def test_drift_is_invariant():
    rng = np.random.default_rng(1)
    array = 2 + rng.standard_normal((2, 4, 6, 4)).astype(np.float32)
    flow = gn.GeometricImage(GAS, array)
    expected = drift(flow, gamma=1.4)
    for g in gn.hyperoctahedral(2).generators:
        for name, value in drift(gn.act(g, flow), gamma=1.4).items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-4, atol=1e-6)


def test_cells_without_gas_are_counted():
    flow = gas((1, 0, 0, 1))
    array = flow.array.at[0, 0, :3, 0].set(jnp.array([-1.0, 0.0, jnp.nan]))
    found = nonpositive_share(flow.with_array(array))
    np.testing.assert_allclose(found["density"], [3 / 24])
    np.testing.assert_allclose(found["pressure"], [0.0])


def test_what_is_no_gas_is_refused():
    flow = gas((1, 0, 0, 1))
    with pytest.raises(ValueError, match="`gamma` must be above 1"):
        drift(flow, gamma=1.0)
    with pytest.raises(ValueError, match=r"`pressure` must name fields of .* 'energy'"):
        drift(flow, gamma=1.4, pressure="energy")
    with pytest.raises(ValueError, match="`velocity` must name a vector"):
        drift(flow, gamma=1.4, velocity="density")
    with pytest.raises(ValueError, match="steps"):
        drift(flow.with_array(flow.array[0]), gamma=1.4)
    with pytest.raises(ValueError, match="`fields` must name a scalar"):
        nonpositive_share(flow, ["velocity"])
