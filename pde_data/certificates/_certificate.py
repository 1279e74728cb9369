"""What can be proved of a trajectory from its snapshots: drift, bounds, Mach number."""

import dataclasses

import numpy as np
from jax.typing import ArrayLike

from .._arguments import checked
from ..solver._energy import total_energy
from ._snapshots import as_snapshots, each_snapshot


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

    def figures(
        density: np.ndarray, velocity: np.ndarray, pressure: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        space = tuple(range(1, density.ndim))
        speed_squared = np.sum(velocity**2, axis=-1)
        sound_squared = gamma * pressure / density
        finite = (np.isfinite(x) for x in (density, velocity.sum(axis=-1), pressure))
        return (
            np.mean(density, axis=space),
            np.mean(density[..., None] * velocity, axis=space),
            np.mean(total_energy(density, velocity, pressure, gamma), axis=space),
            np.min(density, axis=space),
            np.min(pressure, axis=space),
            np.max(speed_squared / sound_squared, axis=space),
            np.mean(density * np.sqrt(speed_squared), axis=space),
            np.mean(density * np.sqrt(sound_squared), axis=space),
            np.all(list(finite), axis=(0, *(axis + 1 for axis in space))),
        )

    fields = as_snapshots(density, velocity, pressure)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mass, momentum, energy, low_density, low_pressure, mach, carried, sound, ok = (
            each_snapshot(figures, *fields)
        )
        # The sound speed bounds what gas at rest could carry.
        scale = carried[0] if carried[0] != 0 else sound[0]
        return TrajectoryCertificate(
            mass_drift=_drift(mass),
            momentum_drift=float(np.max(np.abs(momentum - momentum[0])) / scale),
            energy_drift=_drift(energy),
            min_density=float(low_density.min()),
            min_pressure=float(low_pressure.min()),
            max_mach=float(np.sqrt(np.max(mach))),
            finite=bool(ok.all()),
            speed_ratio=max(1.0, float(np.max(carried) / scale)),
        )


def _drift(total: np.ndarray) -> float:
    return float(np.max(np.abs(total / total[0] - 1)))
