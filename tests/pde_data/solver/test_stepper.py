import jax.numpy as jnp
import numpy as np
import pytest

import pde_data


@pytest.mark.parametrize(
    ("stepper", "order"), [(pde_data.ssp_rk2, 2), (pde_data.ssp_rk3, 3)]
)
def test_steps_have_their_order_also_where_the_rate_depends_on_time(stepper, order):
    def error(num_steps):
        state, step = jnp.asarray(1.0), jnp.asarray(1.0 / num_steps)
        for i in range(num_steps):
            state = stepper(lambda u, t: u * jnp.cos(t), state, i * step, step)
        return abs(float(state) - np.exp(np.sin(1.0)))

    assert np.log2(error(20) / error(40)) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("stepper", [pde_data.ssp_rk2, pde_data.ssp_rk3])
def test_a_rate_of_zero_changes_no_bit(stepper, random):
    state = jnp.asarray(random.normal(size=1000), jnp.float32)
    one = jnp.asarray(0.1, jnp.float32)
    new = stepper(lambda u, t: jnp.zeros_like(u), state, one, one)
    np.testing.assert_array_equal(new, state)
