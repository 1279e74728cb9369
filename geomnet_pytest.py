"""The pytest plugin of geomnet, found by pytest once geomnet is installed.

A module of its own outside of the package: pytest loads it at every start, and must not
import JAX, nor geomnet before others have put their import hooks in place.
"""

from collections.abc import Callable
from typing import Any

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker `equivariant`."""
    config.addinivalue_line(
        "markers",
        "equivariant(grid, **arguments): the test returns a model, which is any "
        "callable, and fails unless the model passes geomnet.testing.certify(model, "
        "grid, **arguments). What the model does not say of itself is said here: "
        "group=, in_signature=, and for a model of arrays feature_axis=.",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Certifies what a test marked `equivariant` returns."""
    marker = pyfuncitem.get_closest_marker("equivariant")
    if marker is None:
        return None
    names = pyfuncitem._fixtureinfo.argnames
    model = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    if model is None:
        pytest.fail(
            f"{pyfuncitem.name} is marked `equivariant` but returns nothing: let it "
            "return the model to check.",
            pytrace=False,
        )
    from geomnet.testing import certify

    if not marker.args and "grid" not in marker.kwargs:
        pytest.fail(
            f"{pyfuncitem.name}: the marker `equivariant` needs a grid, as in "
            "`@pytest.mark.equivariant(grid=(8, 8))`.",
            pytrace=False,
        )
    try:
        report = certify(model, *marker.args, **marker.kwargs)
    except Exception as error:
        if isinstance(error, TypeError | ValueError) and _is_refusal(error):
            pytest.fail(f"{pyfuncitem.name}: {error}", pytrace=False)
        if "feature_axis" not in marker.kwargs:
            error.add_note(
                "The model was given a GeometricImage. For a model of arrays say "
                "`feature_axis=0` (channels first) or `feature_axis=-1` in the marker, "
                "and what they hold in `in_signature=`."
            )
        raise
    worst = max(check.worst.relative for check in report.checks)
    # For reports, such as `pytest --junit-xml`.
    pyfuncitem.user_properties.append(("equivariance_error", worst))
    if not report.passed:
        pytest.fail(str(report), pytrace=False)
    return True


def _is_refusal(error: Exception) -> bool:
    """Whether geomnet refuses an argument: no code of the user's or JAX's has run."""
    frame = error.__traceback__.tb_next if error.__traceback__ else None
    while frame is not None:
        if not frame.tb_frame.f_globals.get("__name__", "").startswith("geomnet"):
            return False
        frame = frame.tb_next
    return True


@pytest.fixture
def assert_equivariant() -> Callable[..., None]:
    """`geomnet.testing.assert_equivariant`, for tests that do not import geomnet."""
    from geomnet import testing

    return testing.assert_equivariant


@pytest.fixture
def certify() -> Callable[..., Any]:
    """`geomnet.testing.certify`, for tests that do not import geomnet."""
    from geomnet import testing

    return testing.certify
