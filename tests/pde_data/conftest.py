"""Fixtures of the generator's tests: float64 unless a test says otherwise."""

import jax
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


@pytest.fixture
def random():
    return np.random.default_rng(0)
