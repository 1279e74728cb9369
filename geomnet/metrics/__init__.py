"""What the field compares: errors, spectra and conservation of predicted fields.

Pure functions of two `GeometricImage`s with any leading axes; each has one value for
predictions and targets that are moved together.
"""

from .._equivariance._deviation import (
    equivariance_error as equivariance_error,
    equivariance_errors as equivariance_errors,
)
from ._conservation import drift as drift, nonpositive_share as nonpositive_share
from ._correlation import (
    correlation as correlation,
    correlation_time as correlation_time,
)
from ._errors import (
    nmse as nmse,
    nrmse as nrmse,
    nrmse_per_field as nrmse_per_field,
    rollout_smse as rollout_smse,
    smse as smse,
    vrmse as vrmse,
)
from ._helmholtz import helmholtz_error as helmholtz_error
from ._report import report as report
from ._rollout_report import RolloutReport as RolloutReport
from ._spectrum import (
    energy_ratio as energy_ratio,
    energy_spectrum as energy_spectrum,
    spectral_error as spectral_error,
    spectral_nmse as spectral_nmse,
    wave_numbers as wave_numbers,
)
from ._spread import Spread as Spread, over_trajectories as over_trajectories
from ._symmetry import group_spread as group_spread, over_group as over_group
