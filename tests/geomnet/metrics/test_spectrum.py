"""Spectra of single waves by hand, Parseval's law, and no preferred direction."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.metrics import (
    energy_ratio,
    energy_spectrum,
    helmholtz_error,
    spectral_error,
    vrmse,
    wave_numbers,
)

FLOW = gn.Signature("density:0+ velocity:1+")


def flow(grid: tuple[int, ...], seed: int = 0, *batch: int) -> gn.GeometricImage:
    rng = np.random.default_rng(seed)
    array = rng.standard_normal((*batch, *grid, 1 + len(grid))).astype(np.float32)
    array[..., 0] = 1 + 0.2 * np.tanh(array[..., 0])
    return gn.GeometricImage(FLOW, array, len(grid))


def wave(grid: tuple[int, ...], m: tuple[int, ...], direction) -> gn.GeometricImage:
    """The velocity `direction cos(2π m·x/L)`, and density one."""
    cells = np.meshgrid(*(np.arange(n) for n in grid), indexing="ij")
    phase = sum(2 * np.pi * k * x / n for k, x, n in zip(m, cells, grid, strict=True))
    velocity = np.cos(phase)[..., None] * np.asarray(direction, float)
    array = np.concatenate([np.ones((*grid, 1)), velocity], axis=-1)
    return gn.GeometricImage(FLOW, array.astype(np.float32), len(grid))


@pytest.mark.parametrize(
    "grid", [(9,), (8,), (8, 8), (6, 9), (5, 7), (4, 6, 5)], ids=str
)
def test_shells_sum_to_half_the_mean_square(grid):
    image = flow(grid, 0, 2)
    spectrum = energy_spectrum(image)
    assert spectrum.shape == (2, len(wave_numbers(grid)))
    half = 0.5 * np.square(image["velocity"]).sum((-1, -2))
    expected = half.mean(axis=tuple(range(1, half.ndim)))
    np.testing.assert_allclose(spectrum.sum(-1), expected, rtol=1e-5)
    octaves = energy_spectrum(image, bins="octaves")
    np.testing.assert_allclose(octaves.sum(-1), spectrum[:, 1:].sum(-1), rtol=1e-5)
    kinetic = energy_spectrum(image, density="density").sum(-1)
    weighed = (half * image["density"][..., 0]).mean(axis=tuple(range(1, half.ndim)))
    np.testing.assert_allclose(kinetic, weighed, rtol=1e-5)


def test_a_wave_lies_in_its_shell_and_octave():
    # cos² has mean ½, so ½ ⟨|u|²⟩ is ½ · ½ · 25.
    spectrum = energy_spectrum(wave((16, 16), (3, -4), (3.0, 4.0)))
    np.testing.assert_allclose(spectrum, 6.25 * (np.arange(12) == 5), atol=1e-5)
    assert wave_numbers((16, 16)).tolist() == list(range(12))
    octaves = energy_spectrum(wave((16, 16), (0, 4), (1.0, 0)), bins="octaves")
    assert wave_numbers((16, 16), bins="octaves").tolist() == [1, 2, 4, 8]
    np.testing.assert_allclose(octaves, [0, 0, 0.25, 0], atol=1e-6)


def test_waves_of_one_length_have_one_number_on_any_grid():
    # Eight cells long on both axes, though the box is twice as long along x.
    for m in ((2, 0), (0, 1)):
        spectrum = energy_spectrum(wave((16, 8), m, (1.0, 0)))
        np.testing.assert_allclose(spectrum[2], 0.25, rtol=1e-5)
    # With cells twice as long along y the box is square.
    spectrum = energy_spectrum(wave((16, 8), (0, 1), (1.0, 0)), spacing=(1.0, 2.0))
    np.testing.assert_allclose(spectrum[1], 0.25, rtol=1e-5)


def test_energy_ratio_tells_smoothing_from_noise_octave_by_octave():
    coarse, fine = (wave((16, 16), m, (1.0, 0.5)) for m in ((1, 0), (0, 8)))
    true = coarse.with_array(coarse.array + fine.array)
    smooth = coarse.with_array(2 * coarse.array + 0.5 * fine.array)
    found = energy_ratio(smooth, true)
    np.testing.assert_allclose(found[jnp.array([0, 3])], [4.0, 0.25], rtol=1e-4)
    # No energy but that of rounding.
    assert np.isnan(found[1:3]).all()
    np.testing.assert_allclose(energy_ratio(true, true)[0], 1.0)


def test_kinetic_energy_sees_the_density():
    true = wave((8, 8), (1, 0), (0, 1.0))
    light = true.with_array(true.array.at[..., 0].multiply(0.25))
    np.testing.assert_allclose(energy_ratio(light, true)[0], 1.0)
    found = energy_ratio(light, true, density="density")
    np.testing.assert_allclose(found[0], 0.25, rtol=1e-5)


def test_spectral_error_is_that_of_the_waves_in_a_band():
    parts = [wave((32, 32), (0, m), (1.0, 0)).array for m in (4, 5, 12, 13)]
    true = gn.GeometricImage(FLOW, sum(parts))
    wrong = true.with_array(parts[0] + 0.5 * parts[1] + parts[2] + 3 * parts[3])
    found = spectral_error(wrong, true)
    np.testing.assert_allclose(found["low"], 0.0, atol=1e-5)
    np.testing.assert_allclose(found["mid"], np.sqrt(0.25 / 2), rtol=1e-4)
    np.testing.assert_allclose(found["high"], 2.0, rtol=1e-4)
    assert list(spectral_error(flow((8, 8)), flow((8, 8)))) == ["low", "mid"]
    assert list(found) == ["low", "mid", "high"]
    with pytest.raises(ValueError, match="rising"):
        spectral_error(true, true, edges=(5, 2))


def test_the_error_is_split_along_and_across_the_wave_vector():
    grid, truth = (16, 8), flow((16, 8))
    for direction, part in (((2.0, 0), "longitudinal"), ((0, 2.0), "transverse")):
        error = wave(grid, (3, 0), direction).array - wave(grid, (3, 0), (0, 0)).array
        found = helmholtz_error(truth.with_array(truth.array + error), truth)
        size = np.sqrt(2 / np.var(np.asarray(truth.array[..., 1:]), (0, 1)).sum())
        for name, value in found.items():
            expected = size if name == part else 0.0
            np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
    # Both are seen in a slanted wave, in parts that its angle says.
    slanted = wave(grid, (2, 1), (1.0, 0)).array - wave(grid, (2, 1), (0, 0)).array
    found = helmholtz_error(truth.with_array(truth.array + slanted), truth)
    np.testing.assert_allclose(found["longitudinal"], found["transverse"], rtol=1e-5)
    slanted = truth.with_array(truth.array + slanted)
    stretched = helmholtz_error(slanted, truth, spacing=(2.0, 1.0))
    assert stretched["transverse"] > 1.5 * stretched["longitudinal"]


@pytest.mark.parametrize("grid", [(9,), (5, 8), (4, 6, 5)], ids=str)
def test_the_parts_of_the_error_add_up_to_vrmse(grid):
    true, wrong = flow(grid, 0, 2), flow(grid, 1, 2)
    parts = helmholtz_error(wrong, true)
    total = sum(np.square(np.asarray(part)) for part in parts.values())
    np.testing.assert_allclose(
        np.sqrt(total), vrmse(wrong, true)["velocity"], rtol=1e-5
    )
    if len(grid) == 1:
        np.testing.assert_allclose(parts["transverse"], 0.0, atol=1e-3)


@pytest.mark.parametrize(
    "grid", [(4, 6), pytest.param((4, 5, 6), marks=pytest.mark.slow)], ids=str
)
def test_no_direction_is_preferred(grid):
    d = len(grid)
    true, wrong = flow(grid, 0), flow(grid, 1)

    @jax.jit
    def measured(wrong, true):
        return (
            vrmse(wrong, true),
            energy_spectrum(wrong),
            energy_ratio(wrong, true, density="density"),
            spectral_error(wrong, true, edges=(1.5, 2.5)),
            helmholtz_error(wrong, true),
        )

    expected = jax.tree.leaves(measured(wrong, true))
    for g in gn.hyperoctahedral(d).generators:
        moved = jax.tree.leaves(measured(gn.act(g, wrong), gn.act(g, true)))
        for a, b in zip(moved, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    # One image moved alone is another error.
    mirrored = gn.act(-np.eye(d, dtype=int), wrong)
    changed = helmholtz_error(mirrored, true)["longitudinal"]
    assert abs(changed / helmholtz_error(wrong, true)["longitudinal"] - 1) > 1e-2


def test_spectra_refuse_what_they_can_not_measure():
    image = flow((4, 4))
    with pytest.raises(ValueError, match="`spacing` must be"):
        energy_spectrum(image, spacing=(1.0, 0.0))
    with pytest.raises(ValueError, match="`field` must name fields of"):
        energy_ratio(image, image, "momentum")
    with pytest.raises(ValueError, match="must name a vector"):
        helmholtz_error(image, image, "density")
    with pytest.raises(ValueError, match="must name a scalar"):
        energy_spectrum(image, density="velocity")
    with pytest.raises(ValueError, match="`bins` must be"):
        energy_spectrum(image, bins="thirds")
