import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pde_data

SOLVERS = [
    pde_data.rusanov,
    pde_data.hll,
    pde_data.hllc,
    pde_data.low_mach(pde_data.hllc),
]
GAS = pde_data.IdealGas(1.4)


def _random_state(random, n=400):
    return pde_data.Primitive(
        jnp.asarray(random.uniform(0.1, 10, n)),
        tuple(jnp.asarray(random.normal(0, 2, n)) for _ in range(2)),
        jnp.asarray(random.uniform(0.1, 10, n)),
        jnp.asarray(random.normal(size=n)),
    )


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("axis", [0, 1])
def test_equal_states_give_the_inviscid_flux(solver, axis, random):
    state = _random_state(random)
    flux, expected = solver(state, state, axis, GAS), GAS.flux(state, axis)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-11), flux, expected)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_mirrored_problem_has_the_mirrored_flux_bit_for_bit(solver, random):
    def mirrored(w):
        u, v = w.velocity
        return pde_data.Primitive(w.density, (-u, v), w.pressure, w.tracer)

    left, right = _random_state(random), _random_state(random)
    flux = jax.jit(solver, static_argnums=(2,))
    one = jax.tree.map(jnp.asarray, flux(left, right, 0, GAS))
    other = flux(mirrored(right), mirrored(left), 0, GAS)
    np.testing.assert_array_equal(one.density, -other.density)
    np.testing.assert_array_equal(one.momentum[0], other.momentum[0])
    np.testing.assert_array_equal(one.momentum[1], -other.momentum[1])
    np.testing.assert_array_equal(one.energy, -other.energy)
    np.testing.assert_array_equal(one.tracer, -other.tracer)


@pytest.mark.parametrize("solver", SOLVERS)
def test_supersonic_flow_is_upwinded(solver, random):
    if solver is pde_data.rusanov:
        pytest.skip("Rusanov's flux is central plus dissipation at every speed.")
    left, right = _random_state(random), _random_state(random)
    fast = [
        pde_data.Primitive(w.density, (w.velocity[0] + 60, w.velocity[1]), w.pressure)
        for w in (left, right)
    ]
    flux, expected = solver(fast[0], fast[1], 0, GAS), GAS.flux(fast[0], 0)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-10), flux, expected)


def _contact_at_rest(solver):
    one, zero = jnp.ones(1), jnp.zeros(1)
    left = pde_data.Primitive(one, (zero, zero), 0.7 * one)
    right = pde_data.Primitive(0.1 * one, (zero, zero), 0.7 * one)
    return solver(left, right, 0, GAS)


def test_hllc_keeps_a_contact_at_rest_exactly():
    flux = _contact_at_rest(pde_data.hllc)
    assert float(flux.density[0]) == 0 == float(flux.energy[0])
    assert float(flux.momentum[0][0]) == 0.7


def test_hll_and_rusanov_smear_a_contact_at_rest():
    for solver in (pde_data.hll, pde_data.rusanov):
        assert abs(float(_contact_at_rest(solver).density[0])) > 0.1


def test_the_low_mach_fix_takes_the_dissipation_of_slow_flow_away():
    def jump(mach):
        one = jnp.ones(1)
        return [
            pde_data.Primitive(one, (s * mach * one, 0 * one), one) for s in (1, -1)
        ]

    def excess_pressure(solver, mach):
        flux = solver(*jump(mach), 0, GAS)
        return float(flux.momentum[0][0]) - 1

    plain = excess_pressure(pde_data.hllc, 1e-3)
    fixed = excess_pressure(SOLVERS[-1], 1e-3)
    assert 0 <= fixed < 0.01 * plain
