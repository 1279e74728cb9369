"""`symmetry_report`: what a data set respects, by statistics over its trajectories."""

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from .._arguments import check_count, checked, shown
from .._data import entry_of
from .._equivariance._callables import name_of
from .._group import Group, hyperoctahedral
from .._signature import Signature, TensorType
from ._data_observers import galilean, scales, translations
from ._group_test import GroupTest
from ._local_statistics import LocalStatistics, local_statistics
from ._report import ParityFinding, SymmetryReport, mended_note

_MIN_TRAJECTORIES = 4

# A mean is called a wind if it is this part of the root mean square fluctuation.
_WIND = 0.05

# Deviations between trajectories that a mean has to exceed.
_CLEARLY = 1.0

_FLIPS_TOGETHER = 2

# p-value from which on another parity than the declared one is said to fit.
_FITS = 0.1

_ENSEMBLE = (
    "This is about the ensemble, initial states and law of motion together; the law "
    "alone may have more symmetry: test the simulator."
)


@checked
def symmetry_report(
    data: Any,
    signature: "Signature | str | None" = None,
    group: Group | None = None,
    *,
    significance: float = 0.01,
    max_trajectories: int = 64,
    max_times: int = 8,
) -> SymmetryReport:
    """Which rotations, reflections, translations and scalings a data set respects.

    Moments of fields, slopes and changes in time are compared with those of the moved
    data. Randomisation tests over trajectories, exact whatever the distribution; one
    for each subgroup, from the largest down. A field whose parity is declared wrongly
    is found by the reflections that it spoils. Shifts are judged by the profiles along
    each axis; Galilean and scale symmetry by whether normalised statistics depend on
    the mean velocity, density and speed of sound. A verdict needs 8 trajectories at the
    usual significance (a coin that falls 8 times on one side); fewer are
    "undetermined", as are data that would hide a large violation.

    For a function see `function_symmetry_report`.

    **Arguments:**

    - `data`: a data set with `fields` (of `name`, `order`, `parity`) and arrays
        `(trajectory, time, *grid, *tensor)` by name, such as `pde_data.load` gives; or
        a mapping of such arrays, with `signature`.
    - `signature`: what the arrays hold, such as `"density:0+ velocity:1+"`, if the data
        do not say.
    - `group`: what to test, by default every rotation and reflection of the cube.
    - `significance`: the probability of one false alarm among all elements.
    - `max_trajectories`, `max_times`: read only so many, evenly spaced.

    **Returns:** a `SymmetryReport`: print it, or read its parts.

    **Raises:** `ValueError` if the signature or group does not fit, or there are fewer
    than 4 trajectories; `TypeError` if `data` is a function, or no data.
    """
    _check_numbers(significance, max_trajectories, max_times)
    fields, declared, d = _read(data, signature)
    group = hyperoctahedral(d) if group is None else group
    if group.num_spatial_dims != d:
        raise ValueError(
            f"`group` {group} acts in {group.num_spatial_dims} dimensions, the data "
            f"have {d}."
        )
    statistics = local_statistics(
        fields, declared, d, max_trajectories=max_trajectories, max_times=max_times
    )
    n = statistics.num_trajectories
    if n < _MIN_TRAJECTORIES:
        raise ValueError(
            f"`data` has {n} trajectories; statistics need at least "
            f"{_MIN_TRAJECTORIES}. For a single flow test its simulator: "
            "`function_symmetry_report(step, state)`."
        )
    types = tuple(entry.type for entry in declared)

    test = functools.cache(
        lambda types, moving_with="", above=frozenset(): GroupTest.of(
            statistics, group, types, significance, moving_with, above
        )
    )
    parities, fitted, notes = (), types, ()
    if group.has_reflections:
        parities, fitted, notes = _parities(test, declared)
    if fitted != types:
        notes = (mended_note(test(fitted).group), *notes)
    best = test(fitted).group
    if max(t.order for t in types) > 0 and best.order < group.order:
        turned = {name: _Reversed(fields[name], d) for name in declared.names}
        again = local_statistics(
            turned, declared, d, max_trajectories=max_trajectories, max_times=max_times
        )
        notes = (*_exchanged(again, group, types, significance, best), *notes)
    others = (
        *translations(statistics, significance),
        *galilean(statistics, declared, significance),
        *scales(statistics, declared, significance),
    )
    return SymmetryReport(
        f"{n} trajectories of '{declared}'",
        group,
        test(types).group,
        tuple(test(types).findings()),
        parities,
        others,
        (*notes, *_winds(statistics, declared, test, fitted), _ENSEMBLE),
    )


class _Reversed:
    """A field whose arrays have their grid's axes in reverse order."""

    def __init__(self, field: Any, num_spatial_dims: int):
        self._field, self._d = field, num_spatial_dims
        shape = tuple(field.shape)
        grid = shape[2 : 2 + num_spatial_dims][::-1]
        self.shape = (*shape[:2], *grid, *shape[2 + num_spatial_dims :])

    def __getitem__(self, place: tuple[int, int]) -> np.ndarray:
        """One snapshot: `(trajectory, time)`."""
        frame = np.asarray(self._field[place])
        axes = range(frame.ndim)
        return frame.transpose(*axes[: self._d][::-1], *axes[self._d :])


def _exchanged(
    turned: LocalStatistics,
    group: Group,
    types: tuple[TensorType, ...],
    significance: float,
    best: Group,
) -> tuple[str, ...]:
    """Says so if the arrays with their axes in reverse order are more symmetric."""
    found = GroupTest.of(turned, group, types, significance, "", frozenset()).group
    if found.order <= best.order:
        return ()
    order = "xyz"[: group.num_spatial_dims][::-1]
    note = (
        f"components and axes seem exchanged: read as [{', '.join(order)}], the "
        f"arrays are symmetric under {found.order} elements ({found}). Component i of "
        "a vector belongs to axis i of an array: "
        f"`GeometricImage.from_fields(..., axes='{order}')` turns them"
    )
    return (note,)


def _check_numbers(significance: float, trajectories: int, times: int) -> None:
    if not 0 < significance < 1:
        raise ValueError(f"`significance` must be in (0, 1), got {significance}.")
    check_count("max_trajectories", trajectories)
    check_count("max_times", times)


def _check_is_data(data: Any) -> None:
    """**Raises:** `TypeError` for what holds no arrays by name."""
    # What says which fields it has is data, even if it can be called.
    if callable(data) and not hasattr(data, "fields"):
        raise TypeError(
            f"`data` is a function, {name_of(data)}. Test it on an input `x` with "
            "`geomnet.symmetry.function_symmetry_report(f, x)`."
        )
    is_array = isinstance(data, np.ndarray | jax.Array | str | bytes)
    if is_array or not hasattr(data, "__getitem__"):
        raise TypeError(
            "`data` must be a data set or a mapping of arrays, such as `{'density': "
            f"array}}`, got {shown(data)}."
        )


def _read(
    data: Any, signature: "Signature | str | None"
) -> tuple[Mapping[str, Any], Signature, int]:
    _check_is_data(data)
    if signature is not None:
        declared = Signature(signature)
    elif hasattr(data, "fields"):
        declared = Signature(map(entry_of, data.fields))
    else:
        raise ValueError(
            "`signature` is needed for a mapping of arrays: say what they hold, as in "
            "`signature='density:0+ velocity:1+'`."
        )
    if any(e.channels != 1 or not e.name or e.type.symmetry for e in declared):
        raise ValueError(
            f"`signature` '{declared}' must name single fields, without symmetry "
            "marks, as in 'density:0+ stress:2+'."
        )
    fields = {name: data[name] for name in declared.names}
    first = declared.entries[0]
    d = len(fields[first.name].shape) - 2 - first.type.order
    for entry in declared:
        shape = tuple(fields[entry.name].shape)
        expected = (*shape[: 2 + d], *entry.type.tensor_shape(d))
        if len(shape) != len(expected) or shape != expected:
            raise ValueError(
                f"Field '{entry}' must have shape (trajectory, time, *grid, *tensor) "
                f"on {d} axes, got {shape}."
            )
        if min(shape[2 : 2 + d]) < 3:
            raise ValueError(
                "`data` must have at least 3 cells along each axis, got "
                f"{shape[2 : 2 + d]}."
            )
    return fields, declared, d


def _parities(
    test: Callable[..., GroupTest], declared: Signature
) -> tuple[tuple[ParityFinding, ...], tuple[TensorType, ...], tuple[str, ...]]:
    """What parity each field has, the types that fit, and what else would fit."""
    types = tuple(entry.type for entry in declared)
    declared_fit = test(types)
    whole = declared_fit.tested.order
    known = declared_fit.best if len(declared_fit.best) > 1 else frozenset()

    def held(flips: tuple[int, ...]) -> int:
        if not flips:
            return len(declared_fit.best)
        # Another parity must lose nothing, and fit well to gain: little data fit all.
        found = test(_flipped(types, flips), above=known)
        fitting = [
            len(m)
            for m in found.held
            if len(m) == len(known) or found.p_value(m) > _FITS
        ]
        return max(fitting, default=0) if found.outcomes else 0

    tried: list[tuple[int, ...]] = [()]
    for number in (1, _FLIPS_TOGETHER):
        if held(()) == whole or max(map(held, tried)) > held(()):
            # Fewest changes first: two wrong fields only if one does not explain it.
            break
        tried += itertools.combinations(range(len(types)), number)
    # Of equals the one that changes least, and scalars before vectors: velocities are
    # polar more often than not.
    best = max(
        tried,
        key=lambda flips: (
            held(flips),
            -len(flips),
            -sum(types[i].order for i in flips),
        ),
    )
    mended = _flipped(types, best)
    findings = []
    for i, entry in enumerate(declared):
        is_fixed = held(tuple(sorted(set(best) ^ {i}))) < held(best)
        fits = str(mended[i]) if is_fixed else None
        findings.append(ParityFinding(entry.name, str(entry.type), fits))
    alternatives = tuple(
        "the data fit as well with "
        + " and ".join(
            f"`{entry.name}` as {_flipped(types, flips)[i]}"
            for i, entry in enumerate(declared)
            if i in flips
        )
        for flips in tried
        if flips != best and len(flips) == len(best) and held(flips) == held(best)
    )
    return tuple(findings), mended, alternatives


def _winds(
    statistics: LocalStatistics,
    declared: Signature,
    test: Callable[..., GroupTest],
    types: tuple[TensorType, ...],
) -> tuple[str, ...]:
    """What an observer who moves with a mean of vectors would find."""
    notes = []
    d = statistics.num_spatial_dims
    for i, (entry, where) in enumerate(zip(declared, declared.slices(d), strict=True)):
        if entry.type.order != 1:
            continue
        means = statistics.means[:, where]
        mean = means.mean(axis=0)
        sizes = statistics.scales[:, i : i + 1]
        ratios = means / np.where(sizes > 0, sizes, 1.0)
        typical = np.abs(ratios.mean(axis=0))
        is_clear = typical > np.maximum(_WIND, _CLEARLY * ratios.std(axis=0))
        if (is_clear & (np.sign(means) == np.sign(mean)).all(axis=0)).any():
            inside = test(types, entry.name).group
            values = ", ".join(f"{v:.2g}" for v in mean)
            notes.append(
                f"mean of `{entry.name}` is ({values}); for an observer that moves "
                f"with it symmetric under {inside.order} elements ({inside})"
            )
    return tuple(notes)


def _flipped(
    types: tuple[TensorType, ...], flips: tuple[int, ...]
) -> tuple[TensorType, ...]:
    return tuple(
        TensorType(t.order, -t.parity) if i in flips else t  # type: ignore[arg-type]
        for i, t in enumerate(types)
    )
