"""Which symmetries a function respects, measured on one input."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._group import Group, hyperoctahedral, trivial
from .._image import GeometricImage
from .._signature import Entry, Signature, TensorType
from ._adapter import FieldMap, Map, name_of, unwrapped
from ._errors import errors_of, shift_error
from ._findings import (
    Finding,
    ParityFinding,
    SymmetryReport,
    Verdict,
    element_name,
    largest_subgroup,
)
from ._moving import Field, difference
from ._program import rounding_depth
from ._tolerance import lower_precision, tolerance_for

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
_FACTOR = 2.0


def function_report(
    f: Map,
    x: Any,
    group: Group | None,
    signature: "Signature | str | None",
    out_signature: "Signature | str | None",
    feature_axis: int,
    time_step: float | None,
    extent: Sequence[float] | None,
    at_time_step: Callable[[float], Map] | None,
) -> SymmetryReport:
    """`symmetry_report` of a function."""
    group = _whole_group(f, x, signature) if group is None else group
    field_map = FieldMap(f, x, group, signature, out_signature, feature_axis)
    y = field_map(field_map.start)
    dtype = lower_precision(field_map.start.array.dtype, y.array.dtype)
    tolerance = tolerance_for(dtype, rounding_depth(f, x))
    d = group.num_spatial_dims
    elements = _elements(field_map, tolerance)
    parities, notes = (), ()
    if group.has_reflections:
        parities, best = _parities(field_map, y, elements, tolerance)
        if any(p.behaves_as not in (None, p.declared) for p in parities):
            mended = largest_subgroup(best, d)
            notes = (
                f"with the parities that fit, symmetric under {mended.order} elements "
                f"({mended})",
            )
    others = _translations(field_map, tolerance)
    names = field_map.in_signature.names
    if time_step is not None and "velocity" in names:
        sides = tuple(extent) if extent is not None else (1.0,) * d
        others.append(_boost(field_map, y, time_step, sides, tolerance))
    if all(name in _UNITS for name in names) and len(names) == len(
        field_map.in_signature
    ):
        others.append(_scaling(field_map, field_map, y, 0, "mass scale", tolerance))
        if at_time_step is not None and time_step is not None:
            faster = FieldMap(
                at_time_step(time_step / _FACTOR),
                x,
                group,
                signature,
                out_signature,
                feature_axis,
            )
            others.append(
                _scaling(field_map, faster, y, 1, "velocity scale", tolerance)
            )
    return SymmetryReport(
        name_of(f),
        group,
        largest_subgroup(_passing(elements), d),
        tuple(elements),
        parities,
        tuple(others),
        notes,
    )


def _whole_group(f: Map, x: Any, signature: "Signature | str | None") -> Group:
    own = getattr(unwrapped(f), "group", None)
    if isinstance(own, Group):
        return hyperoctahedral(own.num_spatial_dims)
    if isinstance(x, GeometricImage):
        return hyperoctahedral(x.num_spatial_dims)
    fitting = []
    for d in (1, 2, 3):
        try:
            FieldMap(f, x, trivial(d), signature, None, -1)
        except ValueError:
            continue
        fitting.append(d)
    if len(fitting) == 1:
        return hyperoctahedral(fitting[0])
    raise ValueError(
        "`group` is needed: the number of dimensions of `x` does not follow from its "
        "signature. Pass one such as `geomnet.hyperoctahedral(2)`."
    )


def _elements(field_map: FieldMap, tolerance: float) -> list[Finding]:
    findings = []
    for error in errors_of(field_map, field_map.group.elements):
        verdict = _verdict(error.relative, tolerance, nearly=False)
        about = (
            "" if verdict == "holds" else f"entry '{error.entry}', cell {error.cell}"
        )
        findings.append(
            Finding(
                element_name(error.element),
                verdict,
                error.relative,
                None,
                about,
                error.element,
            )
        )
    return findings


def _parities(
    field_map: FieldMap, y: Field, elements: list[Finding], tolerance: float
) -> tuple[tuple[ParityFinding, ...], set[Any]]:
    """What parity each named field has, and the elements that then hold."""
    names = field_map.in_signature.names
    passing: dict[tuple[str, ...], set[Any]] = {(): _passing(elements)}

    def holding(flips: tuple[str, ...]) -> set[Any]:
        if flips not in passing:
            moved = _flipped(field_map.start, flips)
            expected = _flipped(y, flips)
            passing[flips] = {
                tuple(tuple(map(int, row)) for row in g)
                for g in field_map.group.elements
                if difference(
                    field_map(_named_as(moved.moved(g), field_map.start)),
                    _named_as(expected.moved(g), y),
                ).relative
                <= tolerance
            }
        return passing[flips]

    for number in (1, 2):
        for flips in itertools.combinations(names, number):
            holding(flips)
        if max(map(len, passing.values())) > len(passing[()]):
            break
    best = max(passing, key=lambda flips: (len(passing[flips]), -len(flips)))
    findings = []
    for entry in field_map.in_signature:
        if not entry.name:
            continue
        other = tuple(n for n in names if (n in best) != (n == entry.name))
        is_better = len(holding(other)) < len(holding(best))
        fits = _other_parity(entry) if entry.name in best else entry
        findings.append(
            ParityFinding(
                entry.name, str(entry.type), str(fits.type) if is_better else None
            )
        )
    return tuple(findings), passing[best]


def _passing(elements: list[Finding]) -> set[Any]:
    return {e.element for e in elements if e.verdict == "holds"}


def _translations(field_map: FieldMap, tolerance: float) -> list[Finding]:
    grid = field_map.start.grid
    findings = []
    for axis, n in enumerate(grid):
        name = f"shift along {'xyz'[axis]}"
        smallest, cells = 0.0, 1
        holds_from = None
        while cells < n and holds_from is None:
            shift = tuple(cells if i == axis else 0 for i in range(len(grid)))
            try:
                error = shift_error(field_map, shift).relative
            except ValueError:
                # The output would move by a fraction of its coarser cells.
                error = float("inf")
            if error <= tolerance:
                holds_from = cells
            smallest = error if cells == 1 or holds_from else smallest
            cells *= 2
        about = "" if holds_from in (1, None) else f"by multiples of {holds_from} cells"
        verdict = "broken" if holds_from is None else "holds"
        findings.append(Finding(name, verdict, smallest, None, about))
    return findings


def _boost(
    field_map: FieldMap,
    y: Field,
    time_step: float,
    extent: tuple[float, ...],
    tolerance: float,
) -> Finding:
    """`f(u + U)` against `f(u)` moved by `U Δt`, plus U; relative to the step's
    change.
    """
    x = field_map.start
    where = _slice(x, "velocity")
    speed = float(np.sqrt((x.array[..., where].astype(float) ** 2).mean())) or 0.1
    worst = 0.0
    change = _change(x, y)
    for axis in range(x.num_spatial_dims):
        wind = np.zeros(y.array.shape[-1])
        wind[_slice(y, "velocity").start + axis] = speed
        boosted = x.array.astype(float)
        boosted[..., where.start + axis] += speed
        found = field_map(x.with_array(boosted.astype(x.array.dtype)))
        cells = speed * time_step * y.grid[axis] / extent[axis]
        expected = _glide(y, axis, cells) + wind
        worst = max(worst, float(np.abs(found.array - expected).max()))
    relative = worst / change
    about = f"boost by {speed:.2g}; error relative to the change of one step"
    return Finding("Galilean", _verdict(relative, tolerance), relative, None, about)


def _scaling(
    field_map: FieldMap,
    scaled_map: FieldMap,
    y: Field,
    unit: int,
    name: str,
    tolerance: float,
) -> Finding:
    x = field_map.start
    got = scaled_map(_scaled(x, unit))
    change = _change(x, y)
    error = np.abs(_scaled(got, unit, -1).array.astype(float) - y.array).max() / change
    about = (
        f"{name.split()[0]} times {_FACTOR:g}; error relative to the change of one step"
    )
    relative = float(error)
    return Finding(name, _verdict(relative, tolerance), relative, None, about)


def _change(x: Field, y: Field) -> float:
    """The largest change in one step, or the largest value where types differ."""
    if x.array.shape == y.array.shape and x.signature == y.signature:
        change = float(np.abs(y.array.astype(float) - x.array).max())
        if change > 0:
            return change
    return float(np.abs(y.array).max()) or 1.0


def _verdict(relative: float, tolerance: float, nearly: bool = True) -> Verdict:
    if relative <= tolerance:
        return "holds"
    return "nearly" if nearly and relative <= _NEARLY else "broken"


def _scaled(field: Field, unit: int, sign: int = 1) -> Field:
    factors = np.ones(field.array.shape[-1])
    slices = field.signature.slices(field.num_spatial_dims)
    for entry, where in zip(field.signature, slices, strict=True):
        power = _UNITS[entry.name][unit] if entry.name in _UNITS else 0
        factors[where] = _FACTOR ** (sign * power)
    return field.with_array(field.array * factors.astype(field.array.dtype))


def _glide(field: Field, axis: int, cells: float) -> np.ndarray:
    """The field moved along an axis of the torus by a fraction of a cell, by
    Fourier.
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


def _flipped(field: Field, names: tuple[str, ...]) -> Field:
    signature = Signature(
        _other_parity(entry) if entry.name in names else entry
        for entry in field.signature
    )
    return Field(signature, field.array, field.num_spatial_dims)


def _named_as(field: Field, original: Field) -> Field:
    return Field(original.signature, field.array, field.num_spatial_dims)


def _other_parity(entry: Entry) -> Entry:
    parity = -1 if entry.type.parity == 1 else 1
    return Entry(
        entry.name,
        entry.channels,
        TensorType(entry.type.order, parity, entry.type.symmetry),
    )
