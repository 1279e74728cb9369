"""Whether a model commutes with a change of units: the passive symmetry of physics."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._arguments import checked
from .._arithmetic import accumulator
from .._equivariance._products import products_in, products_in_words
from .._equivariance._tolerance import deciding_tolerance_of
from .._image import GeometricImage
from .._units import BASE_DIMENSIONS, Units, parse_dimension

FACTOR = 3.0
"""By how much each base unit is changed: no power of two, so that rounding shows."""


@checked
def units_errors(
    f: Callable[..., GeometricImage],
    x: GeometricImage,
    units: Units,
    parameters: Sequence[float] | None = None,
    *,
    factor: float = FACTOR,
) -> dict[str, float]:
    """How far `f` is from commuting with a change of each base unit.

    **Arguments:**

    - `f`: `f(x, parameters)`, or `f(x)` where no `parameters` are given, from images
        whose entries have names in `units` to such images.
    - `units`: the dimensions of the fields and parameters; its scales play no part.
    - `parameters`: those of the sample, in the order of `units.parameters`.
    - `factor`: by how much numbers grow.

    **Returns:** for each base dimension that occurs (`"M"`, `"L"`, `"T"`, …) the
    largest error of a field over that field's largest size.

    **Raises:** `ValueError` for an entry without a dimension.
    """
    y = called(f, x, parameters)
    texts = [dimension for _, dimension in (*units.fields, *units.parameters)]
    errors = {}
    for n, base in enumerate(BASE_DIMENSIONS):
        if not any(parse_dimension(text)[n] for text in texts):
            continue
        factors = {base: factor}
        given = (
            None
            if parameters is None
            else units.converted_parameters(parameters, factors)
        )
        found = called(f, units.converted(x, factors), given)
        expected = units.converted(y, factors)
        errors[base] = relative_error(found, expected)
    return errors


@checked
def assert_units_covariant(
    f: Callable[..., GeometricImage],
    x: GeometricImage,
    units: Units,
    parameters: Sequence[float] | None = None,
    *,
    tolerance: float | None = None,
    precision: str | None = "highest",
) -> None:
    """Fails unless `f` gives the same physics in any units, to rounding.

    **Arguments:** as in `units_errors`, and

    - `tolerance`: the largest relative error; by default what rounding explains.
    - `precision`: of products and convolutions, as in `assert_equivariant`.

    **Raises:** `AssertionError` that names the base unit and the error; `ValueError`
    for an entry without a dimension, or if there is no such precision.
    """
    __tracebackhide__ = True
    with products_in(precision):
        errors = units_errors(f, x, units, parameters)
        worst, excess = too_large(errors, f, x, parameters, tolerance)
    if excess:
        raise AssertionError(
            f"{type(f).__name__} depends on the units: with numbers of dimension "
            f"{worst} {FACTOR:g} times as large the relative error is "
            f"{excess}. "
            "`geomnet.Nondimensional` makes a model covariant; each parameter with a "
            "dimension must be given, not built in."
        )


def called(f: Any, x: GeometricImage, parameters: Any) -> GeometricImage:
    """`f(x, parameters)`, or `f(x)` where there are none."""
    if parameters is None:
        return f(x)
    return f(x, jnp.asarray(parameters, accumulator(x.dtype)))


def relative_error(found: GeometricImage, expected: GeometricImage) -> float:
    """The largest error of a field over that field's largest size."""
    # Not `max`, which may lose a NaN.
    relative = [
        _relative(found.array[..., where], expected.array[..., where])
        for where in expected.signature.slices(expected.num_spatial_dims)
    ]
    return float(np.max(relative))


def too_large(
    errors: dict[str, float],
    f: Any,
    x: GeometricImage,
    parameters: Any,
    tolerance: float | None,
) -> tuple[str, str]:
    """The name of the worst error, and words on it if it is beyond the tolerance.

    By default that which rounding explains of `f(x)`, products done as they are now.
    """

    def size(name: str) -> float:
        # What is no number is the worst error.
        return errors[name] if np.isfinite(errors[name]) else float("inf")

    worst = max(errors, key=size)
    allowed = tolerance
    if allowed is None:
        allowed = deciding_tolerance_of(
            lambda x: called(f, x, parameters), x, errors[worst], x.dtype
        )
    if errors[worst] <= allowed:
        return worst, ""
    text = ", ".join(f"{name}: {error:.1e}" for name, error in errors.items())
    return worst, (
        f"{errors[worst]:.1e} (tolerance {allowed:.0e}, products "
        f"{products_in_words()}; {text})"
    )


def _relative(found: Any, expected: Any) -> float:
    found, expected = (np.asarray(a, np.float64) for a in (found, expected))
    size = np.abs(expected).max()
    error = np.abs(found - expected).max()
    return float(error / size) if size else float(error)
