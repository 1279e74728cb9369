import json

import numpy as np
import pytest

from pde_data import _verify, _verify_cases as cases


def test_the_stress_has_all_its_cross_terms():
    errors = [cases.manufactured(n, "dynamic") for n in (32, 64)]
    assert np.log2(errors[0] / errors[1]) > 1.9


def test_a_diagonal_shear_wave_decays_at_the_rate_of_theory():
    assert cases.shear_wave("muscl", 32, (1, 1)) < 1.5e-2


def test_aweno_is_of_fifth_order_in_two_dimensions():
    errors = [cases.entropy_wave("aweno5z", n) for n in (16, 32)]
    assert np.log2(errors[0] / errors[1]) > 4.5


def test_a_sound_wave_has_the_frequency_and_damping_of_theory():
    assert cases.acoustic_wave("aweno5z", 32, (1, 1)) < 1e-3


@pytest.mark.parametrize("scheme", ["safe", "aweno5z"])
def test_near_vacuum_breaks_nothing(scheme):
    assert not cases.HARD["near-vacuum rarefaction"](scheme)


@pytest.mark.parametrize("scheme", ["weno5z", "aweno5z"])
def test_weno_schemes_commute_bit_for_bit(scheme):
    assert cases.commutation(scheme, 2, 16) == 0


def test_a_result_fails_when_its_bound_or_order_does():
    good = _verify.Result("case", "scheme", (10, 20), (4e-2, 1e-2), 2e-2, 1.9)
    assert good.passed
    assert good.observed_order == pytest.approx(2)
    for errors in ((4e-2, 3e-2), (2e-2, 1e-2), (4e-2, float("nan"))):
        bad = _verify.Result("case", "scheme", (10, 20), errors, 2e-2, 1.9)
        assert not bad.passed
        assert "FAIL" in str(bad)


def test_the_report_holds_the_table_and_the_plot(tmp_path):
    rows = [_verify.Result("case", "scheme", (10, 20), (4e-2, 1e-2), 2e-2, 1.9)]
    _verify.write_report(rows, tmp_path)
    assert json.loads((tmp_path / "table.json").read_text())[0]["passed"]
    assert (tmp_path / "convergence.png").stat().st_size > 1000


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(_verify.CASES))
def test_every_case_of_the_suite_passes(name):
    failed = [str(row) for row in _verify.CASES[name]() if not row.passed]
    assert not failed
