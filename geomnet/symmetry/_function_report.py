"""`function_symmetry_report`: what a function respects, measured on one input."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from .._arguments import checked
from .._equivariance._callables import Map, name_of, unwrapped
from .._equivariance._deviation import Unmoved, deviations_of
from .._equivariance._difference import difference
from .._equivariance._field import Field
from .._equivariance._field_map import FieldMap
from .._equivariance._products import products_in
from .._equivariance._tolerance import tolerance_of
from .._group import Group, Matrix, as_matrix, hyperoctahedral, trivial
from .._image import GeometricImage
from .._signature import Entry, Signature, TensorType
from ._function_observers import (
    FACTOR,
    boost,
    has_units,
    mass_scale,
    translations,
    velocity_scale,
    verdict,
)
from ._report import ParityFinding, SymmetryFinding, SymmetryReport, mended_note
from ._subgroups import element_name, largest_subgroup


@checked
@products_in("highest")
def function_symmetry_report(
    f: Any,
    x: Any,
    group: Group | None = None,
    *,
    signature: "Signature | str | None" = None,
    out_signature: "Signature | str | None" = None,
    feature_axis: int = -1,
    time_step: float | None = None,
    extent: Sequence[float] | None = None,
    at_time_step: Callable[[float], Map] | None = None,
) -> SymmetryReport:
    """Which rotations, reflections, translations and scalings a function respects.

    For one step of a simulator, or a model: errors of each element, of shifts along
    each axis, of a boost (fields `velocity`; needs `time_step`) and of the scalings of
    mass and velocity (fields named as in compressible flow). Products and convolutions
    that name no precision are done in full.

    For a data set see `symmetry_report`.

    **Arguments:**

    - `f`, `x`: the function and what it takes: see
        `geomnet.testing.equivariance_errors`.
    - `group`: what to test, by default every rotation and reflection of the cube.
    - `signature`, `out_signature`: what `x` and `f(x)` hold, if they do not say.
    - `feature_axis`: the axis of arrays that holds the features; 0 for channels first.
    - `time_step`: the time from `x` to `f(x)`, for a boost.
    - `extent`: the lengths of the box along each axis, by default 1.
    - `at_time_step`: the function for another time step, for the scaling of velocity.

    **Returns:** a `SymmetryReport`: print it, or read its parts.

    **Raises:** `ValueError` if a signature or group is missing or does not fit;
    `TypeError` if `f` is a data set, or no function.
    """
    _check_is_function(f)
    group = _whole_group(f, x, signature) if group is None else group

    def fields_of(f: Map) -> FieldMap:
        return FieldMap(f, x, group, signature, out_signature, feature_axis)

    field_map = fields_of(f)
    unmoved = Unmoved.of(field_map, field_map(field_map.start))
    tolerance = tolerance_of(f, x, unmoved.dtype)
    elements = _elements(unmoved, tolerance)
    parities, notes = (), ()
    if group.has_reflections:
        parities, best = _parities(unmoved, elements, tolerance)
        if any(parity.is_wrong for parity in parities):
            notes = (mended_note(largest_subgroup(best, group.num_spatial_dims)),)
    others = translations(unmoved, tolerance)
    if time_step is not None and "velocity" in field_map.in_signature.names:
        others.append(boost(unmoved, time_step, extent, tolerance))
    if has_units(field_map.in_signature):
        others.append(mass_scale(unmoved, tolerance))
        if at_time_step is not None and time_step is not None:
            faster = fields_of(at_time_step(time_step / FACTOR))
            others.append(velocity_scale(unmoved, faster, tolerance))
    return SymmetryReport(
        name_of(f),
        group,
        largest_subgroup(_passing(elements), group.num_spatial_dims),
        tuple(elements),
        parities,
        tuple(others),
        notes,
    )


def _check_is_function(f: Any) -> None:
    """**Raises:** `TypeError` for what can't be called."""
    if callable(f):
        return
    if hasattr(f, "__getitem__"):
        raise TypeError(
            f"`f` is a data set, of type {type(f).__name__}. Test it with "
            "`geomnet.symmetry.symmetry_report(data, signature)`."
        )
    raise TypeError(f"`f` must be a function, got {type(f).__name__}.")


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


def _elements(unmoved: Unmoved, tolerance: float) -> list[SymmetryFinding]:
    findings = []
    for found in deviations_of(unmoved, unmoved.field_map.group.elements):
        outcome = verdict(found.relative, tolerance, nearly=False)
        about = (
            "" if outcome == "holds" else f"entry '{found.entry}', cell {found.cell}"
        )
        findings.append(
            SymmetryFinding(
                element_name(found.element),
                outcome,
                found.relative,
                None,
                about,
                found.element,
            )
        )
    return findings


def _parities(
    unmoved: Unmoved, elements: list[SymmetryFinding], tolerance: float
) -> tuple[tuple[ParityFinding, ...], set[Matrix]]:
    """What parity each named field has, and the elements that then hold."""
    field_map, x, y = unmoved.field_map, unmoved.x, unmoved.y
    names = field_map.in_signature.names
    passing: dict[tuple[str, ...], set[Matrix]] = {(): _passing(elements)}

    def holding(flips: tuple[str, ...]) -> set[Matrix]:
        if flips not in passing:
            moved = _flipped(x, flips)
            expected = _flipped(y, flips)
            passing[flips] = {
                as_matrix(g)
                for g in field_map.group.elements
                if difference(
                    field_map(_named_as(moved.moved(g), x)),
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


def _passing(elements: list[SymmetryFinding]) -> set[Matrix]:
    return {
        e.element for e in elements if e.verdict == "holds" and e.element is not None
    }


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
