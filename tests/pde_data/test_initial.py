import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pde_data
from pde_data.generation._attempt import build_solver
from pde_data.generation._config import GenerateConfig
from pde_data.generation._families import FAMILIES

MACH = 0.4


@pytest.fixture(scope="module")
def solver():
    return pde_data.CompressibleNavierStokes((24, 24))


# One name of each draw: "stirred" starts as "turbulent".
DRAWS = {family.draw: name for name, family in sorted(FAMILIES.items(), reverse=True)}


@pytest.mark.parametrize("name", sorted(DRAWS.values()))
def test_every_family_is_physical_random_and_repeatable(name):
    config = GenerateConfig(family=name, grid=(24, 24))
    numbers = {"shear_viscosity": 0.0, "bulk_viscosity": 0.0}
    solver = build_solver(config, numbers, "muscl")
    # Compiled whole, which is cheaper than operation by operation.
    draw = jax.jit(lambda key: FAMILIES[name].draw(solver, key, mach=MACH))
    one, again, other = (draw(jax.random.key(i)) for i in (0, 0, 1))
    assert one.density.shape == (24, 24)
    assert np.isfinite(jax.tree.leaves(one)).all()
    assert np.all(one.density > 0)
    assert np.all(one.pressure > 0)
    jax.tree.map(np.testing.assert_array_equal, one, again)
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    assert any(not np.array_equal(a, b) for a, b in leaves)


def test_the_mean_speed_of_random_fourier_is_the_mach_number(solver):
    for seed in range(5):
        state = pde_data.initial.random_fourier(
            solver, jax.random.key(seed), mach=MACH, window_probability=0.0
        )
        speed = np.mean(np.sqrt(state.velocity[0] ** 2 + state.velocity[1] ** 2))
        # The mean temperature is that of the gas before it is disturbed.
        sound = np.sqrt(5 / 3 * np.mean(state.pressure) / np.mean(state.density))
        assert speed / sound == pytest.approx(MACH, rel=0.02)


def test_random_fourier_stays_positive_over_many_draws(solver):
    keys = jax.random.split(jax.random.key(0), 300)
    draw = lambda key: pde_data.initial.random_fourier(solver, key)  # noqa: E731
    states = jax.lax.map(draw, keys)
    assert float(jnp.min(states.density)) > 0.009  # A tenth of the least mean.
    assert float(jnp.min(states.pressure)) > 0


def test_modes_along_the_axes_can_be_left_out(solver):
    for aligned in (True, False):
        state = pde_data.initial.random_fourier(
            solver,
            jax.random.key(0),
            axis_aligned_modes=aligned,
            window_probability=0.0,
        )
        spectrum = np.abs(np.fft.fft2(state.velocity[0]))
        size = spectrum[0, 1:5].max() / spectrum.max()
        assert size > 0.1 if aligned else size < 1e-12


@pytest.mark.parametrize("fraction", [0.0, pytest.param(1.0, marks=pytest.mark.slow)])
def test_turbulence_is_solenoidal_to_rounding_or_compressive_as_asked(solver, fraction):
    state = pde_data.initial.turbulent(
        solver, jax.random.key(0), mach=MACH, compressive_fraction=fraction
    )
    u, v = (np.fft.fft2(np.asarray(x)) for x in state.velocity)
    k = np.fft.fftfreq(24)
    divergence = np.linalg.norm(k[:, None] * u + k[None, :] * v)
    curl = np.linalg.norm(k[:, None] * v - k[None, :] * u)
    rms = np.sqrt(np.mean(state.velocity[0] ** 2 + state.velocity[1] ** 2))
    assert rms == pytest.approx(MACH)
    if fraction == 0:
        assert divergence < 1e-12 * curl
    else:
        assert curl < 1e-12 * divergence


def test_the_shock_of_the_shock_bubble_satisfies_the_jump_conditions(solver):
    state = pde_data.initial.shock_bubble(solver, jax.random.key(0), mach=MACH)
    density, pressure = float(state.density[0, 0]), float(state.pressure[0, 0])
    ahead = 3 / 5
    shock = density * MACH / (density - 1)  # Mass, into gas of density 1 at rest.
    assert pressure - ahead == pytest.approx(shock * MACH)  # Momentum.
    enthalpy = 2.5 * (pressure / density - ahead)
    work = 0.5 * (shock**2 - (shock - MACH) ** 2)
    assert enthalpy == pytest.approx(work)  # Energy.


def test_rayleigh_taylor_starts_in_hydrostatic_balance(solver):
    state = pde_data.initial.rayleigh_taylor(solver, jax.random.key(0))
    fine = pde_data.CompressibleNavierStokes((4, 400))
    state = pde_data.initial.rayleigh_taylor(fine, jax.random.key(0))
    slope = np.gradient(state.pressure[0], 1 / 400)
    np.testing.assert_allclose(slope[2:-2], -state.density[0][2:-2], rtol=2e-3)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"mach": -1.0}, "mach"),
        ({"mach": float("nan")}, "mach"),
        ({"window_probability": 2.0}, "window_probability"),
        ({"max_mode": 0}, "max_mode"),
    ],
)
def test_parameters_without_meaning_are_refused(arguments, name, solver):
    with pytest.raises(ValueError, match=f"`{name}`"):
        pde_data.initial.random_fourier(solver, jax.random.key(0), **arguments)


def test_a_family_that_needs_two_axes_says_so():
    line = pde_data.CompressibleNavierStokes((16,))
    with pytest.raises(ValueError, match="at least 2 axes"):
        pde_data.initial.kelvin_helmholtz(line, jax.random.key(0))


def test_the_sharp_layer_takes_two_densities_and_no_other(solver):
    state = pde_data.initial.sharp_kelvin_helmholtz(solver, jax.random.key(0))
    assert len(np.unique(state.density)) == 2
    assert len(np.unique(state.velocity[0])) == 2


def test_the_implosion_of_mach_07_has_the_pressure_of_the_reference(solver):
    state = pde_data.initial.implosion(solver, jax.random.key(0), mach=0.7)
    assert float(state.pressure[0, 0] / state.pressure[-1, -1]) == pytest.approx(
        0.14, abs=2e-3
    )


@pytest.mark.slow
def test_a_hundred_thousand_random_states_are_physical():
    small = pde_data.CompressibleNavierStokes((8, 8))

    def least(key):
        state = pde_data.initial.random_fourier(small, key, max_mode=3)
        return jnp.minimum(jnp.min(state.density), jnp.min(state.pressure))

    keys = jax.random.split(jax.random.key(0), 100_000)
    assert float(jnp.min(jax.lax.map(least, keys, batch_size=1000))) > 0
