"""What the field compares: errors, spectra and conservation of predicted fields.

Pure functions of two `GeometricImage`s with any leading axes; each has one value for
predictions and targets that are moved together.
"""

from ._errors import (
    nrmse as nrmse,
    nrmse_per_field as nrmse_per_field,
    rollout_smse as rollout_smse,
    smse as smse,
    vrmse as vrmse,
)
from ._spectrum import (
    energy_ratio as energy_ratio,
    energy_spectrum as energy_spectrum,
    helmholtz_error as helmholtz_error,
    spectral_error as spectral_error,
    wave_numbers as wave_numbers,
)
from ._spread import Spread as Spread, over_trajectories as over_trajectories
