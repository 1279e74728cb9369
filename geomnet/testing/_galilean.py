"""Whether a model commutes with a uniform motion of its observer."""

from collections.abc import Callable, Sequence

import jax.numpy as jnp

from .._arguments import check_number, checked, checked_positive
from .._equivariance._products import products_in
from .._image import GeometricImage
from .._moving_frame import boosted_frame, boosted_history, check_velocity
from ._units import called, relative_error, too_large


@checked
def galilean_errors(
    f: Callable[..., GeometricImage],
    x: GeometricImage,
    speed: float,
    parameters: Sequence[float] | None = None,
    *,
    velocity: str = "velocity",
    cells: float = 1.0,
) -> dict[str, float]:
    """How far `f` is from commuting with a uniform velocity added along each axis.

    The frames of a periodic history are moved by what they are carried in a time step,
    and so is the prediction; all fields but the velocity stay what they are.

    **Arguments:**

    - `f`: `f(x, parameters)`, or `f(x)` where no `parameters` are given, from a history
        `n * flow` to the next frame, `flow`.
    - `x`: a history of periodic frames.
    - `speed`: the velocity that carries by one cell in a time step: `cell / time_step`.
    - `parameters`: those of the sample, as `f` takes them.
    - `velocity`: names the vector that grows.
    - `cells`: by how many the added velocity carries. Whole numbers are exact on every
        grid; others on odd sides, or where nothing has waves of two cells.

    **Returns:** for each axis (`"x"`, `"y"`, …) the largest error of a field over that
    field's largest size.

    **Raises:** `ValueError` if the history holds no such frames, there is no such
    vector, or the speed is not positive.
    """
    checked_positive("speed", speed)
    check_number("cells", cells)
    y = called(f, x, parameters)
    frame, d = y.signature, x.num_spatial_dims
    times = x.signature.entries[0].channels // frame.entries[0].channels
    if times < 1 or not x.signature.agrees_with(times * frame):
        raise ValueError(
            f"`x` must be a history of frames of what `f` gives, `n * Signature("
            f"'{frame}')`, got '{x.signature}'."
        )
    check_velocity(frame, velocity)
    x = GeometricImage(times * frame, x.array, d)
    errors = {}
    for axis in range(d):
        moved = jnp.zeros(d, x.dtype).at[axis].set(cells)
        boosted = boosted_history(x, frame, velocity, speed * moved, moved)
        found = called(f, boosted, parameters)
        expected = boosted_frame(y, velocity, speed * moved, moved)
        errors["xyz"[axis]] = relative_error(found, expected)
    return errors


@checked
def assert_galilean_covariant(
    f: Callable[..., GeometricImage],
    x: GeometricImage,
    speed: float,
    parameters: Sequence[float] | None = None,
    *,
    velocity: str = "velocity",
    cells: float = 1.0,
    tolerance: float | None = None,
    precision: str | None = "highest",
) -> None:
    """Fails unless `f` gives the same physics to every observer in uniform motion.

    **Arguments:** as in `galilean_errors`, and

    - `tolerance`: the largest relative error; by default what rounding explains.
    - `precision`: of products and convolutions, as in `assert_equivariant`.

    **Raises:** `AssertionError` that names the axis and the error; `ValueError` as
    `galilean_errors`.
    """
    __tracebackhide__ = True
    with products_in(precision):
        errors = galilean_errors(
            f, x, speed, parameters, velocity=velocity, cells=cells
        )
        worst, excess = too_large(errors, f, x, parameters, tolerance)
    if excess:
        raise AssertionError(
            f"{type(f).__name__} depends on the observer: with a velocity of "
            f"{cells * speed:g} added along {worst}, {cells:g} cells a time step, the "
            f"relative error is {excess}. "
            "`geomnet.Galilean` makes a model of periodic flows covariant."
        )
