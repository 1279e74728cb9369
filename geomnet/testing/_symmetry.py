"""`symmetry_report`: what a data set, a simulator or a model really respects."""

from collections.abc import Callable, Sequence
from typing import Any

from .._group import Group
from .._signature import Signature
from ._adapter import Map
from ._data_symmetry import data_report
from ._findings import SymmetryReport
from ._function_symmetry import function_report


def symmetry_report(
    subject: Any,
    x: Any = None,
    group: Group | None = None,
    *,
    signature: "Signature | str | None" = None,
    out_signature: "Signature | str | None" = None,
    feature_axis: int = -1,
    time_step: float | None = None,
    extent: Sequence[float] | None = None,
    at_time_step: Callable[[float], Map] | None = None,
    significance: float = 0.01,
    max_trajectories: int = 64,
    max_times: int = 8,
) -> SymmetryReport:
    """Which rotations, reflections, translations and scalings a subject respects.

    **Data:** moments of fields, slopes and changes in time are compared with those of
    the moved data. Randomisation tests over trajectories, exact whatever the
    distribution; one for each subgroup, from the largest down. A field whose parity is
    declared wrongly is found by the reflections that it spoils. Shifts are judged by
    the profiles along each axis; Galilean and scale symmetry by whether normalised
    statistics depend on the mean velocity, density and speed of sound. A verdict needs
    8 trajectories at the usual significance (a coin that falls 8 times on one side);
    fewer are "undetermined", as are data that would hide a large violation.

    **Functions** (one step of a simulator, a model): errors of each element, of shifts
    along each axis, of a boost (fields `velocity`; needs `time_step`) and of the
    scalings of mass and velocity (fields named as in compressible flow).

    **Arguments:**

    - `subject`: a data set with `fields` (of `name`, `order`, `parity`) and arrays
        `(trajectory, time, *grid, *tensor)` by name, such as `pde_data.load` gives; or
        a mapping of such arrays, with `signature`; or a callable, with `x`.
    - `x`: for a callable what it takes: see `geomnet.testing.equivariance_errors`.
    - `group`: what to test, by default every rotation and reflection of the cube.
    - `signature`, `out_signature`: what data or `x` and `f(x)` hold, if they do not
        say.
    - `time_step`: the time from `x` to `f(x)`, for a boost.
    - `extent`: the lengths of the box along each axis, by default 1.
    - `at_time_step`: the function for another time step, for the scaling of velocity.
    - `significance`: the probability of one false alarm among all elements.
    - `max_trajectories`, `max_times`: read only so many, evenly spaced.

    **Raises:** `ValueError` if a signature or group does not fit, or there are fewer
    than 4 trajectories; `TypeError` if the subject is neither data nor callable.
    """
    if callable(subject) and not hasattr(subject, "fields"):
        if x is None:
            raise ValueError(
                "`x` is needed for a function: an image, or a state with `signature`."
            )
        return function_report(
            subject,
            x,
            group,
            signature,
            out_signature,
            feature_axis,
            time_step,
            extent,
            at_time_step,
        )
    if hasattr(subject, "__getitem__"):
        return data_report(
            subject, signature, group, significance, max_trajectories, max_times
        )
    raise TypeError(
        "`subject` must be a data set, a mapping of arrays or a callable, got "
        f"{type(subject).__name__}."
    )
