"""Randomisation tests: exact p-values, planted violations are seen."""

import numpy as np

import geomnet as gn
from geomnet.symmetry._randomisation import (
    closed_test,
    independence_p_value,
    shift_outcome,
)


def test_p_values_are_uniform_whatever_the_distribution():
    """Skew and heavy tails under an exchange of signs: a t-test would fail here."""
    random = np.random.default_rng(0)
    mirror = gn.hyperoctahedral(1)
    p_values = []
    for _ in range(300):
        values = random.standard_cauchy(size=(6, 3))
        orbit = np.stack([values, -values], axis=1)
        outcome = closed_test(orbit, mirror, np.zeros(3, int), 0.05)
        p_values.append(next(iter(outcome.values())).p_value)
    for level in (0.1, 0.25, 0.5):
        rate = np.mean(np.array(p_values) <= level)
        assert rate <= level + 3 * np.sqrt(level * (1 - level) / 300)
        assert rate >= level / 2


def test_a_planted_violation_is_seen_and_a_shift_is_found():
    random = np.random.default_rng(0)
    values = 1 + 0.2 * random.normal(size=(8, 3))
    orbit = np.stack([values, -values], axis=1)
    outcome = closed_test(orbit, gn.hyperoctahedral(1), np.zeros(3, int), 0.01)
    assert next(iter(outcome.values())).p_value == 2 / 2**8
    waves = np.exp(1j * (0.3 * random.normal(size=(8, 1)) + np.zeros((1, 4))))
    assert shift_outcome(waves, np.array([1, 1, 2, 2]), 32, 0.01).p_value < 0.002
    turned = waves * np.exp(2j * np.pi * random.random((8, 1)))
    assert shift_outcome(turned, np.array([1, 1, 1, 1]), 32, 0.01).p_value > 0.05
    order = np.arange(12.0)[:, None]
    assert independence_p_value(order, np.exp(order)) < 0.001
    found = [
        independence_p_value(order, random.normal(size=(12, 5))) for _ in range(40)
    ]
    assert np.mean(np.array(found) <= 0.25) < 0.5
