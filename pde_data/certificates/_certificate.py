"""What can be proved of a trajectory from its snapshots: drift, bounds, Mach number."""

import dataclasses

import numpy as np
from jax.typing import ArrayLike

from .._arguments import checked
from ..solver._energy import total_energy
from ._snapshots import as_snapshots


@dataclasses.dataclass(frozen=True)
class TrajectoryCertificate:
    """Figures of one trajectory, all in float64 from the snapshots as stored.

    **Arguments:**

    - `mass_drift`, `energy_drift`: largest relative change of the total since the
      start; `momentum_drift`: the same for the total momentum, relative to ∫ρ|u| or, at
      rest, to ∫ρc. On a periodic box without forcing they are rounding.
    - `min_density`, `min_pressure`, `max_mach`: over all cells and snapshots.
    - `finite`: no NaN and no infinity.
    - `speed_ratio`: the largest ∫ρ|u|, over what `momentum_drift` is relative to; at
      least 1.
    """

    mass_drift: float
    momentum_drift: float
    energy_drift: float
    min_density: float
    min_pressure: float
    max_mach: float
    finite: bool
    speed_ratio: float

    @property
    def physical(self) -> bool:
        """Every value is finite and every density and pressure positive."""
        return self.finite and self.positive

    @property
    def positive(self) -> bool:
        """Every density and pressure is positive."""
        return self.min_density > 0 and self.min_pressure > 0

    @property
    def figures(self) -> dict[str, float]:
        """The numbers by name, as files store them."""
        return {name: getattr(self, name) for name in CERTIFIED}


# The names of the numbers, in the order in which they are stored.
CERTIFIED = tuple(
    field.name
    for field in dataclasses.fields(TrajectoryCertificate)
    if field.name not in ("finite", "speed_ratio")
)


@checked
def certify(
    density: ArrayLike, velocity: ArrayLike, pressure: ArrayLike, gamma: float
) -> TrajectoryCertificate:
    """What can be proved of one trajectory.

    **Arguments:**

    - `density`, `pressure`: `(time, *grid)`, non-dimensional.
    - `velocity`: `(time, *grid, d)`.
    - `gamma`: the ratio of specific heats.

    **Raises:** `TypeError` or `ValueError` for what are no such arrays.
    """
    density, velocity, pressure = as_snapshots(density, velocity, pressure)
    finite = all(bool(np.isfinite(x).all()) for x in (density, velocity, pressure))
    space = tuple(range(1, density.ndim))
    with np.errstate(invalid="ignore", divide="ignore"):
        speed_squared = np.sum(velocity**2, axis=-1)
        momentum = density[..., None] * velocity
        energy = total_energy(density, velocity, pressure, gamma)
        sound_squared = gamma * pressure / density
        # The sound speed bounds what gas at rest could carry.
        scale = np.mean(density[0] * np.sqrt(np.maximum(speed_squared, 0))[0])
        if scale == 0:
            scale = np.mean(density[0] * np.sqrt(sound_squared[0]))
        total_momentum = np.mean(momentum, axis=space)
        carried = np.mean(density * np.sqrt(speed_squared), axis=space)
        return TrajectoryCertificate(
            mass_drift=_drift(np.mean(density, axis=space)),
            momentum_drift=float(
                np.max(np.abs(total_momentum - total_momentum[0])) / scale
            ),
            energy_drift=_drift(np.mean(energy, axis=space)),
            min_density=float(density.min()),
            min_pressure=float(pressure.min()),
            max_mach=float(np.sqrt(np.max(speed_squared / sound_squared))),
            finite=finite,
            speed_ratio=max(1.0, float(np.max(carried) / scale)),
        )


def _drift(total: np.ndarray) -> float:
    return float(np.max(np.abs(total / total[0] - 1)))
