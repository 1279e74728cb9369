import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pde_data import (
    AWENO5Z,
    WENO5Z,
    CompressibleNavierStokes,
    Grid,
    Primitive,
    exact,
)
from pde_data.verification import (
    _blasts as blasts,
    _cases,
    _laws as laws,
    _layers as layers,
    _linear_waves as waves,
    _report,
    _smooth_flows as smooth,
    _tubes as tubes,
    _viscous_flows as viscous,
)
from pde_data.verification._incompressible import dissipation_of_taylor_green


def test_the_stress_has_all_its_cross_terms():
    errors = [viscous.manufactured(n, "dynamic") for n in (32, 64)]
    assert np.log2(errors[0] / errors[1]) > 1.9


def test_a_diagonal_shear_wave_decays_at_the_rate_of_theory():
    assert waves.shear_wave("muscl", 64, (1, 1)) < 2e-3


@pytest.mark.parametrize(
    ("scheme", "order"),
    [
        (AWENO5Z(), (4.5, 5.5)),
        pytest.param(WENO5Z(), (1.8, 4.0), marks=pytest.mark.slow),
    ],
)
def test_the_rate_of_change_is_of_the_order_of_the_scheme(scheme, order):
    """In a vortex at rest nothing changes: the rate is the error in space.

    One flux per face of averages is on its way down to order two here.
    """
    errors = []
    for n in (32, 64):
        solver = CompressibleNavierStokes(
            Grid((n, n), 14.0), 5 / 3, reconstruction=scheme, positivity=False
        )
        density, u, v, p = exact.isentropic_vortex(
            *solver.grid.centers(), center=(7.0, 7.0)
        )
        # Seen from where it does not move.
        vortex = Primitive(*jax.tree.map(jnp.asarray, (density, (u - 1, v - 1), p)))
        rate = eqx.filter_jit(solver.rate)(solver.gas.conserved(vortex), jnp.zeros(()))
        errors.append(float(jnp.mean(jnp.abs(rate.density))))
    assert order[0] < np.log2(errors[0] / errors[1]) < order[1], errors


def test_a_sound_wave_has_the_frequency_and_damping_of_theory():
    # The suite asks 1e-4 of A-WENO at the same resolution.
    assert waves.acoustic_wave("muscl", 32, (1, 0)) < 5e-3


@pytest.mark.parametrize(
    "scheme", ["safe", pytest.param("aweno5z", marks=pytest.mark.slow)]
)
def test_near_vacuum_breaks_nothing(scheme):
    assert not blasts.HARD["near-vacuum rarefaction"](scheme)


@pytest.mark.parametrize(
    "scheme",
    [pytest.param(scheme, marks=pytest.mark.slow) for scheme in ("weno5z", "aweno5z")],
)
def test_weno_schemes_commute_bit_for_bit(scheme):
    assert laws.commutation(scheme, 2, 16, num_steps=20) == 0


def test_a_contact_at_rest_keeps_every_bit_and_a_moving_one_its_pressure():
    assert tubes.contact_at_rest("muscl", 50) == 0
    error, ripple = tubes.moving_contact("muscl", 50)
    assert ripple < 1e-12
    assert 0 < error < 0.1


def test_colliding_streams_stay_mirror_images_bit_for_bit():
    assert tubes.collision("muscl", 40, 1) == 0


def test_the_averages_of_an_exact_solution_add_up_to_what_has_flowed_in():
    # Sod's gases are at rest at both ends: mass is conserved.
    density = tubes.exact_averages(exact.SOD, 0.5, 0.2, 50)
    exact_mass = 0.5 * (1 + 0.125)
    assert np.mean(density) == pytest.approx(exact_mass, abs=1e-4)


def test_the_spectral_solution_loses_the_energy_that_it_dissipates():
    times, energy, loss = dissipation_of_taylor_green(16, time=2.0, num_steps=40)
    np.testing.assert_allclose(-np.gradient(energy, times)[1:-1], loss[1:-1], rtol=2e-3)
    assert energy[0] == pytest.approx(0.125)


def test_the_dyed_layer_starts_as_its_own_reflected_and_shifted_image():
    _, start = layers.viscous_layer(16)
    for field, sign in ((start.tracer, 1), *zip(start.velocity, (1, -1), strict=True)):
        field = np.asarray(field)
        image = sign * np.roll(field[:, ::-1], 8, axis=0)
        np.testing.assert_array_equal(image, field)
    assert np.ptp(start.velocity[1]) > 0


def test_ulps_count_the_last_place():
    one = np.asarray([1.0, 100.0], np.float32)
    assert laws.ulps(one, one) == 0
    assert laws.ulps(one, np.nextafter(one, np.float32(2000))) == 1


def test_frames_that_do_not_fit_the_cells_are_refused():
    with pytest.raises(ValueError, match="multiple of 20"):
        smooth.boost("muscl", 30)
    with pytest.raises(ValueError, match="odd"):
        smooth.rotation("muscl", 30)


def test_a_result_fails_when_its_bound_or_order_does():
    good = _cases.Result("case", "scheme", (10, 20), (4e-2, 1e-2), 2e-2, 1.9)
    assert good.passed
    assert good.observed_order == pytest.approx(2)
    for errors in ((4e-2, 3e-2), (2e-2, 1e-2), (4e-2, float("nan"))):
        bad = _cases.Result("case", "scheme", (10, 20), errors, 2e-2, 1.9)
        assert not bad.passed
        assert "FAIL" in str(bad)
    # A record claims nothing, but a number it must be.
    assert not _cases.Result("case", "scheme", (10,), (float("nan"),)).passed


def test_the_report_holds_the_table_and_the_plot(tmp_path):
    rows = [
        _cases.Result("case", "scheme", (10, 20), (4e-2, 1e-2), 2e-2, 1.9),
        _cases.Result("other", "scheme", (10,), (0.0,), 0.0),
        _cases.Result("record", "scheme", (10,), (0.5,)),
    ]
    _report.write_report(rows, tmp_path)
    assert json.loads((tmp_path / "table.json").read_text())[0]["passed"]
    assert (tmp_path / "convergence.png").stat().st_size > 1000
    table = (tmp_path / "table.md").read_text()
    assert "| case | scheme | 10 / 20 | 4.00e-02 / 1.00e-02 | 2.00 |" in table
    assert "exactly 0 | pass" in table
    assert "| recorded |" in table


def test_the_quick_cases_are_cases():
    assert set(_cases.QUICK) <= set(_cases.CASES)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(_cases.CASES))
def test_every_case_of_the_suite_passes(name):
    failed = [str(row) for row in _cases.CASES[name]() if not row.passed]
    assert not failed


@pytest.mark.parametrize("place", [0, 1])
def test_a_law_is_not_held_by_what_is_no_number(place):
    """The largest of numbers and NaN is NaN, wherever it stands."""
    arrays = [np.ones(3), np.ones(3)]
    assert laws.ulps(arrays, arrays) == 0
    spoilt = list(arrays)
    spoilt[place] = np.array([1, np.nan, 1])
    assert np.isnan(laws.ulps(spoilt, arrays))
