"""The bound of drift follows the number of steps and the precision, and no more."""

import dataclasses

import numpy as np
import pytest

from pde_data.certificates._certificate import certify
from pde_data.certificates._drift import drift_bounds, worst_share

ALL = ("mass", "momentum", "energy")


@pytest.fixture
def at_rest(random):
    density = np.broadcast_to(random.uniform(1, 2, (8, 8)), (3, 8, 8))
    velocity = np.ones((3, 8, 8, 2))
    return certify(density, velocity, np.ones_like(density), 1.4)


def test_a_short_run_is_held_to_the_rounding_of_its_snapshots(at_rest):
    assert drift_bounds(at_rest, 0, "float32") == dict.fromkeys(ALL, 2e-5)
    assert drift_bounds(at_rest, 0, "float64") == dict.fromkeys(ALL, 1e-10)


def test_a_long_run_may_drift_by_one_rounding_a_step(at_rest):
    bounds = drift_bounds(at_rest, 24_591, "float32")
    # Such an implosion drifted by 2.7e-5 in mass; one lost in a million is a fault.
    assert 2.7e-5 < bounds["mass"] == 2e-5 + 24_591 * 2.0**-24
    assert drift_bounds(at_rest, 10**6, "float64")["energy"] < 1e-9
    lossy = dataclasses.replace(at_rest, mass_drift=1e-6 * 24_591)
    assert worst_share(lossy, 24_591, "float32", ALL) > 1
    assert worst_share(lossy, 24_591, "float32", ("energy",)) < 1
    assert worst_share(at_rest, 24_591, "float32", ()) == 0


def test_momentum_is_held_to_what_the_flow_carries_at_its_fastest():
    density = np.ones((2, 8))
    velocity = np.stack([np.full((8, 1), 1e-3), np.full((8, 1), 1.0)])
    faster = certify(density, velocity, density, 1.4)
    assert faster.speed_ratio == pytest.approx(1000)
    slower = certify(density, velocity[::-1], density, 1.4)
    assert slower.speed_ratio == 1
    bounds = [drift_bounds(c, 1000, "float32")["momentum"] for c in (faster, slower)]
    assert bounds[0] > 500 * (bounds[1] - 2e-5)
