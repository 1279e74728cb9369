"""How far maps are from commuting: sums that cancel, small results, shifts."""

import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.testing import (
    assert_equivariant,
    equivariance_error,
    equivariance_errors,
    translation_error,
)

SQUARE = gn.hyperoctahedral(2)


def _array(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_a_map_runs_once_on_the_input_and_once_for_each_motion():
    x, seen = _array(4, 4, 1), []

    def counted(a):
        seen.append(np.asarray(a))
        return -seen[-1]

    assert_equivariant(counted, x, SQUARE, in_signature="0+", shift=1)
    # The 8 elements, the shifts along x, along y and along both.
    assert len(seen) == 1 + 8 + 3
    # The identity is computed again: a random map shows there.
    assert sum(np.array_equal(a, x) for a in seen) == 2


def test_randomness_shows_at_the_identity():
    random = np.random.default_rng(0)

    def noisy(a):
        return np.asarray(a) + random.normal(size=a.shape)

    errors = equivariance_errors(noisy, _array(4, 4, 1), SQUARE, in_signature="0+")
    assert errors[0].relative > 0.1


def test_sums_that_cancel_are_no_error():
    def laplacian(a):
        shifted = [np.roll(a, s, axis) for axis in (0, 1) for s in (1, -1)]
        return sum(shifted) - 4 * np.asarray(a)

    constant = np.full((4, 4, 1), 0.1, np.float32)
    assert equivariance_error(laplacian, constant, SQUARE, in_signature="0+") == 0


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_small_results_that_do_not_cancel_are_compared(dtype):
    """Smaller than the rounding of sums of the input: in bfloat16 that is much."""
    x = gn.GeometricImage("1+", _array(4, 6, 2)).astype(dtype)
    small = 1e-2 if dtype == "bfloat16" else 1e-7
    assert equivariance_error(lambda v: v * small, x, SQUARE) == 0

    def broken(v):
        return v.with_array(v.array[..., ::-1]) * small

    assert equivariance_error(broken, x, SQUARE) > 0.5


def test_translations():
    image = gn.GeometricImage("0+", _array(4, 8, 1), 2)

    def halved(v):
        return v.with_array(v.array[::2, ::2])

    assert translation_error(halved, image, (2, 4)) == 0
    with pytest.raises(ValueError, match="multiples of 2"):
        translation_error(halved, image, (1, 0))

    def shifted(v):
        return v.with_array(jnp.roll(v.array, 1, 0))

    assert_equivariant(shifted, image, gn.trivial(2), shift=(1, 2))
