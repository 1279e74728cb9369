"""What a function tells an observer elsewhere, in motion, or with other units."""

from collections.abc import Sequence

import numpy as np

from .._equivariance._deviation import Unmoved, shift_deviation
from .._equivariance._field import Field
from .._equivariance._field_map import FieldMap
from .._signature import Signature
from ._report import SymmetryFinding, Verdict

# A scheme that is not exact in a symmetry still has it in the limit of fine grids.
_NEARLY = 0.1

# Powers of the units of mass and velocity in each field, at one unit of length.
_UNITS = {
    "density": (1, 0),
    "energy": (1, 2),
    "momentum": (1, 1),
    "pressure": (1, 2),
    "temperature": (0, 2),
    "velocity": (0, 1),
    "vorticity": (0, 1),
}

# A power of two: scaling by it rounds nothing.
FACTOR = 2.0


def translations(unmoved: Unmoved, tolerance: float) -> list[SymmetryFinding]:
    """One finding for each axis: from how many cells on do shifts commute?"""
    grid = unmoved.x.grid
    findings = []
    for axis, n in enumerate(grid):
        name = f"shift along {'xyz'[axis]}"
        smallest, cells = 0.0, 1
        holds_from = None
        while cells < n and holds_from is None:
            shift = tuple(cells if i == axis else 0 for i in range(len(grid)))
            try:
                error = shift_deviation(unmoved, shift).relative
            except ValueError:
                # The output would move by a fraction of its coarser cells.
                error = float("inf")
            if error <= tolerance:
                holds_from = cells
            smallest = error if cells == 1 or holds_from else smallest
            cells *= 2
        about = "" if holds_from in (1, None) else f"by multiples of {holds_from} cells"
        outcome = "broken" if holds_from is None else "holds"
        findings.append(SymmetryFinding(name, outcome, smallest, None, about))
    return findings


def boost(
    unmoved: Unmoved,
    time_step: float,
    extent: Sequence[float] | None,
    tolerance: float,
) -> SymmetryFinding:
    """`f(u + U)` against `f(u)` moved by `U Δt`, plus U.

    Relative to the change of one step.
    """
    x, y = unmoved.x, unmoved.y
    sides = (1.0,) * x.num_spatial_dims if extent is None else tuple(extent)
    where = _slice(x, "velocity")
    speed = float(np.sqrt((x.array[..., where].astype(float) ** 2).mean())) or 0.1
    worst = 0.0
    change = _change(unmoved)
    for axis in range(x.num_spatial_dims):
        wind = np.zeros(y.array.shape[-1])
        wind[_slice(y, "velocity").start + axis] = speed
        boosted = x.array.astype(float)
        boosted[..., where.start + axis] += speed
        found = unmoved.field_map(x.with_array(boosted.astype(x.array.dtype)))
        cells = speed * time_step * y.grid[axis] / sides[axis]
        expected = _glide(y, axis, cells) + wind
        worst = float(np.maximum(worst, np.abs(found.array - expected).max()))
    relative = worst / change
    about = f"boost by {speed:.2g}; error relative to the change of one step"
    return SymmetryFinding(
        "Galilean", verdict(relative, tolerance), relative, None, about
    )


def has_units(signature: Signature) -> bool:
    """Whether the powers of mass and velocity are known of every entry."""
    return all(entry.name in _UNITS for entry in signature)


def mass_scale(unmoved: Unmoved, tolerance: float) -> SymmetryFinding:
    """Whether heavier gas flows alike."""
    return _scaling(unmoved, unmoved.field_map, 0, "mass scale", tolerance)


def velocity_scale(
    unmoved: Unmoved, faster: FieldMap, tolerance: float
) -> SymmetryFinding:
    """Whether faster gas flows alike, in a time that is as much shorter.

    **Arguments:** `faster` is the map for the time step over `FACTOR`.
    """
    return _scaling(unmoved, faster, 1, "velocity scale", tolerance)


def verdict(relative: float, tolerance: float, nearly: bool = True) -> Verdict:
    """What an error means: `nearly` allows for what a discretisation does."""
    if relative <= tolerance:
        return "holds"
    return "nearly" if nearly and relative <= _NEARLY else "broken"


def _scaling(
    unmoved: Unmoved, scaled_map: FieldMap, unit: int, name: str, tolerance: float
) -> SymmetryFinding:
    got = scaled_map(_scaled(unmoved.x, unit))
    back = _scaled(got, unit, -1).array.astype(float)
    relative = float(np.abs(back - unmoved.y.array).max() / _change(unmoved))
    about = (
        f"{name.split()[0]} times {FACTOR:g}; error relative to the change of one step"
    )
    return SymmetryFinding(name, verdict(relative, tolerance), relative, None, about)


def _change(unmoved: Unmoved) -> float:
    """The largest change in one step, or the largest value where types differ."""
    x, y = unmoved.x, unmoved.y
    if x.array.shape == y.array.shape and x.signature == y.signature:
        change = float(np.abs(y.array.astype(float) - x.array).max())
        if change > 0:
            return change
    return float(np.abs(y.array).max()) or 1.0


def _scaled(field: Field, unit: int, sign: int = 1) -> Field:
    factors = np.ones(field.array.shape[-1])
    slices = field.signature.slices(field.num_spatial_dims)
    for entry, where in zip(field.signature, slices, strict=True):
        power = _UNITS[entry.name][unit] if entry.name in _UNITS else 0
        factors[where] = FACTOR ** (sign * power)
    return field.with_array(field.array * factors.astype(field.array.dtype))


def _glide(field: Field, axis: int, cells: float) -> np.ndarray:
    """The field moved along an axis of the torus by a fraction of a cell.

    By Fourier's series, exact for the waves that the grid resolves.
    """
    at = axis - 1 - field.num_spatial_dims
    n = field.array.shape[at]
    waves = np.fft.rfft(field.array.astype(float), axis=at)
    phase = np.exp(-2j * np.pi * np.arange(waves.shape[at]) * cells / n)
    shape = [1] * field.array.ndim
    shape[at] = len(phase)
    return np.fft.irfft(waves * phase.reshape(shape), n=n, axis=at)


def _slice(field: Field, name: str) -> slice:
    for entry, where in zip(
        field.signature, field.signature.slices(field.num_spatial_dims), strict=True
    ):
        if entry.name == name:
            return where
    raise ValueError(f"`out_signature` '{field.signature}' has no field {name!r}.")
