"""Precision for tests that train."""

import jax
import pytest


@pytest.fixture
def optax_promotes():
    """Optax mixes integers and floats on purpose."""
    with jax.numpy_dtype_promotion("standard"):
        yield
