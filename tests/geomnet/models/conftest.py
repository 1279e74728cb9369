"""Precisions for tests of whole models."""

import jax
import numpy as np
import pytest


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    """Both precisions, with 64 bits switched on only where they are needed."""
    with jax.enable_x64(request.param == "float64"):
        yield np.dtype(request.param)


@pytest.fixture
def float64():
    """64 bits for one test."""
    with jax.enable_x64(True):
        yield np.dtype("float64")
