"""All metrics of a set of rollouts in one call."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Array

from .._arguments import checked, checked_positive
from .._image import GeometricImage
from .._normaliser import Normaliser
from ._conservation import drift, nonpositive_share
from ._correlation import check_threshold, correlation, steps_above
from ._errors import nrmse, nrmse_per_field, smse, vrmse
from ._fields import (
    all_fields,
    check_image,
    check_pair,
    chosen_fields,
    vector_values,
)
from ._helmholtz import helmholtz_error
from ._rollout_report import RolloutReport
from ._spectrum import energy_ratio, energy_spectrum, spectral_error, wave_numbers
from ._spread import checked_spread, finite_frames
from ._waves import Sides, sides_of

# Metrics that have a value for every finite prediction, or the truth is at fault.
_DEFINED = ("vrmse", "nrmse", "correlation")


@checked
def report(
    predicted: GeometricImage,
    true: GeometricImage,
    *,
    normaliser: Normaliser | None = None,
    gamma: float | None = None,
    spacing: Any = 1.0,
    time_step: float = 1.0,
    threshold: float = 0.8,
    fields: str | Sequence[str] | None = None,
    velocity: str | None = None,
    density: str = "density",
    pressure: str = "pressure",
) -> RolloutReport:
    """Every metric of a set of rollouts, for each trajectory and step.

    One trajectory at a time is on the device. The grid is taken for periodic where
    there are spectra.

    **Arguments:**

    - `predicted`, `true`: images whose arrays are `(trajectories, steps, *grid,
        features)`: step 1 is the first prediction.
    - `normaliser`: in whose units both are. The SMSE is in these units; drift, energies
        and ratios of norms in those of the data. Without one all is in the units of the
        images.
    - `gamma`: the ratio of specific heats; with it the drift of mass, momentum and
        energy is measured, from the first true frame.
    - `spacing`: the side of a cell, or one for each axis.
    - `time_step`: the time from frame to frame.
    - `threshold`: of the correlation, for the correlation time.
    - `fields`: those that have errors of their own; by default all.
    - `velocity`: the vector that has spectra; by default `"velocity"`, or the only
        vector there is. Without a vector there are no spectra.
    - `density`, `pressure`: the names of the scalars that must be above zero; a
        signature without them has no such metric, unless `gamma` is given.

    **Raises:** `ValueError` if signatures or shapes differ, the prediction has more
    steps than the truth, there is no such field, or a metric has no value since a true
    field is constant in space.
    """
    _check_rollouts(predicted, true, normaliser)
    checked_positive("time_step", time_step)
    check_threshold(threshold)
    names = tuple(chosen_fields(true.signature, fields))
    vector = _vector(true, velocity)
    positive = [n for n in (density, pressure) if n in all_fields(true.signature)]
    sides = sides_of(spacing, true.num_spatial_dims)
    flow = None
    if gamma is not None:
        flow = {"gamma": gamma, "density": density, "pressure": pressure}
        flow |= {"velocity": vector or "velocity"}
    parts, energies = [], []
    for number in range(len(true.array)):
        pair = [_one(predicted, number), _one(true, number)]
        part: dict[str, Any] = {"smse": smse(pair[0], pair[1])}
        if normaliser is not None:
            pair = [x.with_array(normaliser.restore(x.array)) for x in pair]
        found, known = pair
        part |= _relative_errors(found, known, names)
        part |= _physics(found, known, positive, flow)
        if vector is not None:
            part |= _of_vector(found, known, vector, sides)
            energies.append(_energies(found, known, vector, sides))
        parts.append({name: np.asarray(value) for name, value in part.items()})
    series = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    _check_defined(series, predicted, true)
    true_spectrum, predicted_spectrum, ratio = (
        map(np.stack, zip(*energies, strict=True)) if energies else (None,) * 3
    )
    return RolloutReport(
        series=series,
        correlation_times={
            name: time_step * np.asarray(steps_above(series[key], threshold))
            for name, key in ((name, f"correlation {name}") for name in names)
        },
        time_step=float(time_step),
        threshold=float(threshold),
        vector=vector,
        wave_numbers=wave_numbers(true.grid, spacing=spacing),
        octaves=wave_numbers(true.grid, spacing=spacing, bins="octaves"),
        true_spectrum=true_spectrum,
        predicted_spectrum=predicted_spectrum,
        energy_ratio=ratio,
    )


def _relative_errors(
    predicted: GeometricImage, true: GeometricImage, names: tuple[str, ...]
) -> dict[str, Array]:
    result = {"nrmse": nrmse(predicted, true)}
    for metric, label in (
        (nrmse_per_field, "nrmse"),
        (vrmse, "vrmse"),
        (correlation, "correlation"),
    ):
        values = metric(predicted, true, names)
        result |= {f"{label} {name}": value for name, value in values.items()}
    return result


def _physics(
    predicted: GeometricImage,
    true: GeometricImage,
    positive: Sequence[str],
    flow: dict[str, Any] | None,
) -> dict[str, Array]:
    result = {}
    if positive:
        shares = nonpositive_share(predicted, positive)
        result |= {f"share not positive {name}": x for name, x in shares.items()}
    if flow is not None:
        first = true.with_array(true.array[0])
        for label, frames in (("drift", predicted), ("true drift", true)):
            drifts = drift(frames, reference=first, **flow)
            result |= {f"{label} {name}": value for name, value in drifts.items()}
    return result


def _of_vector(
    predicted: GeometricImage, true: GeometricImage, vector: str, sides: Sides
) -> dict[str, Array]:
    bands = spectral_error(predicted, true, vector, spacing=sides)
    parts = helmholtz_error(predicted, true, vector, spacing=sides)
    return {f"spectral error {name}": value for name, value in bands.items()} | {
        f"{name} error": value for name, value in parts.items()
    }


def _energies(
    predicted: GeometricImage, true: GeometricImage, vector: str, sides: Sides
) -> tuple[np.ndarray, ...]:
    """True and predicted spectrum, and the ratio by octaves."""
    return (
        np.asarray(energy_spectrum(true, vector, spacing=sides)),
        np.asarray(energy_spectrum(predicted, vector, spacing=sides)),
        np.asarray(energy_ratio(predicted, true, vector, spacing=sides)),
    )


def _check_rollouts(
    predicted: GeometricImage, true: GeometricImage, normaliser: Normaliser | None
) -> None:
    for name, image in (("predicted", predicted), ("true", true)):
        check_image(name, image)
        if image.array.ndim != image.num_spatial_dims + 3 or not image.array.size:
            raise ValueError(
                f"`{name}` must have shape (trajectories, steps, *grid, features), got "
                f"{image.array.shape}. One rollout is `image.array[None]`."
            )
    steps, known = predicted.array.shape[1], true.array.shape[1]
    if steps > known:
        raise ValueError(
            f"`predicted` has {steps} steps, `true` {known}: cut the prediction, "
            f"`predicted.with_array(predicted.array[:, :{known}])`, or read more "
            "of the truth."
        )
    check_pair(predicted, true)
    if normaliser is not None and normaliser.signature != true.signature:
        raise ValueError(
            f"`normaliser` is of '{normaliser.signature}', the rollouts are "
            f"'{true.signature}': name the same fields in both."
        )


def _check_defined(
    series: dict[str, np.ndarray], predicted: GeometricImage, true: GeometricImage
) -> None:
    """Refuse a truth to which nothing can be relative."""
    finite = finite_frames(predicted) & finite_frames(true)
    for name, values in series.items():
        if name.split()[0] in _DEFINED:
            checked_spread(values, finite, name)


def _vector(image: GeometricImage, name: str | None) -> str | None:
    """The vector that has spectra, if there is one."""
    if name is not None:
        vector_values(image, name, "velocity")
        return name
    vectors = [n for n, f in all_fields(image.signature).items() if f[2].order == 1]
    if "velocity" in vectors:
        return "velocity"
    if len(vectors) > 1:
        raise ValueError(
            f"`velocity` must say which of {', '.join(vectors)} has spectra."
        )
    return vectors[0] if vectors else None


def _one(image: GeometricImage, number: int) -> GeometricImage:
    return image.with_array(image.array[number])
