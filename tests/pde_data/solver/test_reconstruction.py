import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pde_data

LIMITERS = [pde_data.minmod, pde_data.monotonized_central, pde_data.van_leer]


@pytest.mark.parametrize("limiter", LIMITERS)
def test_limiters_are_odd_symmetric_and_vanish_at_extrema(limiter, random):
    a, b = (jnp.asarray(random.normal(size=1000)) for _ in range(2))
    value = limiter(a, b)
    np.testing.assert_array_equal(limiter(b, a), value)
    np.testing.assert_array_equal(limiter(-a, -b), -value)
    assert np.all(np.asarray(value)[np.asarray(a * b) <= 0] == 0)
    # Total-variation diminishing: at most twice the smaller difference.
    bound = 2 * np.minimum(np.abs(a), np.abs(b))
    assert np.all(np.abs(value) <= bound * (1 + 1e-15))


@pytest.mark.parametrize("limiter", LIMITERS)
def test_limiters_keep_a_linear_function(limiter):
    a = jnp.asarray([1.5, -2.0])
    np.testing.assert_allclose(limiter(a, a), a, rtol=1e-15)


def _cell_means(n, width):
    edges = (np.arange(-width, n + width + 1)) / n
    primitive = -np.cos(2 * np.pi * edges) / (2 * np.pi)
    return jnp.asarray(np.diff(primitive) * n), np.sin(2 * np.pi * np.arange(n + 1) / n)


@pytest.mark.parametrize(
    ("scheme", "order"),
    [(pde_data.MUSCL(pde_data.van_leer), 2), (pde_data.FirstOrder(), 1)],
)
def test_face_values_converge_at_the_order_of_the_scheme(scheme, order):
    errors = []
    for n in (64, 128):
        means, exact = _cell_means(n, scheme.width)
        left, right = scheme(means, 0)
        assert left.shape == right.shape == (n + 1,)
        # Away from the extrema, where limiters clip.
        smooth = np.abs(np.cos(2 * np.pi * np.arange(n + 1) / n)) > 0.5
        errors.append(np.max(np.abs(left - exact)[smooth]))
    assert abs(np.log2(errors[0] / errors[1]) - order) < 0.2


@pytest.mark.parametrize("scheme", [pde_data.MUSCL(limiter) for limiter in LIMITERS])
def test_reconstruction_is_its_own_mirror_image(scheme, random):
    values = jnp.asarray(random.normal(size=(30, 5)))
    left, right = scheme(values, 0)
    mirror_left, mirror_right = scheme(values[::-1], 0)
    np.testing.assert_array_equal(mirror_left, right[::-1])
    np.testing.assert_array_equal(mirror_right, left[::-1])
    along_other, _ = scheme(values.T, 1)
    np.testing.assert_array_equal(along_other, left.T)


def test_muscl_makes_no_new_extrema_between_neighbours(random):
    values = jnp.asarray(random.normal(size=200))
    left, right = pde_data.MUSCL()(values, 0)
    low = np.minimum(values[1:-2], values[2:-1])
    high = np.maximum(values[1:-2], values[2:-1])
    for face in (left, right):
        assert np.all((face >= low - 1e-14) & (face <= high + 1e-14))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_weno_has_a_gradient_in_uniform_gas_and_beside_a_jump(dtype):
    def total(scale):
        values = jnp.where(jnp.arange(20) < 7, 1.0, 1.2).astype(dtype)
        left, right = pde_data.WENO5Z()(scale * values, 0)
        return jnp.sum(left**2 + right**2)

    value, slope = jax.value_and_grad(total)(jnp.asarray(1, dtype))
    # Faces scale with cells: Euler's law for a function of the second degree.
    assert float(slope) == pytest.approx(2 * float(value), rel=1e-4)
