import numpy as np
import pytest

from pde_data import exact


def test_the_star_states_of_toros_problems_are_the_published_ones():
    # Toro (2009), Table 4.2; the last digit there is rounded.
    published = [
        (0.30313, 0.92745),
        (0.00189, 0.0),
        (460.894, 19.5975),
        (1691.64, 8.68975),
        (460.894, 0.0),
    ]
    problems = [exact.SOD, *(problem for problem, _, _ in exact.TORO[1:])]
    for problem, (pressure, velocity) in zip(problems, published, strict=True):
        p, u = problem.star()
        assert abs(p / pressure - 1) < 3e-3
        assert abs(u - velocity) < 1e-4 * max(1, abs(velocity))


def test_the_riemann_solution_satisfies_the_jump_conditions_of_a_shock():
    problem = exact.SOD
    g = problem.gamma
    rho, u, p = problem.sample(np.array([1.7, 1.8]))
    speed = (rho[0] * u[0] - rho[1] * u[1]) / (rho[0] - rho[1])
    momentum = rho * u**2 + p
    energy = p / (g - 1) + 0.5 * rho * u**2
    assert speed == pytest.approx(1.75216, abs=1e-4)
    jump = (momentum[0] - momentum[1]) / (rho[0] * u[0] - rho[1] * u[1])
    assert jump == pytest.approx(speed, rel=1e-10)
    work = (energy + p) * u
    assert (work[0] - work[1]) / (energy[0] - energy[1]) == pytest.approx(speed)


def test_the_riemann_solution_of_a_mirrored_problem_is_mirrored():
    problem = exact.TORO[3][0]
    (a, u_a, p_a), (b, u_b, p_b) = problem.left, problem.right
    mirrored = exact.RiemannProblem((b, -u_b, p_b), (a, -u_a, p_a))
    rays = np.linspace(-10, 10, 41) + 0.01
    for one, other, sign in zip(
        problem.sample(rays), mirrored.sample(-rays), (1, -1, 1), strict=True
    ):
        np.testing.assert_allclose(one, sign * other, rtol=1e-12)


def test_a_vacuum_is_refused():
    with pytest.raises(ValueError, match="vacuum"):
        exact.RiemannProblem((1.0, -10.0, 0.1), (1.0, 10.0, 0.1)).star()


def test_beckers_shock_balances_momentum_and_meets_its_ends():
    shock = exact.BeckerShock(mach=2.0)
    x = np.linspace(-0.03, 0.03, 2001)
    density, u, pressure = shock.sample(x)
    stress = 4 / 3 * shock.shear_viscosity * np.gradient(u, x)
    balance = (pressure + density * u**2 - stress)[5:-5]
    _, u0, p0 = shock.ahead
    np.testing.assert_allclose(balance, p0 + u0**2, rtol=1e-5)
    # Rankine-Hugoniot at the far end: momentum again, without any stress.
    density1, u1, p1 = shock.behind
    assert p1 + density1 * u1**2 == pytest.approx(p0 + u0**2)


def test_the_isentropic_vortex_is_steady_in_its_own_frame():
    h = 1e-4
    x = np.array([5.7, 5.7 + h, 5.7 - h, 5.7, 5.7])
    y = np.array([5.4, 5.4, 5.4, 5.4 + h, 5.4 - h])
    density, u, v, p = exact.isentropic_vortex(x, y, background=(0.0, 0.0))

    def divergence(fx, fy):
        return (fx[1] - fx[2] + fy[3] - fy[4]) / (2 * h)

    assert abs(divergence(density * u, density * v)) < 1e-7
    assert abs(divergence(density * u * u + p, density * u * v)) < 1e-7
    assert abs(divergence(density * u * u, density * u * v)) > 1e-3


def test_the_damping_of_sound_tends_to_the_classical_law():
    # Landau and Lifshitz (1987), Fluid Mechanics, Sec. 79, for small k.
    wave = exact.LinearWave(
        0.1, shear_viscosity=0.01, bulk_viscosity=0.02, conductivity=0.03
    )
    rates, _ = wave.modes()
    g = wave.gamma
    heat = wave.conductivity * ((g - 1) - (g - 1) / g)
    classical = -0.5 * wave.wave_number**2 * (4 / 3 * 0.01 + 0.02 + heat)
    assert rates[0].real == pytest.approx(classical, rel=1e-5)
    assert rates[2].imag == pytest.approx(np.sqrt(g) * wave.wave_number, rel=1e-5)
