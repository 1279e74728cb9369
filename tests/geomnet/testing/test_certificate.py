"""What a certificate says of models that fail, of arrays and of coarser grids."""

import json
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.testing import assert_equivariant, certify

from .small_models import SQUARE, Pair, random_array

LINE = gn.hyperoctahedral(1)


class Same(eqx.Module):
    def __call__(self, x):
        return x


def failed(model: Any, **arguments: Any):
    """A certificate on a line of four cells, which is not passed."""
    given = {"group": LINE, "in_signature": "0+"} | arguments
    report = certify(model, (4,), (), **given)
    assert not report.passed
    assert (
        str(report)
        .splitlines()[0]
        .endswith("DOES NOT COMMUTE with hyperoctahedral(1), 2 elements")
    )
    return report


def rolled(image):
    return image.with_array(jnp.roll(image.array, 1, 0))


def test_code_in_front_of_a_layer_is_blamed_on_who_calls_it():
    class Rolls(eqx.Module):
        inner: Same

        def __call__(self, image):
            return self.inner(rolled(image))

    def guilty(report):
        found = report.checks[0].guilty
        assert found is not None
        return found.path

    assert guilty(failed(Rolls(Same()))) == "Rolls"
    # A function has no layer around: the first that is given a wrong image is named.
    layer = Same()
    report = failed(lambda image: layer(rolled(image)))
    assert guilty(report) == "layer"
    assert "`layer` (Same), error" in str(report)


def test_the_guilty_line_is_named_where_there_are_no_layers():
    def ramp(image):
        return image.with_array(image.array * jnp.arange(4.0)[:, None])

    report = failed(ramp)
    line = ramp.__code__.co_firstlineno + 1
    assert report.checks[0].guilty is None
    assert f". First guilty line: test_certificate.py:{line}" in str(report)
    assert "commutes with none that is a power of two" in str(report)


def test_right_layers_leave_the_element_and_the_place():
    layer = Same()
    (check,) = failed(lambda image: rolled(layer(image))).checks
    assert check.guilty is None
    assert check.line == ""
    last = str(failed(lambda image: rolled(layer(image))))
    assert "first failure, as given: g = [[-1]], entry '0+', cell (" in last
    assert "guilty" not in last


def test_casts_inside_are_told_and_not_passed():
    def low(image):
        return image.with_array(image.array.astype(jnp.bfloat16).astype(jnp.float32))

    report = failed(low)
    assert all(check.passed for check in report.checks)
    line = low.__code__.co_firstlineno + 1
    words = f"float32 -> bfloat16 at test_certificate.py:{line}"
    assert f"computes with fewer bits than it is given: {words}" in str(report)
    assert json.loads(report.to_json())["casts"] == [words]


def test_a_model_that_halves_the_grid_commutes_with_even_shifts():
    """Of the output by whole cells; an odd shift would move it by half of one."""

    def halved(image):
        return image.with_array(image.array.reshape(-1, 2, 1).mean(axis=1))

    report = certify(halved, (8,), (), group=LINE, in_signature="0+")
    assert report.translation == 2
    assert "commutes with shifts by 2 cells" in str(report)


@pytest.mark.parametrize("axis", [0, -1])
def test_a_model_of_arrays_has_its_features_where_it_says(axis):
    def norm(a):
        size = jnp.sqrt(jnp.square(a).sum(axis, keepdims=True))
        return a * size

    arguments: dict[str, Any] = {"in_signature": "1+", "feature_axis": axis}
    report = certify(norm, (4, 4), (), group=SQUARE, **arguments)
    assert report.passed
    assert [check.grid for check in report.checks] == [(4, 4), (4, 8)]

    def by_components(a):
        return a * jnp.abs(a)

    x = np.moveaxis(random_array(4, 4, 2), -1, axis)
    assert_equivariant(by_components, x, SQUARE, **arguments)
    first = jnp.asarray([1.0, 2.0]).reshape((2, 1, 1) if axis == 0 else 2)
    report = certify(lambda a: a * first, (4, 4), (), group=SQUARE, **arguments)
    assert not report.passed


def test_an_array_has_no_other_axes_for_features():
    arguments: dict[str, Any] = {"group": SQUARE, "in_signature": "0+"}
    for axis in (3, -4):
        with pytest.raises(ValueError, match=rf"an array .* of 3, got {axis}"):
            certify(jnp.sin, (4, 4), (), feature_axis=axis, **arguments)


@pytest.mark.parametrize(
    ("model", "grid", "message"),
    [
        (3, (4, 4), "`model` must be a function of images, got 3"),
        (Same(), 4, "`grid` must be a sequence.*, got 4"),
        (Same(), (), "`grid` must hold the cells along each axis"),
        (Same(), ["ab"], r"`grid` must be a sequence.*, got \['ab'\]"),
    ],
)
def test_models_and_grids_of_another_kind_are_refused(model, grid, message):
    with pytest.raises(TypeError, match=message):
        certify(model, grid, (), group=SQUARE, in_signature="0+")


@pytest.mark.usefixtures("no_type_checks")
def test_sides_may_be_integers_of_numpy():
    grid: Any = np.array([4, 6])
    for given in (grid, tuple(grid), [tuple(grid)]):
        report = certify(
            Pair(Same(), Same()), given, (), group=gn.trivial(2), in_signature="0+"
        )
        assert report.checks[0].grid == (4, 6)
        json.loads(report.to_json())


def test_a_tolerance_of_ones_own_decides_alone():
    def uneven(a):
        return a * (1 + 1e-3 * jnp.arange(4.0)[:, None])

    arguments: dict[str, Any] = {"group": LINE, "in_signature": "0+"}
    x = jax.random.normal(jax.random.key(0), (4, 1))
    assert_equivariant(uneven, x, tolerance=1e-2, **arguments)
    with pytest.raises(AssertionError, match=r"\(tolerance 1e-04"):
        assert_equivariant(uneven, x, tolerance=1e-4, **arguments)
