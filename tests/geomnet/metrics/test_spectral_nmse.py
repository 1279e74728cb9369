"""The loss that weighs octaves alike; slopes of metrics where nothing is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.metrics import (
    drift,
    energy_spectrum,
    helmholtz_error,
    nmse,
    nrmse,
    spectral_error,
    spectral_nmse,
    vrmse,
)

FLOW = gn.Signature("density:0+ velocity:1+")
GAS = gn.Signature("density:0+ pressure:0+ velocity:1+")


def waves(grid, amplitudes, dtype="float32"):
    """A density of one wave along x for each number; a constant velocity."""
    x = 2 * np.pi * np.arange(grid[0]) / grid[0]
    density = 7 + sum(
        (a * np.cos(m * x) for m, a in amplitudes.items()), np.zeros(grid[0])
    )
    array = np.ones((*grid, 3))
    array[..., 0] = density.reshape(-1, 1)
    return gn.GeometricImage(FLOW, jnp.asarray(array, dtype), 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_single_waves_by_hand(dtype):
    """Octaves of 16 cells a side: waves 1, 2-3, 4-7 and 8 to the corners."""
    with jax.enable_x64(dtype == "float64"):
        true = waves((16, 16), {1: 1.0, 2: 0.1, 5: 0.01}, dtype)
        wrong = waves((16, 16), {1: 1.5, 2: 0.1, 5: 0.0}, dtype)
        rtol = 1e-3 if dtype == "float32" else 1e-10
        # Half of the first is wrong, nothing of the second, all of the third, whose
        # energy is below a thousandth of the whole; in the fourth nothing is.
        whole = 1 + 0.1**2 + 0.01**2
        expected = (0.25 + 0 + 0.01**2 / (1e-3 * whole)) / 4
        found = spectral_nmse(wrong, true, "density")
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=rtol)
        found = spectral_nmse(wrong, true, "density", floor=1e-5)
        np.testing.assert_allclose(found, (0.25 + 1) / 4, rtol=rtol)
        # The constant velocity counts nothing, however wrong.
        wrong = wrong.with_array(wrong.array.at[0, 0, 1].add(1.0))
        found = spectral_nmse(wrong, true, floor=1e-5)
        np.testing.assert_allclose(found, (0.25 + 1) / 8, rtol=rtol)


def test_what_is_smoothed_away_hardly_shows_in_nmse():
    true = waves((16, 16), {1: 1.0, 2: 0.1, 5: 0.1})
    smooth = waves((16, 16), {1: 1.0})
    assert nmse(smooth, true, "density") < 0.03
    np.testing.assert_allclose(spectral_nmse(smooth, true, "density"), 0.5, rtol=1e-4)


def test_octaves_without_waves_do_not_count():
    """In a thin box of 4 by 4 cells, waves 1, 2 and 16, 32: none from 4 to 15."""
    true = waves((4, 4), {1: 1.0, 2: 1.0})
    still = waves((4, 4), {})
    found = spectral_nmse(still, true, "density", spacing=(1.0, 1 / 16))
    np.testing.assert_allclose(found, 2 / 4, rtol=1e-5)


@pytest.mark.parametrize("grid", [(6, 4), (5, 5)])
def test_no_direction_is_preferred_and_leading_axes_are_kept(grid):
    rng = np.random.default_rng(0)
    true, wrong = (
        gn.GeometricImage(FLOW, rng.normal(size=(2, *grid, 3)).astype("f"), 2)
        for _ in range(2)
    )
    found = spectral_nmse(wrong, true)
    assert found.shape == (2,)
    for g in gn.hyperoctahedral(2).elements:
        a, b = (jax.vmap(lambda x, g=g: gn.act(g, x))(x) for x in (wrong, true))
        np.testing.assert_allclose(spectral_nmse(a, b), found, rtol=1e-5)


def total(values):
    return sum(jnp.sum(leaf) for leaf in jax.tree.leaves(values))


METRICS = {
    "spectral_nmse": spectral_nmse,
    "nmse + spectral_nmse": lambda p, t: nmse(p, t) + 0.1 * spectral_nmse(p, t),
    "nrmse": nrmse,
    "vrmse": vrmse,
    "spectral_error": spectral_error,
    "helmholtz_error": helmholtz_error,
    "drift": lambda p, t: drift(p, gamma=1.4, reference=t),
    "spectrum": lambda p, t: energy_spectrum(p, density="density"),
}


@pytest.mark.parametrize("name", METRICS)
def test_slopes_are_finite_where_a_prediction_is_exact(name):
    """Of each metric that has a root: it may be in a loss."""
    array = np.random.default_rng(0).uniform(1, 2, (3, 16, 16, 4)).astype("f")
    if name == "spectrum":
        array[0, 0, 0, 0] = 0
    true = gn.GeometricImage(GAS, jnp.asarray(array), 2)
    first = true.with_array(true.array[0])
    given = (
        (true.with_array(true.array[:1]), first) if name == "drift" else (first, first)
    )
    value, slope = jax.value_and_grad(lambda p: total(METRICS[name](p, given[1])))(
        given[0]
    )
    assert np.isfinite(value)
    assert np.isfinite(slope.array).all()


def test_slopes_are_finite_on_zero_fields():
    zero = gn.GeometricImage(FLOW, jnp.zeros((4, 4, 3)), 2)
    other = gn.random_image(FLOW, (4, 4), key=jax.random.key(0))
    for prediction, true in ((zero, zero), (other, zero), (zero, other)):
        value, slope = jax.value_and_grad(spectral_nmse)(prediction, true)
        assert np.isfinite(value)
        assert np.isfinite(slope.array).all()
    assert 0 < spectral_nmse(zero, other) <= 1


def test_what_has_no_octaves_is_refused():
    image = waves((4, 4), {1: 1.0})
    with pytest.raises(ValueError, match="`floor` must be positive"):
        spectral_nmse(image, image, floor=0.0)
    with pytest.raises(ValueError, match="must name fields"):
        spectral_nmse(image, image, "speed")
    point = gn.GeometricImage(FLOW, jnp.ones((1, 1, 3)), 2)
    with pytest.raises(ValueError, match="one cell has no waves"):
        spectral_nmse(point, point)
