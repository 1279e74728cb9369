"""Randomisation tests: exact p-values, planted violations are seen."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import geomnet as gn
from geomnet.symmetry._group_test import GroupTest
from geomnet.symmetry._randomisation import (
    Outcome,
    _chosen_sums,
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


def test_what_a_group_leaves_alone_contradicts_no_symmetry():
    """However small the numbers: nothing is seen, and no violation could be."""
    random = np.random.default_rng(0)
    values = random.normal(size=(8, 3))
    orbit = np.stack([values, values], axis=1)
    (outcome,) = closed_test(
        orbit, gn.hyperoctahedral(1), np.zeros(3, int), 0.01
    ).values()
    assert outcome == Outcome(1.0, math.inf)
    # And what does not vary is correlated with nothing.
    assert independence_p_value(np.arange(12.0)[:, None], np.ones((12, 2))) == 1.0


def test_where_there_are_many_patterns_a_sample_of_them_says_the_same():
    """16 trajectories have 2**16 patterns of signs: too many to look at each."""
    random = np.random.default_rng(0)

    def outcome(mean: float) -> Outcome:
        values = mean + random.normal(size=(16, 3))
        orbit = np.stack([values, -values], axis=1)
        found = closed_test(orbit, gn.hyperoctahedral(1), np.zeros(3, int), 0.01)
        return next(iter(found.values()))

    assert outcome(0.0).p_value > 0.01
    assert outcome(2.0).p_value <= 0.001


@pytest.mark.parametrize("order", [3, 48])
def test_sums_of_chosen_rows_are_those_of_the_definition(order):
    """In groups of many elements rows are picked, in small ones multiplied."""
    random = np.random.default_rng(0)
    table = random.integers(-9, 9, size=(5, order, 7)).astype(np.float32)
    chosen = random.integers(order, size=(11, 5))
    expected = [sum(table[i, row[i]] for i in range(5)) for row in chosen]
    # Of small integers every order of summation gives the same.
    np.testing.assert_array_equal(_chosen_sums(table, chosen), np.stack(expected))


@pytest.mark.usefixtures("no_type_checks")
def test_one_of_two_symmetries_that_can_not_both_be_is_undetermined():
    """Each reflection may hold, the group of both does not: more data would tell."""
    group = gn.reflections(2)
    ab, a, b, turn = map(frozenset, ({0, 1, 2, 3}, {0, 1}, {0, 2}, {0, 3}))
    outcomes = {
        ab: Outcome(0.001, 0.5),
        a: Outcome(0.02, 0.1),
        b: Outcome(0.03, 0.2),
        turn: Outcome(0.001, 0.3),
    }
    statistics: Any = SimpleNamespace(num_trajectories=8, label=lambda number: "slope")
    zeros = np.zeros((4, 1))
    test = GroupTest(group, outcomes, zeros, zeros, statistics, np.arange(1), 0.01)
    identity, first, second, both = test.findings()
    assert identity.verdict == "holds"
    for finding, p in ((first, 0.02), (second, 0.03)):
        assert finding.verdict == "undetermined"
        assert finding.p_value == p
        assert finding.evidence == (
            "not enough data to tell: this or another one (needs about 16)"
        )
    assert both.verdict == "broken"
    assert both.evidence == "slope"
    # The one that fits best is taken for the group.
    assert test.best == b
