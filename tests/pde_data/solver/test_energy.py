import jax.numpy as jnp
import numpy as np

import pde_data
from pde_data.solver._energy import pressure_of, total_energy


def test_stored_fields_are_converted_as_the_solver_converts_them(random):
    density = random.uniform(1, 2, (4, 5))
    velocity = random.normal(size=(4, 5, 2))
    pressure = random.uniform(1, 2, (4, 5))
    energy = total_energy(density, velocity, pressure, 1.4)
    gas = pde_data.IdealGas(1.4)
    state = pde_data.primitive(*map(jnp.asarray, (density, velocity, pressure)))
    np.testing.assert_allclose(energy, gas.energy(state), rtol=1e-14)
    back = pressure_of(density, velocity, energy, 1.4)
    np.testing.assert_allclose(back, pressure, rtol=1e-13)
    np.testing.assert_allclose(
        gas.primitive(gas.conserved(state)).pressure, pressure, rtol=1e-13
    )
