"""Strict JAX for every test: nothing is promoted, and nothing is random."""

from pathlib import Path

import jax
import jaxtyping
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")

_MAPS = Path("/proc/self/maps")


@pytest.fixture
def key():
    """The same key for every test, every time."""
    return jax.random.key(0)


@pytest.fixture
def no_type_checks():
    """The packages' own refusals alone, as users get them: the checks of types that
    tests run under would come first.
    """
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(autouse=True, scope="module")
def few_programs():
    """Compiled programs are dropped before they use up what Linux lets a process map,
    65530 pieces of memory by default.
    """
    yield
    if _MAPS.exists() and _MAPS.read_bytes().count(b"\n") > 30_000:
        jax.clear_caches()
