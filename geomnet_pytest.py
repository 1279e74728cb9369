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
        "equivariant(grid, **arguments): the test returns a model, and fails unless "
        "the model passes geomnet.testing.certify(model, grid, **arguments).",
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

    try:
        report = certify(model, *marker.args, **marker.kwargs)
    except TypeError as error:
        if marker.args or "grid" in marker.kwargs:
            raise
        raise TypeError(
            "The marker `equivariant` needs a grid, as in "
            "`@pytest.mark.equivariant(grid=(8, 8))`."
        ) from error
    worst = max(check.worst.relative for check in report.checks)
    # For reports, such as `pytest --junit-xml`.
    pyfuncitem.user_properties.append(("equivariance_error", worst))
    if not report.passed:
        pytest.fail(str(report), pytrace=False)
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
