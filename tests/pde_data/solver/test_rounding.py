import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pde_data.solver._rounding import rounded, symmetric_sum


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_a_rounded_product_is_never_half_of_a_fused_multiply_add(dtype, random):
    u, v = (jnp.asarray(random.normal(size=100_000), dtype) for _ in range(2))
    one = jax.jit(lambda a, b: rounded(a * a) + rounded(b * b))
    np.testing.assert_array_equal(one(u, v), one(v, u))
    separate = np.asarray(u) * np.asarray(u) + np.asarray(v) * np.asarray(v)
    np.testing.assert_array_equal(one(u, v), separate)


def test_rounding_keeps_every_value_and_every_nan():
    values = jnp.asarray([0.0, -0.0, 1.5, -1e300, 1e-300, jnp.inf, jnp.nan])
    np.testing.assert_array_equal(rounded(values), values)


@pytest.mark.parametrize("num_terms", [1, 2, 3])
def test_a_symmetric_sum_does_not_depend_on_order_and_is_odd(num_terms, random):
    terms = [jnp.asarray(random.normal(size=10_000)) for _ in range(num_terms)]
    total = symmetric_sum(terms)
    np.testing.assert_allclose(total, np.sum(terms, axis=0), atol=1e-14)
    for order in itertools.permutations(terms):
        np.testing.assert_array_equal(symmetric_sum(list(order)), total)
    np.testing.assert_array_equal(symmetric_sum([-x for x in terms]), -total)


def test_a_plain_sum_of_three_does_depend_on_order(random):
    a, b, c = (random.normal(size=10_000) for _ in range(3))
    assert np.any((a + b) + c != (c + b) + a)


def test_four_terms_are_refused():
    with pytest.raises(ValueError, match="`terms`"):
        symmetric_sum([jnp.zeros(2)] * 4)
