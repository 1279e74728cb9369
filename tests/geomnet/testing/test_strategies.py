"""Hypothesis strategies, and no false alarm on correct but unusual maps."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import geomnet as gn
from geomnet.testing import assert_equivariant, strategies

# Run-time type checks pick one item of a list at random, also inside strategies.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")

RELAXED = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}


def _neighbours(a, d):
    return [np.roll(a, s, axis) for axis in range(d) for s in (1, -1)]


def _per_tensor(image, a, f):
    """`f(norms)` of each channel's tensor, copied to its components."""
    parts, d = [], image.num_spatial_dims
    for entry, where in zip(image.signature, image.signature.slices(d), strict=True):
        part = a[..., where].reshape(*a.shape[:-1], entry.channels, -1)
        # Pseudoscalars have signs that a norm must not see.
        norms = np.sqrt(np.square(part).sum(axis=-1, keepdims=True))
        factor = np.broadcast_to(f(norms), part.shape)
        parts.append(factor.reshape(*a.shape[:-1], -1))
    return np.concatenate(parts, axis=-1)


def smooth_by_fourier(image, a, d):
    """Solves (1 - Laplacian) y = x on the torus."""
    eigenvalues = 1.0
    for axis in range(d):
        k = 2 * np.pi * np.fft.fftfreq(a.shape[axis])
        shape = [1] * a.ndim
        shape[axis] = -1
        eigenvalues = eigenvalues + (2 - 2 * np.cos(k)).reshape(shape)
    return np.fft.ifftn(np.fft.fftn(a, axes=range(d)) / eigenvalues, axes=range(d)).real


def attention(image, a, d):
    """Every cell looks at every other, weighed by inner products."""
    flat = a.reshape(-1, a.shape[-1])
    scores = flat @ flat.T / (1 + np.abs(flat).max() ** 2)
    weights = np.exp(scores - scores.max())
    return (weights @ flat / weights.sum(axis=1, keepdims=True)).reshape(a.shape)


def own_deviation_of_each_component(image, a, d):
    """Right for the rotations of a grid, though not for those of space."""
    return a / (0.1 + a.std(axis=tuple(range(d)), keepdims=True))


UNUSUAL = {
    "smooth by Fourier": smooth_by_fourier,
    "attention": attention,
    "component norm": own_deviation_of_each_component,
    "cube": lambda image, a, d: a**3 / (1 + np.abs(a).max() ** 2),
    "laplacian": lambda image, a, d: sum(_neighbours(a, d)) - 2 * d * a,
    "minus the mean": lambda image, a, d: a - a.mean(axis=tuple(range(d))),
    "bounded": lambda image, a, d: a * _per_tensor(image, a, lambda n: 1 / (1 + n)),
    "gated by the largest norm": lambda image, a, d: (
        a * np.tanh(_per_tensor(image, a, np.max))
    ),
    "ranks of norms": lambda image, a, d: (
        a * _per_tensor(image, a, lambda n: (n > np.median(np.round(n, 2))) + 0.5)
    ),
}


@st.composite
def _unusual_maps(draw):
    names = draw(st.lists(st.sampled_from(sorted(UNUSUAL)), min_size=1, max_size=3))

    def f(image):
        a = np.asarray(image.array, np.float64)
        for name in names:
            a = UNUSUAL[name](image, a, image.num_spatial_dims)
        return image.with_array(jnp.asarray(a.astype(image.dtype)))

    f.__name__ = " then ".join(names)
    return f


def _no_false_alarm(case, f):
    group, image = case
    assert_equivariant(f, image, group, elements=6, shift=1)


@settings(max_examples=30, **RELAXED)
@given(case=strategies.cases(), f=_unusual_maps())
def test_correct_but_unusual_maps_pass(case, f):
    _no_false_alarm(case, f)


@pytest.mark.slow
@settings(max_examples=1000, **RELAXED)
@given(case=strategies.cases(), f=_unusual_maps())
def test_correct_but_unusual_maps_pass_a_thousand_times(case, f):
    _no_false_alarm(case, f)


def test_a_map_that_prefers_an_axis_is_caught():
    def f(image):
        # Symmetric under reflections: only the exchange of axes tells.
        a = np.asarray(image.array)
        return image.with_array(jnp.asarray(sum(_neighbours(a, 1))))

    array = np.random.default_rng(0).normal(size=(5, 7, 1)).astype(np.float32)
    with pytest.raises(AssertionError, match="does not commute"):
        assert_equivariant(f, gn.GeometricImage("0+", array, 2), gn.hyperoctahedral(2))


@settings(max_examples=30, **RELAXED)
@given(
    signature=strategies.signatures(named=True),
    grid=strategies.grids(3, multiple_of=2, max_side=6),
    group=strategies.groups(3),
)
def test_what_is_drawn_is_valid(signature, grid, group):
    assert gn.Signature(str(signature)) == signature
    assert len(signature.names) == len(signature)
    assert all(n % 2 == 0 and 2 <= n <= 6 for n in grid)
    assert group.num_spatial_dims == 3
    assert group.is_subgroup(gn.hyperoctahedral(3))


@settings(max_examples=20, database=None, **RELAXED)
@given(image=strategies.images("2s+ 2x2a-", (2, 3), dtype="float64"))
def test_symmetric_tensors_that_are_drawn_are_symmetric(image):
    """Else a map that reads one half of them, rightly, would not commute."""
    stress, spin = image["2s+"], image["2a-"]
    np.testing.assert_array_equal(stress, np.swapaxes(stress, -1, -2))
    np.testing.assert_array_equal(spin, -np.swapaxes(spin, -1, -2))


def test_groups_of_every_kind_and_special_images_are_drawn():
    groups, kinds = set(), set()

    @settings(max_examples=150, database=None, **RELAXED)
    @given(
        group=strategies.groups(2),
        image=strategies.images("1+", (2, 2), dtype="float64"),
    )
    def collect(group, image):
        groups.add(group)
        array = np.asarray(image.array)
        kinds.add(
            "zero"
            if not array.any()
            else "constant"
            if (array == array[0, 0]).all()
            else "ties"
            if (array == np.round(array)).all()
            else "normal"
        )

    collect()
    assert {g.order for g in groups} == {1, 2, 4, 8}
    assert kinds == {"zero", "constant", "ties", "normal"}


@settings(max_examples=1, **RELAXED)
@given(data=st.data())
def test_a_grid_that_can_not_be_drawn_says_so(data):
    with pytest.raises(ValueError, match="`multiple_of` must be from 1"):
        data.draw(strategies.grids(2, multiple_of=9))
