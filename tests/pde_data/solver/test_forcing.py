import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pde_data


@pytest.fixture
def rest():
    one = jnp.ones((16, 16))
    return pde_data.Primitive(one, (0 * one, 0 * one), one)


def test_gas_in_free_fall_accelerates_uniformly_and_gains_the_work_done(rest):
    fall = pde_data.UniformGravity((0.0, -2.0))
    solver = pde_data.CompressibleNavierStokes((16, 16), 1.4, forcing=fall)
    run = pde_data.simulate(solver, rest, [0.0, 0.5])
    np.testing.assert_allclose(run.velocity[-1, ..., 1], -1.0, rtol=1e-12)
    np.testing.assert_allclose(run.pressure[-1], 1.0, rtol=1e-12)
    wrong = pde_data.UniformGravity((1.0,))
    with pytest.raises(ValueError, match="`acceleration`"):
        wrong(rest, solver.grid, jnp.zeros(()))


def test_stirring_is_solenoidal_of_the_asked_strength_and_a_function_of_time(rest):
    stir = pde_data.StochasticForcing(2, amplitude=3.0, key=jax.random.key(0))
    grid = pde_data.Grid((16, 16))
    squares = []
    for time in (0.0, 0.3, 10.0):
        a = [np.asarray(x) for x in stir(rest, grid, jnp.asarray(time))]
        again = stir(rest, grid, jnp.asarray(time))
        np.testing.assert_array_equal(a[0], again[0])
        k = np.fft.fftfreq(16)
        u, v = np.fft.fft2(a[0]), np.fft.fft2(a[1])
        divergence = np.linalg.norm(k[:, None] * u + k[None, :] * v)
        assert divergence < 1e-10 * np.linalg.norm(u)
        squares.append(np.mean(a[0] ** 2 + a[1] ** 2))
    np.testing.assert_allclose(squares, 9.0, rtol=1e-6)
    assert not np.allclose(stir(rest, grid, jnp.asarray(0.3))[0], again[0])
    with pytest.raises(ValueError, match="`num_spatial_dims`"):
        pde_data.StochasticForcing(1, key=jax.random.key(0))


@pytest.mark.parametrize("d", [2, 3])
def test_the_abc_acceleration_is_solenoidal_and_of_the_asked_strength(d):
    grid = pde_data.Grid((8,) * d, 3.0)
    one = jnp.ones(grid.shape)
    gas = pde_data.Primitive(one, (0 * one,) * d, one)
    parts = pde_data.ABCForcing(2.0)(gas, grid, jnp.zeros(()))
    waves = np.meshgrid(*[np.fft.fftfreq(8)] * d, indexing="ij")
    spectra = [np.fft.fftn(np.asarray(a)) for a in parts]
    divergence = sum(k * a for k, a in zip(waves, spectra, strict=True))
    assert np.linalg.norm(divergence) < 1e-12 * np.linalg.norm(spectra)
    rms = np.sqrt(np.mean(np.sum(np.square(parts), axis=0)))
    np.testing.assert_allclose(rms, 2.0)
    with pytest.raises(ValueError, match="`grid`"):
        pde_data.ABCForcing()(gas, pde_data.Grid((8,)), jnp.zeros(()))
