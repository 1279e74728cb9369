"""Strict JAX for every test: nothing is promoted, and nothing is random."""

import jax
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")


@pytest.fixture
def key():
    """The same key for every test, every time."""
    return jax.random.key(0)
