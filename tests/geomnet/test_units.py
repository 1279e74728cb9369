"""Units of each sample's own: dimensions, scales and what is normal in them."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import geomnet as gn
from geomnet._units import parse_dimension

FLOW = gn.Signature("density:0+ pressure:0+ velocity:1+")
GIVEN = {"cell": 0.25, "time_step": 0.1, "shear_viscosity": 0.02}


def frames(trajectories=3, times=4, grid=(4, 3)):
    rng = np.random.default_rng(0)
    array = rng.normal(size=(trajectories, times, *grid, 4)).astype(np.float32)
    array[..., :2] = 3 + 0.1 * array[..., :2]
    return array


def test_dimensions_are_read_as_exponents():
    assert parse_dimension("M L^-1 T^-2")[:3] == (1, -1, -2)
    assert parse_dimension("L^1/2 L") == (0, Fraction(3, 2), 0, 0, 0)
    assert not any(parse_dimension("1"))
    for wrong in ("kg", "M/L", "m", "M^x", "M^1.5"):
        with pytest.raises(ValueError, match="is no dimension"):
            parse_dimension(wrong)


def test_the_scales_of_a_flow_are_what_they_are_called():
    image = gn.GeometricImage(FLOW, frames()[0, 0])
    units = gn.flow_units()
    parameters = jnp.asarray(units.given(GIVEN))
    density, pressure, cell = units.scale_values(image, parameters)
    array = np.asarray(image.array, np.float64)
    np.testing.assert_allclose(density, array[..., 0].mean(), rtol=1e-6)
    np.testing.assert_allclose(pressure, array[..., 1].mean(), rtol=1e-6)
    assert cell == 0.25
    values = (density, pressure, cell)
    sound = np.sqrt(pressure / density)
    np.testing.assert_allclose(units.unit("L T^-1", values), sound, rtol=1e-6)
    np.testing.assert_allclose(units.unit("T", values), cell / sound, rtol=1e-6)
    viscosity = density * sound * cell
    found = units.unit("M L^-1 T^-1", values)
    np.testing.assert_allclose(found, viscosity, rtol=1e-6)
    assert units.numbers == ("time_step", "shear_viscosity")


def test_the_size_of_a_tensor_is_that_of_its_norm():
    units = gn.Units({"u": "L T^-1"}, ("rms u", "cell"), {"cell": "L"})
    image = gn.GeometricImage("u:1+", np.tile([3.0, 4.0], (2, 2, 1)).astype("f"))
    assert float(units.scale_values(image, jnp.asarray([1.0]))[0]) == 5.0


POWERS = st.integers(-3, 3)


@settings(max_examples=50, deadline=None)
@given(st.tuples(POWERS, POWERS, POWERS), st.tuples(POWERS, POWERS, POWERS))
def test_a_unit_grows_as_its_dimension_says(exponents, doublings):
    """For every dimension and every change of units by powers of two: exactly."""
    dimension = "M^{} L^{} T^{}".format(*exponents)
    units = gn.Units(
        {"density": "M L^-3", "u": "L T^-1", "x": dimension},
        ("mean density", "rms u", "cell"),
        {"cell": "L"},
    )
    growth = dict(zip("MLT", (2.0**n for n in doublings), strict=True))
    values = [jnp.float32(x) for x in (1.3, 0.7, 0.11)]
    grown = [
        value * np.float32(np.prod([growth[b] ** e for b, e in powers.items()]))
        for value, powers in zip(
            values, ({"M": 1, "L": -3}, {"L": 1, "T": -1}, {"L": 1}), strict=True
        )
    ]
    expected = np.prod(
        [growth[b] ** float(e) for b, e in zip("MLT", exponents, strict=True)]
    )
    found = float(units.unit(dimension, grown) / units.unit(dimension, values))
    assert found == expected


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: gn.Units({"u": "L T^-1"}, ("rms u",), {"cell": "L"}),
            "can't measure 'cell' of dimension 'L'",
        ),
        (
            lambda: gn.Units({"u": "L T^-1", "v": "L T^-1"}, ("rms u", "rms v")),
            "not independent",
        ),
        (lambda: gn.Units({"u": "L T^-1"}, ("size u",)), "'size u' is none"),
        (lambda: gn.Units({"u": "metre"}, ("rms u",)), "is no dimension"),
        (lambda: gn.Units({"u": 3}, ("rms u",)), "must map names to dimensions"),
        (lambda: gn.flow_units("gravity"), "got 'gravity'"),
        (
            lambda: gn.Units({"u": "L T^-1"}, ("rms u",)).unit("M", (jnp.ones(()),)),
            "`dimension` 'M' is no product of powers",
        ),
        (lambda: gn.flow_units().given({"cell": 1.0}), "`parameters` must be"),
        (
            lambda: gn.flow_units().given({**GIVEN, "shear_viscosity": 0.0}),
            "'shear_viscosity' must be positive",
        ),
        (
            lambda: gn.fit_unit_normaliser(
                gn.flow_units(),
                "density:0+ pressure:0+ 1+",
                frames(),
                GIVEN,
            ),
            "has no dimension: give it a name",
        ),
        (
            lambda: gn.fit_unit_normaliser(gn.flow_units(), FLOW, -frames(), GIVEN),
            "not all positive in trajectory 0",
        ),
        (
            lambda: gn.fit_unit_normaliser(
                gn.flow_units(), FLOW, frames(), {**GIVEN, "cell": [1.0, 2.0]}
            ),
            "one for each of 3 trajectories",
        ),
        (
            lambda: gn.flow_units().converted(
                gn.GeometricImage("0+", np.ones((2, 2, 1), "f"), 2), {"M": 2.0}
            ),
            "has no dimension",
        ),
    ],
)
def test_what_has_no_meaning_is_refused(make, words):
    with pytest.raises((ValueError, TypeError), match=words):
        make()


def test_the_mean_of_a_vector_is_no_scale():
    units = gn.Units({"u": "L T^-1"}, ("mean u", "cell"), {"cell": "L"})
    with pytest.raises(ValueError, match="take 'rms u'"):
        units.check_signature(gn.Signature("u:1+"))


def test_normalised_frames_and_numbers_have_unit_variance():
    array = frames(6) * np.logspace(-2, 2, 6, dtype="f")[:, None, None, None, None]
    viscosities = np.logspace(-3, -1, 6)
    given = {**GIVEN, "shear_viscosity": viscosities}
    normaliser = gn.fit_unit_normaliser(gn.flow_units(), FLOW, array, given)

    def normal(frame, viscosity):
        image = gn.GeometricImage(FLOW, frame)
        row = jnp.stack([jnp.float32(0.25), jnp.float32(0.1), viscosity])
        own = normaliser.own_units(image, row)
        inside = own.normalise(image)
        return inside.array, own.restore(inside).array, own.numbers

    every = jax.vmap(jax.vmap(normal, (0, None)))
    inside, back, numbers = every(array, viscosities.astype("f"))
    np.testing.assert_allclose(back, array, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(np.std(inside[..., 0]), 1, rtol=1e-3)
    np.testing.assert_allclose(np.sqrt(np.mean(inside[..., 2:] ** 2)), 1, rtol=1e-3)
    # Viscosities and densities both grow by decades.
    np.testing.assert_allclose(np.std(numbers[..., 1]), 1, rtol=1e-3)


def test_a_number_that_never_varies_is_told_as_nearly_zero():
    normaliser = gn.fit_unit_normaliser(
        gn.Units({"u": "L T^-1"}, ("rms u", "cell"), {"cell": "L"}),
        "u:1+",
        frames()[..., 2:],
        {"cell": 0.5},
    )
    assert normaliser.number_means == ()
    assert normaliser.number_scales == ()
