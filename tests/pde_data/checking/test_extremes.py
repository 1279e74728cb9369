"""What `generate` accepts and stores, `check` passes: also where runs are extreme."""

import h5py
import pytest

import pde_data
from pde_data.checking._check_file import check_file


def _made(folder, **settings):
    viscosity = settings.pop("eta")
    config = pde_data.GenerateConfig(
        shear_viscosity=viscosity, bulk_viscosity=viscosity, **settings
    )
    return pde_data.generate(config, folder / "flow.hdf5")


@pytest.mark.parametrize(
    ("settings", "least"),
    [
        # 9263 steps, 5.3e-5 in energy: rounding, one part in ten of one a step.
        (
            {
                "grid": (12, 12),
                "mach": 0.003,
                "eta": 1.0,
                "final_time": 2.0,
                "viscous_steps": "explicit",
            },
            {"energy_drift": 2e-5},
        ),
        # What moves here in float32 is rounding: continuity is 3.7.
        (
            {
                "family": "acoustic_pulses",
                "gamma": 1.001,
                "grid": (8, 8),
                "mach": 0.003,
                "eta": 0.01,
                "final_time": 0.02,
            },
            {"continuity_residual": 0.3},
        ),
    ],
)
def test_what_is_stored_passes_the_check(settings, least, tmp_path):
    path = _made(tmp_path, snapshots=5, **settings)
    report = check_file(path)
    assert report.passed, [str(f) for f in report.findings]
    with h5py.File(path, "r") as file:
        for name, value in least.items():  # So the case is extreme.
            assert file[f"certificate/{name}"][0] > value  # type: ignore[index]
        assert file["generation/draw"][0] == 0  # type: ignore[index]


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {
            "family": "implosion",
            "scheme": "aweno5z-low-mach",
            "gamma": 1.1,
            "grid": (8, 8),
            "mach": 0.3,
            "eta": 1.0,
            "final_time": 8.0,
        },
        {
            "family": "blast",
            "scheme": "weno5z",
            "gamma": 1.001,
            "grid": (12, 12),
            "mach": 0.3,
            "eta": 0.01,
            "final_time": 20.0,
        },
    ],
)
def test_tens_of_thousands_of_steps_pass_the_check(settings, tmp_path):
    report = check_file(_made(tmp_path, snapshots=5, **settings))
    assert report.passed, [str(f) for f in report.findings]
