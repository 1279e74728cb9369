import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pde_data
from pde_data.solver._boundary import with_ghosts


@pytest.fixture
def state(random):
    return pde_data.Primitive(
        jnp.asarray(random.uniform(1, 2, (6, 5))),
        tuple(jnp.asarray(random.normal(size=(6, 5))) for _ in range(2)),
        jnp.asarray(random.uniform(1, 2, (6, 5))),
    )


def _pairs(boundary):
    return ((boundary, boundary), (boundary, boundary))


def test_periodic_ghosts_are_numpys_wrapped_padding(state):
    padded = with_ghosts(state, 3, _pairs(pde_data.periodic))
    expected = jax.tree.map(lambda x: np.pad(x, 3, mode="wrap"), state)
    jax.tree.map(np.testing.assert_array_equal, padded, expected)


def test_outflow_ghosts_repeat_the_edge(state):
    padded = with_ghosts(state, 2, _pairs(pde_data.outflow))
    expected = jax.tree.map(lambda x: np.pad(x, 2, mode="edge"), state)
    jax.tree.map(np.testing.assert_array_equal, padded, expected)


def test_a_slip_wall_reverses_the_normal_velocity_only(state):
    padded = with_ghosts(state, 2, _pairs(pde_data.slip_wall))
    mirrored = jax.tree.map(lambda x: np.pad(x, 2, mode="symmetric"), state)
    np.testing.assert_array_equal(padded.density, mirrored.density)
    u, v = padded.velocity
    np.testing.assert_array_equal(u[:2, 2:-2], -mirrored.velocity[0][:2, 2:-2])
    np.testing.assert_array_equal(v[:2, 2:-2], mirrored.velocity[1][:2, 2:-2])
    np.testing.assert_array_equal(v[2:-2, -2:], -mirrored.velocity[1][2:-2, -2:])


def test_a_no_slip_wall_stops_the_gas_at_the_face(state):
    padded = with_ghosts(state, 1, _pairs(pde_data.no_slip_wall))
    for u in padded.velocity:
        np.testing.assert_array_equal(u[0] + u[1], 0)
    # Adiabatic: no jump of temperature across the face.
    np.testing.assert_array_equal(padded.temperature[0], padded.temperature[1])


def test_an_isothermal_wall_meets_its_temperature_at_the_face(state):
    padded = with_ghosts(state, 1, _pairs(pde_data.IsothermalWall(1.3)))
    face = np.sqrt(padded.temperature[0] * padded.temperature[1])
    np.testing.assert_allclose(face, 1.3)
    with pytest.raises(ValueError, match="`temperature`"):
        pde_data.IsothermalWall(0.0)


def test_a_far_field_is_what_it_was_told(state):
    far = pde_data.FarField(0.5, (1.0, -2.0), 3.0)
    padded = with_ghosts(state, 2, ((far, far), (pde_data.periodic, pde_data.periodic)))
    assert np.all(padded.density[:2] == 0.5)
    assert np.all(padded.velocity[1][-2:] == -2.0)
    flat = pde_data.FarField(0.5, (1.0,), 3.0)
    with pytest.raises(ValueError, match="2 components"):
        with_ghosts(state, 2, _pairs(flat))


def test_a_closed_box_keeps_its_mass_and_energy_and_a_gas_at_rest_stays_so(random):
    walls = [(pde_data.slip_wall, pde_data.slip_wall)] * 2
    solver = pde_data.CompressibleNavierStokes((12, 12), 1.4, boundary=walls)
    one = jnp.ones((12, 12))
    rest = pde_data.Primitive(one, (0 * one, 0 * one), one)
    run = pde_data.simulate(solver, rest, [0.0, 0.2])
    np.testing.assert_array_equal(run.velocity[-1], 0)
    bump = one + jnp.asarray(random.uniform(0, 0.5, (12, 12)))
    run = pde_data.simulate(
        solver, pde_data.Primitive(one, (0 * one, 0 * one), bump), [0.0, 0.2]
    )
    certificate = pde_data.certify(run.density, run.velocity, run.pressure, 1.4)
    assert certificate.mass_drift < 1e-14
    assert certificate.energy_drift < 1e-14
    assert certificate.momentum_drift > 1e-6  # Walls push.
