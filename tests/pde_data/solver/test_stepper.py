import jax
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


CELLS = 64


def diffusion(u):
    """∂²/∂x² on a circle of 64 cells of width one: rates of decay from 0 to 4."""
    return jnp.roll(u, 1) - 2 * u + jnp.roll(u, -1)


def wave(k):
    """A mode of `diffusion`, and its rate of decay."""
    angle = 2 * np.pi * k / CELLS
    return np.cos(angle * np.arange(CELLS)), 2 - 2 * np.cos(angle)


def decayed(start, length, num_steps):
    step = jnp.asarray(length / num_steps, start.dtype)
    fastest = jnp.full_like(step, 2)

    def on(_, u):
        return pde_data.rkl2(diffusion, u, step, fastest)

    return jax.jit(lambda u: jax.lax.fori_loop(0, num_steps, on, u))(start)


def test_viscous_steps_are_of_second_order_far_beyond_the_explicit_limit():
    start, rate = wave(4)
    with jax.enable_x64(True):
        start = jnp.asarray(start, jnp.float64)
        errors = []
        # The longest step is 40 times as long as an explicit one may be.
        for num_steps in (1, 2, 4):
            end = decayed(start, 20.0, num_steps)
            errors.append(float(jnp.max(jnp.abs(end - np.exp(-20 * rate) * start))))
    orders = np.log2(errors[:-1]) - np.log2(errors[1:])
    assert (orders > 1.7).all(), (errors, orders)


@pytest.mark.parametrize("length", [0.0, 0.3, 7.0, 25.0])
def test_no_mode_grows_in_viscous_steps_and_the_sum_stays(length, random):
    start = jnp.asarray(random.normal(size=CELLS), jnp.float32)
    end = decayed(start, length, 1)
    amplitudes = [np.abs(np.fft.rfft(np.asarray(u, np.float64))) for u in (start, end)]
    assert (amplitudes[1] <= amplitudes[0] * (1 + 1e-5) + 1e-4).all()
    least = 4 * np.finfo(np.float32).eps * np.abs(start).sum()
    np.testing.assert_allclose(end.sum(), start.sum(), atol=least)
    # Heun's step of that length is far from stable.
    if length > 1:
        step, zero = jnp.asarray(length, jnp.float32), jnp.zeros((), jnp.float32)
        grown = pde_data.ssp_rk2(lambda u, t: diffusion(u), start, zero, step)
        assert float(jnp.abs(grown).max()) > 10 * float(jnp.abs(start).max())


def test_viscous_steps_need_the_bound_that_they_are_given():
    """Told of a tenth of the rate, a step leaves the region where it is stable."""
    start = jnp.asarray(wave(CELLS // 2)[0], jnp.float32)
    step = jnp.asarray(20.0)
    right, wrong = (
        float(jnp.abs(pde_data.rkl2(diffusion, start, step, jnp.asarray(f))).max())
        for f in (2.0, 0.2)
    )
    assert right < 1 < 10 < wrong
