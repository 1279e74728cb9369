"""A model in units of its sample's own is covariant to every change of units."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.testing import (
    assert_equivariant,
    assert_units_covariant,
    perturb,
    units_errors,
)

SQUARE = gn.hyperoctahedral(2)
FLOW = gn.Signature("density:0+ pressure:0+ velocity:1+")
UNITS = gn.flow_units()
GIVEN = {"cell": 0.25, "time_step": 0.1, "shear_viscosity": 0.02}
ROW = UNITS.given(GIVEN)


def frames(dtype="float32", times=3, grid=(4, 6)):
    rng = np.random.default_rng(0)
    array = rng.normal(size=(2, times, *grid, 4))
    array[..., :2] = 3 + 0.1 * array[..., :2]
    return array.astype(dtype)


def history(dtype="float32"):
    image = gn.GeometricImage(FLOW, jnp.asarray(frames(dtype)[0]), 2)
    return gn.stack_frames(image, 2)


NORMALISER = gn.fit_unit_normaliser(UNITS, FLOW, frames(), GIVEN)


def inner(numbers="numbers:2x0+", dtype=None, **options):
    source = 2 * FLOW + gn.Signature(numbers) if numbers else 2 * FLOW
    build = gn.ResUNet if "num_parameters" in options else gn.UNet
    return gn.Residual(
        build(
            SQUARE,
            source,
            FLOW,
            hidden="2x0+ 2x1+",
            depth=1,
            key=jax.random.key(0),
            dtype=dtype,
            **options,
        )
    )


def conditioned(dtype=None):
    return inner("", dtype, num_parameters=2, num_blocks=1)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(inner, id="channels", marks=pytest.mark.slow),
        pytest.param(conditioned, id="parameters"),
    ],
)
def test_powers_of_two_are_bit_for_bit(make):
    """Density by 2, length by 4, time by 8: pressure and viscosity grow along."""
    net = perturb(gn.Nondimensional(make(), NORMALISER), key=jax.random.key(1))
    run = eqx.filter_jit(net)
    factors = {"M": 2.0 * 4**3, "L": 4.0, "T": 8.0}
    x, row = history(), jnp.asarray(ROW)
    there = UNITS.converted(x, factors)
    given = jnp.asarray(UNITS.converted_parameters(ROW, factors))
    found = run(there, given).array
    expected = UNITS.converted(run(x, row), factors).array
    assert np.array_equal(found, expected)
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    "dtype", [pytest.param("float32", marks=pytest.mark.slow), "float64"]
)
def test_any_change_of_units_together_with_the_group(dtype):
    with jax.enable_x64(dtype == "float64"):
        net = gn.Nondimensional(inner(dtype=dtype), NORMALISER)
        net = perturb(net, key=jax.random.key(1))
        assert_units_covariant(eqx.filter_jit(net), history(dtype), UNITS, ROW)
        own = gn.Nondimensional(net.model, NORMALISER, ROW)
        assert_equivariant(own, history(dtype), shift=2)


def test_a_bare_model_depends_on_its_units():
    bare = perturb(inner(""), key=jax.random.key(1))
    errors = units_errors(bare, history(), UNITS)
    assert set(errors) == {"M", "L", "T"}
    assert min(errors.values()) > 1e-2
    with pytest.raises(AssertionError, match="depends on the units"):
        assert_units_covariant(bare, history(), UNITS)


def test_a_field_that_is_no_number_is_an_error_not_none():
    """Whichever field it is: the largest of numbers and NaN is NaN."""
    for field in range(len(FLOW)):
        where = FLOW.slices(2)[field]

        def spoilt(x, row, where=where):
            y = inner("")(x)
            return y.with_array(y.array.at[..., where].set(jnp.nan))

        assert np.isnan(
            list(units_errors(spoilt, history(), UNITS, ROW).values())
        ).all()
        with pytest.raises(AssertionError, match="depends on the units"):
            assert_units_covariant(spoilt, history(), UNITS, ROW)


def test_parameters_that_are_built_in_break_the_change_of_units():
    """They stay what they were while the fields change: only the mass is no matter of
    the time step, and it is one of the viscosity.
    """
    net = perturb(gn.Nondimensional(inner(), NORMALISER, ROW), key=jax.random.key(1))
    with pytest.raises(AssertionError, match="must be given, not built in"):
        assert_units_covariant(net, history(), UNITS)


def test_given_and_built_in_parameters_are_the_same():
    net = gn.Nondimensional(inner(), NORMALISER)
    own = gn.Nondimensional(net.model, NORMALISER, ROW)
    given = jnp.asarray(ROW)
    np.testing.assert_array_equal(net(history(), given).array, own(history()).array)


def test_the_numbers_matter():
    net = perturb(gn.Nondimensional(inner(), NORMALISER), key=jax.random.key(1))
    other = UNITS.given({**GIVEN, "time_step": 0.2})
    a, b = (net(history(), jnp.asarray(row)).array for row in (ROW, other))
    assert not np.allclose(a, b, rtol=1e-4)


@pytest.mark.slow
def test_twins_and_rollouts_go_through():
    net = gn.Nondimensional(inner(), NORMALISER, ROW)
    twin = gn.twin(net, key=jax.random.key(3))
    assert twin.group == gn.trivial(2)
    assert twin.in_signature == 2 * FLOW
    assert_units_covariant(
        eqx.filter_jit(gn.Nondimensional(twin.model, NORMALISER)),
        history(),
        UNITS,
        ROW,
    )
    frames = gn.training.rollout(net, history(), 2)
    assert frames.array.shape == (2, 4, 6, 4)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: gn.Nondimensional(inner(""), NORMALISER), "must take 2 numbers"),
        (
            lambda: gn.Nondimensional(inner("numbers:3x0+"), NORMALISER),
            "it takes 'numbers:3x0\\+'",
        ),
        (
            lambda: gn.Nondimensional(inner(), NORMALISER, (1.0,)),
            "must hold 3 numbers, in the order of",
        ),
        (
            lambda: gn.Nondimensional(inner(), NORMALISER)(history()),
            "are missing: call",
        ),
        (
            lambda: gn.Nondimensional(inner(), NORMALISER)(history(), jnp.ones(2)),
            "must hold 3 numbers",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def totals(image, gamma):
    density, pressure, velocity = (
        np.asarray(
            image[name][..., 0] if name != "velocity" else image[name][..., 0, :]
        )
        for name in FLOW.names
    )
    momentum = (density[..., None] * velocity).mean((0, 1))
    kinetic = 0.5 * density * (velocity**2).sum(-1)
    return density.mean(), momentum, (pressure / (gamma - 1) + kinetic).mean()


@pytest.mark.slow
def test_conserving_keeps_mass_momentum_and_energy():
    with jax.enable_x64(True):
        net = gn.Nondimensional(inner(dtype="float64"), NORMALISER, ROW)
        net = perturb(net, key=jax.random.key(1))
        x = history("float64")
        before = totals(gn.latest_frame(x, FLOW), 1.4)
        after = totals(gn.Conserving(net, 1.4)(x), 1.4)
        for a, b in zip(before, after, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
        without = totals(net(x), 1.4)
        assert abs(without[0] - before[0]) > 1e-3
        assert_equivariant(gn.Conserving(net, 1.4), x, shift=2)


def test_conserving_is_covariant_to_units():
    net = gn.Conserving(gn.Nondimensional(inner(), NORMALISER), 1.4)
    net = perturb(net, key=jax.random.key(1))
    assert_units_covariant(eqx.filter_jit(net), history(), UNITS, ROW)


def test_conserving_needs_the_fields_of_a_flow():
    with pytest.raises(ValueError, match="must predict density:0"):
        gn.Conserving(gn.Persistence(2 * gn.Signature("u:1+"), "u:1+"), 1.4)
    with pytest.raises(ValueError, match="gamma"):
        gn.Conserving(gn.Persistence(2 * FLOW, FLOW), 1.0)


def test_own_units_refuse_a_field_that_has_none():
    own = NORMALISER.own_units(history(), jnp.asarray(ROW))
    with pytest.raises(ValueError, match="has no unit"):
        own.normalise(gn.GeometricImage("0+", np.ones((2, 2, 1), "f"), 2))
    assert dataclasses.is_dataclass(NORMALISER)
    assert hash(NORMALISER)
